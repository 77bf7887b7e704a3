import { brokerError } from '../../../src/protocol/error-codes.js'
import { addOffsetsToTxn } from '../../../src/protocol/messages/add-offsets-to-txn.js'
import { addPartitionsToTxn } from '../../../src/protocol/messages/add-partitions-to-txn.js'
import { endTxn } from '../../../src/protocol/messages/end-txn.js'
import { initProducerId } from '../../../src/protocol/messages/init-producer-id.js'
import { offsetFetch } from '../../../src/protocol/messages/offset-fetch.js'
import { txnOffsetCommit } from '../../../src/protocol/messages/txn-offset-commit.js'
import { type BatchOptions, type Bench, batch, type RawClient } from '../raw-client.js'

/** Versions of the requests. */
export interface Versions {
  readonly init: number
  readonly add: number
  readonly offsets: number
  readonly commit: number
  readonly end: number
  readonly produce: number
}

/** Brokers add partitions and groups, and every transaction has its epoch (KIP-890). */
export const NEW: Versions = { init: 5, add: 3, offsets: 4, commit: 5, end: 5, produce: 12 }
/** As before that, with TRANSACTION_ABORTABLE. */
export const CLASSIC: Versions = { init: 4, add: 3, offsets: 3, commit: 4, end: 4, produce: 11 }
/** Before PRODUCER_FENCED, members of groups, and TRANSACTION_ABORTABLE. */
export const OLD: Versions = { init: 2, add: 1, offsets: 1, commit: 2, end: 1, produce: 7 }

export interface MemberOptions {
  readonly memberId?: string
  readonly generationId?: number
  readonly groupInstanceId?: string | null
}

/**
 * A transactional producer that does what it is told to, in one request at a time; the answers are the names of errors. What has an
 * answer of its own, such as an epoch, comes behind the name.
 */
export class RawProducer {
  producerId = -1n
  epoch = -1
  readonly transactionalId: string
  readonly versions: Versions
  /** Of its records. */
  timestamp = 0
  readonly #client: RawClient
  readonly #wait: <T>(answer: Promise<T>) => Promise<T>

  constructor(client: RawClient, wait: Bench['wait'], versions: Versions = NEW, transactionalId = 'tx') {
    this.#client = client
    this.#wait = wait
    this.versions = versions
    this.transactionalId = transactionalId
  }

  /** Another instance with the same transactional id and connection. */
  twin(versions: Versions = this.versions): RawProducer {
    const twin = new RawProducer(this.#client, this.#wait, versions, this.transactionalId)
    twin.timestamp = this.timestamp
    twin.producerId = this.producerId
    twin.epoch = this.epoch
    return twin
  }

  /** Uses the identity in the answer, which comes behind the error. */
  async init(options: { producerId?: bigint; producerEpoch?: number; timeoutMs?: number } = {}): Promise<string> {
    const { producerId = -1n, producerEpoch = -1, timeoutMs: transactionTimeoutMs = 60_000 } = options
    const { transactionalId } = this
    const answer = await this.#wait(
      this.#client.request(initProducerId, this.versions.init, {
        transactionalId,
        transactionTimeoutMs,
        producerId,
        producerEpoch,
      }),
    )
    if (answer.errorCode !== 0) return nameOf(answer.errorCode)
    const rotated = this.producerId !== -1n && this.producerId !== answer.producerId
    this.producerId = answer.producerId
    this.epoch = answer.producerEpoch
    return `NONE epoch ${answer.producerEpoch}${rotated ? ' of another id' : ''}`
  }

  /** InitProducerId with the identity that it has (KIP-360). */
  reinit(timeoutMs?: number): Promise<string> {
    const known = { producerId: this.producerId, producerEpoch: this.epoch }
    return this.init(timeoutMs === undefined ? known : { ...known, timeoutMs })
  }

  /** Adds partitions, each as `topic/partition`; gives one answer, or each partition's if they differ. */
  async add(...names: readonly string[]): Promise<string> {
    const answer = await this.#wait(
      this.#client.request(addPartitionsToTxn, this.versions.add, {
        v3AndBelowTransactionalId: this.transactionalId,
        v3AndBelowProducerId: this.producerId,
        v3AndBelowProducerEpoch: this.epoch,
        v3AndBelowTopics: names.map(name => ({ name: topicOf(name), partitions: [partitionOf(name)] })),
      }),
    )
    return joined(
      answer.resultsByTopicV3AndBelow.flatMap(({ name, resultsByPartition }) =>
        resultsByPartition.map(one => [`${name}/${one.partitionIndex}`, one.partitionErrorCode] as const),
      ),
    )
  }

  /** Produces one batch to `topic/partition`. */
  async produce(where: string, options: BatchOptions = {}): Promise<string> {
    const { producerId, epoch, timestamp } = this
    const bytes = batch({ producerId, epoch, timestamp, transactional: true, ...options })
    const [version, { transactionalId }] = [this.versions.produce, this]
    const { responses } = await this.#wait(this.#client.produce({ [where]: bytes }, { version, transactionalId }))
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
    return errorCode === 0 ? `NONE at ${baseOffset}` : nameOf(errorCode)
  }

  async addOffsets(groupId = 'g'): Promise<string> {
    const { transactionalId, producerId, epoch: producerEpoch } = this
    const request = { transactionalId, producerId, producerEpoch, groupId }
    return nameOf((await this.#wait(this.#client.request(addOffsetsToTxn, this.versions.offsets, request))).errorCode)
  }

  /** Commits offsets, by `topic/partition`. */
  async commitOffsets(
    offsets: Readonly<Record<string, number>>,
    member: MemberOptions = {},
    groupId = 'g',
  ): Promise<string> {
    const { memberId = '', generationId = -1, groupInstanceId = null } = member
    const { transactionalId, producerId, epoch: producerEpoch } = this
    const answer = await this.#wait(
      this.#client.request(txnOffsetCommit, this.versions.commit, {
        transactionalId,
        groupId,
        producerId,
        producerEpoch,
        generationId,
        memberId,
        groupInstanceId,
        topics: Object.entries(offsets).map(([where, offset]) => ({
          name: topicOf(where),
          partitions: [
            {
              partitionIndex: partitionOf(where),
              committedOffset: BigInt(offset),
              committedLeaderEpoch: -1,
              committedMetadata: null,
            },
          ],
        })),
      }),
    )
    return joined(
      answer.topics.flatMap(({ name, partitions }) =>
        partitions.map(one => [`${name}/${one.partitionIndex}`, one.errorCode] as const),
      ),
    )
  }

  /** The committed offset of `topic/partition`. */
  async offset(where: string, requireStable = false, groupId = 'g'): Promise<string> {
    const topics = [{ name: topicOf(where), partitionIndexes: [partitionOf(where)] }]
    const answer = await this.#wait(this.#client.request(offsetFetch, 7, { groupId, topics, requireStable }))
    const [found] = answer.topics[0]!.partitions
    return answer.errorCode || found!.errorCode
      ? nameOf(answer.errorCode || found!.errorCode)
      : `${found!.committedOffset}`
  }

  /** Ends its connection. */
  destroy(): void {
    this.#client.destroy()
  }

  commit(): Promise<string> {
    return this.end(true)
  }

  abort(): Promise<string> {
    return this.end(false)
  }

  /** Version 5 gives the identity of the next transaction, which it uses, unless another was wanted. */
  async end(committed: boolean): Promise<string> {
    const { transactionalId, producerId, epoch: producerEpoch } = this
    const request = { transactionalId, producerId, producerEpoch, committed }
    const answer = await this.#wait(this.#client.request(endTxn, this.versions.end, request))
    if (answer.errorCode !== 0 || this.versions.end < 5) return nameOf(answer.errorCode)
    const rotated = producerId !== answer.producerId
    this.producerId = answer.producerId
    this.epoch = answer.producerEpoch
    return `NONE epoch ${answer.producerEpoch}${rotated ? ' of another id' : ''}`
  }
}

function nameOf(code: number): string {
  return brokerError(code).name
}

function topicOf(where: string): string {
  return where.slice(0, where.indexOf('/'))
}

function partitionOf(where: string): number {
  return Number(where.slice(where.indexOf('/') + 1))
}

function joined(answers: readonly (readonly [where: string, code: number])[]): string {
  const codes = new Set(answers.map(([, code]) => code))
  if (codes.size === 1) return nameOf(answers[0]![1])
  return [...answers]
    .sort()
    .map(([where, code]) => `${where} ${nameOf(code)}`)
    .join(', ')
}

/** A producer with one connection: to the first node unless told. */
export async function rawProducer(
  bench: Bench,
  versions: Versions = NEW,
  transactionalId = 'tx',
  node = 1,
): Promise<RawProducer> {
  return new RawProducer(await bench.connect(node), promise => bench.wait(promise), versions, transactionalId)
}

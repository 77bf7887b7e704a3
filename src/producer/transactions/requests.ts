import { firstValueFrom, merge, Subject } from 'rxjs'
import type { Brokers } from '../../cluster/brokers.js'
import type { Coordinator, CoordinatorCall } from '../../cluster/coordinator.js'
import { KafkaError, ProducerClosedError } from '../../errors.js'
import { addOffsetsToTxn } from '../../protocol/messages/add-offsets-to-txn.js'
import { addPartitionsToTxn } from '../../protocol/messages/add-partitions-to-txn.js'
import { endTxn } from '../../protocol/messages/end-txn.js'
import { CoordinatorType } from '../../protocol/messages/find-coordinator.js'
import { initProducerId } from '../../protocol/messages/init-producer-id.js'
import { type OffsetFetchResponseTopic, offsetFetch } from '../../protocol/messages/offset-fetch.js'
import { type TxnOffsetCommitRequestTopic, txnOffsetCommit } from '../../protocol/messages/txn-offset-commit.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import type { Partition } from '../model/partition.js'
import type { GroupMember, GroupOffset } from './offsets.js'
import { type Verdict, verdictOn } from './verdicts.js'

/** The requests in the way of before transaction.version 2: EndTxn 5 and TxnOffsetCommit 5 are for that. */
const endTxn1: typeof endTxn = { ...endTxn, maxVersion: 4 }
const txnOffsetCommit1: typeof txnOffsetCommit = { ...txnOffsetCommit, maxVersion: 4 }

/** The versions that can ask for all offsets of a group: version 1 would ask for none, and an empty answer looks like a group without offsets. */
const offsetFetchOfAll: typeof offsetFetch = { ...offsetFetch, minVersion: 2 }

/** No producer id yet. */
const NOBODY: ProducerIdAndEpoch = { producerId: -1n, producerEpoch: -1 }

/** Whether a request that failed so is sent again. */
export type Wanted = (error: unknown) => boolean

export const always: Wanted = () => true

/**
 * What a transactional producer asks of coordinators (KIP-98), one method a request. Each resolves once there is an answer that counts, to
 * the verdict if it is an error.
 */
export class TransactionRequests {
  readonly #transactionalId: string
  readonly #transactionTimeoutMs: number
  readonly #brokers: Brokers
  readonly #failed: (error: Error) => void
  readonly #coordinator: Coordinator
  readonly #groups = new Map<string, Coordinator>()
  readonly #abandoned$ = new Subject<never>()

  /** @param failed called with every failure after which a request is sent again. */
  constructor(
    {
      transactionalId,
      transactionTimeoutMs,
    }: { readonly transactionalId: string; readonly transactionTimeoutMs: number },
    brokers: Brokers,
    failed: (error: Error) => void,
  ) {
    this.#transactionalId = transactionalId
    this.#transactionTimeoutMs = transactionTimeoutMs
    this.#brokers = brokers
    this.#failed = failed
    this.#coordinator = brokers.coordinator(transactionalId, CoordinatorType.TRANSACTION, failed)
  }

  /** Whether records add their partition to the transaction, and each transaction has an epoch of its own (KIP-890). */
  get isVersion2(): boolean {
    return this.#coordinator.transactionVersion >= 2
  }

  /**
   * Takes over the transactional id, which fences older producers and ends their transaction.
   *
   * @param current the identity to continue with another epoch (KIP-360); undefined: the producer has none.
   */
  async initialize(current: ProducerIdAndEpoch | undefined, wanted: Wanted): Promise<ProducerIdAndEpoch | Verdict> {
    const { producerId, producerEpoch } = current ?? NOBODY
    const { answer, verdict } = await this.#ask(this.#coordinator, wanted, {
      api: initProducerId,
      request: {
        transactionalId: this.#transactionalId,
        transactionTimeoutMs: this.#transactionTimeoutMs,
        producerId,
        producerEpoch,
      },
      codes: ({ errorCode }) => [errorCode],
    })
    return verdict ?? identityOf(answer)
  }

  /** Adds partitions to the transaction. With {@link isVersion2} their records do it. */
  async addPartitions(
    identity: ProducerIdAndEpoch,
    partitions: Iterable<Partition>,
    wanted: Wanted,
  ): Promise<Verdict | undefined> {
    const topics = new Map<string, number[]>()
    for (const { topic, index } of partitions) topics.set(topic, [...(topics.get(topic) ?? []), index])
    const { verdict } = await this.#ask(this.#coordinator, wanted, {
      api: addPartitionsToTxn,
      request: {
        v3AndBelowTransactionalId: this.#transactionalId,
        v3AndBelowProducerId: identity.producerId,
        v3AndBelowProducerEpoch: identity.producerEpoch,
        v3AndBelowTopics: [...topics].map(([name, indexes]) => ({ name, partitions: indexes })),
      },
      codes: ({ resultsByTopicV3AndBelow }) =>
        resultsByTopicV3AndBelow.flatMap(topic => topic.resultsByPartition.map(one => one.partitionErrorCode)),
    })
    return verdict
  }

  /** Adds a group to the transaction. With {@link isVersion2} its offsets do it. */
  async addGroup(
    { producerId, producerEpoch }: ProducerIdAndEpoch,
    groupId: string,
    wanted: Wanted,
  ): Promise<Verdict | undefined> {
    const { verdict } = await this.#ask(this.#coordinator, wanted, {
      api: addOffsetsToTxn,
      request: { transactionalId: this.#transactionalId, producerId, producerEpoch, groupId },
      codes: ({ errorCode }) => [errorCode],
    })
    return verdict
  }

  /** Stores offsets of a group in the transaction (KIP-447): its members see them once it is committed. */
  async commitOffsets(
    identity: ProducerIdAndEpoch,
    group: GroupMember,
    offsets: readonly GroupOffset[],
    version2: boolean,
    wanted: Wanted,
  ): Promise<Verdict | undefined> {
    const { producerId, producerEpoch } = identity
    if (!version2) {
      const refused = await this.addGroup(identity, group.groupId, wanted)
      if (refused !== undefined) return refused
    }
    const { verdict } = await this.#ask(this.#group(group.groupId), wanted, {
      api: version2 ? txnOffsetCommit : txnOffsetCommit1,
      request: {
        ...group,
        transactionalId: this.#transactionalId,
        producerId,
        producerEpoch,
        topics: byTopic(offsets),
      },
      codes: ({ topics }) => topics.flatMap(({ partitions }) => partitions.map(one => one.errorCode)),
    })
    return verdict
  }

  /** Commits or aborts the transaction. Resolves to the identity of the next one. */
  async end(
    identity: ProducerIdAndEpoch,
    committed: boolean,
    version2: boolean,
    wanted: Wanted,
  ): Promise<ProducerIdAndEpoch | Verdict> {
    const { producerId, producerEpoch } = identity
    const { answer, verdict } = await this.#ask(this.#coordinator, wanted, {
      api: version2 ? endTxn : endTxn1,
      request: { transactionalId: this.#transactionalId, producerId, producerEpoch, committed },
      codes: ({ errorCode }) => [errorCode],
    })
    if (verdict !== undefined) return verdict
    return version2 ? identityOf(answer) : identity
  }

  /** Returns all offsets of a group that no open transaction may change. */
  async fetchOffsets(groupId: string, wanted: Wanted): Promise<OffsetFetchResponseTopic[] | Verdict> {
    const { answer, verdict } = await this.#ask(this.#group(groupId), wanted, {
      api: offsetFetchOfAll,
      request: { groupId, topics: null, requireStable: true },
      codes: ({ errorCode, topics }) => [
        errorCode,
        ...topics.flatMap(({ partitions }) => partitions.map(one => one.errorCode)),
      ],
    })
    return verdict ?? answer.topics
  }

  /** Fails every request that has no answer. */
  abandon(error: Error): void {
    this.#abandoned$.error(error)
  }

  /** Ends every connection. What was not answered is not sent again: another producer may have taken over by then. */
  close(): void {
    this.abandon(new ProducerClosedError('the producer was closed before a coordinator had answered'))
    this.#coordinator.close()
    for (const group of this.#groups.values()) group.close()
  }

  #group(groupId: string): Coordinator {
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      group = this.#brokers.coordinator(groupId, CoordinatorType.GROUP, this.#failed)
      this.#groups.set(groupId, group)
    }
    return group
  }

  /** Resolves to the answer, or to the verdict if it has an error: then nobody can take its fields for what is stored. */
  async #ask<Q, S>(
    coordinator: Coordinator,
    wanted: Wanted,
    call: Omit<CoordinatorCall<Q, S>, 'wanted'>,
  ): Promise<
    { readonly answer: S; readonly verdict?: undefined } | { readonly answer?: undefined; readonly verdict: Verdict }
  > {
    const answer = await firstValueFrom(merge(coordinator.request({ ...call, wanted }), this.#abandoned$))
    const verdict = verdictOn(call.api.name, call.codes(answer))
    return verdict === undefined ? { answer } : { verdict }
  }
}

function identityOf({ producerId, producerEpoch }: { producerId: bigint; producerEpoch: number }): ProducerIdAndEpoch {
  // Records with id -1 are in no transaction: a broker would store them at once, and twice.
  if (producerId < 0n || producerEpoch < 0) {
    throw new KafkaError(
      `a coordinator answered without an error, but with producer id ${producerId} and epoch ${producerEpoch}; both must be at least 0`,
    )
  }
  return { producerId, producerEpoch, transactional: true }
}

function byTopic(offsets: readonly GroupOffset[]): TxnOffsetCommitRequestTopic[] {
  const topics = new Map<string, TxnOffsetCommitRequestTopic>()
  for (const { topic, partition, offset, leaderEpoch, metadata } of offsets) {
    const known = topics.get(topic) ?? { name: topic, partitions: [] }
    topics.set(topic, known)
    known.partitions.push({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      committedMetadata: metadata,
    })
  }
  return [...topics.values()]
}

import { isDeepStrictEqual } from 'node:util'
import { brokerError, ErrorCode, mayPass } from '../../src/protocol/error-codes.js'
import type { InitProducerIdResponse } from '../../src/protocol/messages/init-producer-id.js'
import type { MetadataResponse } from '../../src/protocol/messages/metadata.js'
import type { PartitionProduceResponse, ProduceRequest, ProduceResponse } from '../../src/protocol/messages/produce.js'
import { decodeRecordBatches, decodeRecords } from '../../src/protocol/records/record-batch.js'
import { Random } from '../support/random.js'
import { type Lie, lieIn } from './lie.js'
import { APIS, decode, encodedAnew, type Reply } from './reply.js'

/** How often, and in which way, the answers of one API are changed. */
interface Habit {
  /** Of how many answers: from 0, none, to 1, all. */
  readonly rate: number
  /** It is the same lie each time, as far as the answers are alike. */
  readonly stubborn: boolean
  /** Of how many lies it is an answer that was given before, as out of a cache. */
  readonly stale: number
  /** What brokers have answered so far, truly. */
  readonly given: Reply[]
}

/**
 * Changes values of the brokers' answers, as a seed decides, and keeps what that excuses. Whether and how an answer is lied about
 * depends on the seed and on which answer it is, counted from 0, so that one lie more or less changes no other.
 */
export class Liars {
  /** Each lie: which answer, of which API, and what was changed. */
  readonly told: { readonly answer: number; readonly api: string; readonly text: string }[] = []
  /** Partitions, as `topic-partition`, of which an answer said what is not so: that a batch is stored, or that it is not. */
  readonly misled: Set<string> = new Set()
  /** Records, by number, that were stored at another offset than the answer said. */
  readonly misplaced: Set<number> = new Set()
  /** Topics that an answer described as recreated: the order of their records is not kept. */
  readonly madeAnew: Set<string | null> = new Set()
  /** The producer was told something after which it cannot go on. */
  fatal = false
  /** A broker was said to want to be left alone. */
  throttled = false
  /** How many brokers there are, by the answer that names most. */
  mostBrokers = 0
  /** The first cluster id that the producer was told, which it holds to, is false. */
  misidentified = false
  active = true
  readonly #seed: number
  readonly #muted: ReadonlySet<number>
  readonly #habits = new Map<string, Habit>()
  /** No answer may be false about whether a batch is stored. */
  readonly #spareStorage: boolean
  /** The producer was told the true cluster id. */
  #identified = false
  #answers = 0

  /** @param muted answers that stay as they are. */
  constructor(seed: number, muted: ReadonlySet<number>) {
    this.#seed = seed
    this.#muted = muted
    const random = new Random(seed)
    for (const { name } of APIS) {
      // What comes before everything else would let nothing else happen.
      const rates = name.startsWith('Sasl') || name === 'ApiVersions' ? [0, 0, 0.02, 0.1, 0.5] : [0, 0.05, 0.2, 0.5, 1]
      this.#habits.set(name, {
        rate: random.pick(rates),
        stubborn: random.chance(0.3),
        stale: random.pick([0, 0.1, 0.5]),
        given: [],
      })
    }
    this.#spareStorage = random.chance(0.6)
  }

  /** The bytes that take the place of a reply. */
  tamper(reply: Reply, request: () => unknown): Buffer {
    const { name, key } = reply.api
    const answer = this.#answers++
    const random = new Random(Math.imul(this.#seed, 0x9e3779b1) ^ (answer + 1))
    const { rate, stubborn, stale, given } = this.#habits.get(name)!
    given.push(reply)
    if (!this.active || this.#muted.has(answer) || !random.chance(rate)) return this.#pass(reply)
    const lie = random.chance(stale)
      ? this.#stale(reply, random)
      : lieIn(reply, stubborn ? new Random(this.#seed ^ key) : random)
    if (lie === undefined || !this.#excuse(reply, request, lie)) return this.#pass(reply)
    this.told.push({ answer, api: name, text: `answer ${answer}, ${name} ${reply.version}: ${lie.changes.join('; ')}` })
    return lie.frame
  }

  #pass(reply: Reply): Buffer {
    this.#identified ||= reply.api.name === 'Metadata'
    return reply.frame
  }

  #stale(reply: Reply, random: Random): Lie | undefined {
    const earlier = random.pick(this.#habits.get(reply.api.name)!.given)
    if (earlier.version !== reply.version) return undefined
    const answer = decode(earlier)
    const frame = encodedAnew(reply, answer)
    return frame.equals(reply.frame) ? undefined : { answer, frame, changes: ['what was answered before'] }
  }

  /** Takes down what the lie excuses; false for one that is not to be told. */
  #excuse(reply: Reply, request: () => unknown, { answer }: Lie): boolean {
    const { throttleTimeMs } = answer as { throttleTimeMs?: number }
    switch (reply.api.name) {
      case 'Produce': {
        const excuse = falsehoods(
          request() as ProduceRequest,
          decode(reply) as ProduceResponse,
          answer as ProduceResponse,
        )
        if (this.#spareStorage && excuse.misled.length > 0) return false
        for (const partition of excuse.misled) this.misled.add(partition)
        for (const record of excuse.misplaced) this.misplaced.add(record)
        this.fatal ||= excuse.fatal
        this.throttled ||= (throttleTimeMs ?? 0) > 0
        break
      }
      case 'InitProducerId': {
        const { errorCode } = answer as InitProducerIdResponse
        this.fatal ||= errorCode !== ErrorCode.NONE && !mayPass(brokerError(errorCode))
        break
      }
      case 'Metadata': {
        const { brokers, clusterId, topics } = answer as MetadataResponse
        const truth = decode(reply) as MetadataResponse
        const ids = new Map(truth.topics.map(({ name, topicId }) => [name, topicId]))
        for (const { name, topicId } of topics) if (!isDeepStrictEqual(topicId, ids.get(name))) this.madeAnew.add(name)
        this.mostBrokers = Math.max(this.mostBrokers, brokers.length)
        const isIt = clusterId === truth.clusterId
        if (!isIt && !this.#identified) this.misidentified = true
        if (isIt) this.#identified = true
        break
      }
      default:
        this.fatal ||= refuses(decode(reply) as Refusing, answer as Refusing)
    }
    return true
  }
}

/** What can refuse a client in the answers of ApiVersions, SaslHandshake and SaslAuthenticate. */
interface Refusing {
  readonly errorCode: number
  readonly apiKeys?: unknown
  readonly authBytes?: Buffer
}

/** Who is refused, or finds that the other side speaks nothing that it does or is not who it should be, cannot go on. */
function refuses(truth: Refusing, { errorCode, apiKeys, authBytes }: Refusing): boolean {
  if (errorCode !== ErrorCode.NONE) return true
  return !isDeepStrictEqual([apiKeys, authBytes], [truth.apiKeys, truth.authBytes])
}

interface Falsehoods {
  readonly misled: readonly string[]
  readonly misplaced: readonly number[]
  readonly fatal: boolean
}

const FATAL: readonly number[] = [ErrorCode.PRODUCER_FENCED, ErrorCode.CLUSTER_AUTHORIZATION_FAILED]

/** What a false answer says of the batches of its request that the true one does not. */
function falsehoods(request: ProduceRequest, truth: ProduceResponse, lie: ProduceResponse): Falsehoods {
  const misled: string[] = []
  const misplaced: number[] = []
  let fatal = false
  for (const { name, partitionData } of request.topicData) {
    for (const { index, records } of partitionData) {
      const [was, said] = [entryOf(truth, name, index), entryOf(lie, name, index)]
      fatal ||= said !== undefined && FATAL.includes(said.errorCode)
      if (claim(said) !== 'unknown' && claim(said) !== claim(was)) misled.push(`${name}-${index}`)
      else if (said?.baseOffset !== was?.baseOffset) misplaced.push(...numbersIn(records))
    }
  }
  return { misled, misplaced, fatal }
}

/** The first counts. */
function entryOf({ responses }: ProduceResponse, topic: string, index: number): PartitionProduceResponse | undefined {
  const entries = responses.filter(({ name }) => name === topic).flatMap(one => one.partitionResponses)
  return entries.find(entry => entry.index === index)
}

/** Codes that say for certain that a batch was not stored: the table in ARCHITECTURE.md, "The recovery". */
const NOT_STORED: readonly number[] = [
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.INVALID_TOPIC_EXCEPTION,
  ErrorCode.RECORD_LIST_TOO_LARGE,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.INVALID_REQUIRED_ACKS,
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
  ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
  ErrorCode.INVALID_TIMESTAMP,
  ErrorCode.UNSUPPORTED_VERSION,
  ErrorCode.INVALID_REQUEST,
  ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT,
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.INVALID_PRODUCER_EPOCH,
  ErrorCode.INVALID_TXN_STATE,
  ErrorCode.INVALID_PRODUCER_ID_MAPPING,
  ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
  ErrorCode.INVALID_RECORD,
  ErrorCode.PRODUCER_FENCED,
  ErrorCode.TRANSACTION_ABORTABLE,
]

function claim(entry: PartitionProduceResponse | undefined): 'stored' | 'not stored' | 'unknown' {
  if (entry === undefined) return 'unknown'
  const { errorCode } = entry
  if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.DUPLICATE_SEQUENCE_NUMBER) return 'stored'
  return NOT_STORED.includes(errorCode) ? 'not stored' : 'unknown'
}

/** Records carry their number as their value. */
export function numberIn(value: unknown): number {
  return Number.parseInt(String(value), 10)
}

function numbersIn(records: Uint8Array | null): number[] {
  const batches = records === null ? [] : decodeRecordBatches(records)
  return batches.flatMap(batch => decodeRecords(batch).map(({ value }) => numberIn(value)))
}

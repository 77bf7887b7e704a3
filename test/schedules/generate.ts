import { RECORD_COST } from '../../src/producer/model/batch.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { Fault, FaultRule } from '../../src/testing/index.js'
import { Random } from '../support/random.js'
import type { Burst, Schedule, Step, StreamPlan } from './schedule.js'

/** Codes that leave nothing behind. DUPLICATE_SEQUENCE_NUMBER is not among them: it says that the batch is stored. */
const BEFORE_APPEND = [
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.UNKNOWN_SERVER_ERROR,
  ErrorCode.THROTTLING_QUOTA_EXCEEDED,
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.INVALID_PRODUCER_EPOCH,
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
  ErrorCode.INVALID_RECORD,
]

/** Codes that can name records of the batch. */
const BAD_RECORDS = [ErrorCode.INVALID_RECORD, ErrorCode.INVALID_TIMESTAMP, ErrorCode.CORRUPT_MESSAGE]

/** Codes that brokers do give for a batch that is, or may stay, in the log. */
const AFTER_APPEND = [
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.NETWORK_EXCEPTION,
  ErrorCode.UNKNOWN_SERVER_ERROR,
  ErrorCode.DUPLICATE_SEQUENCE_NUMBER,
]

const OTHER_API_CODES: Readonly<Record<string, readonly number[]>> = {
  Metadata: [
    ErrorCode.LEADER_NOT_AVAILABLE,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.UNKNOWN_SERVER_ERROR,
    ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    ErrorCode.REBOOTSTRAP_REQUIRED,
  ],
  InitProducerId: [
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    ErrorCode.CONCURRENT_TRANSACTIONS,
  ],
  ApiVersions: [ErrorCode.UNKNOWN_SERVER_ERROR, ErrorCode.UNSUPPORTED_VERSION],
}

/** A false size, a false correlation id, an array that is cut off, nothing at all, half a size, half a frame. */
const HOSTILE = ['7fffffff', '00000004ffffffff', '0000000400000003', '', '0000', '0000002000000001000000', 'ffffffffff']

/** Codes that a newer broker, or a proxy, may give: they say nothing of whether the batch is stored. */
const UNKNOWN_CODES = [200, 134, -2]

/** The schedule that a seed stands for. */
export function generate(seed: number): Schedule {
  return new Generator(new Random(seed)).schedule(seed)
}

class Generator {
  readonly #random: Random
  readonly #nodes: number
  readonly #partitions: readonly number[]

  constructor(random: Random) {
    this.#random = random
    this.#nodes = random.int(1, 3)
    this.#partitions = random.list(1, 2, () => random.int(1, 4))
  }

  schedule(seed: number): Schedule {
    const random = this.#random
    const producer = this.#producer()
    const streams = random.list(1, 4, () => this.#stream())
    return {
      seed,
      cluster: {
        nodes: this.#nodes,
        partitions: this.#partitions,
        replyDelayMs: random.pick([0, 0, 1, 5, 20, 50]),
        latencyMs: random.pick([0, 0, 1, 5, 20]),
        strictFirstSequence: random.chance(0.3),
        ...(random.chance(0.1) && { maxMessageBytes: random.int(150, 600) }),
        ...(random.chance(0.2) && { leaderElectionMs: random.int(0, 500) }),
        ...(random.chance(0.15) && { compacted: true }),
        ...(random.chance(0.3) && { old: true }),
        ...(random.chance(0.2) && { connectionsMaxIdleMs: this.#idleMs() }),
      },
      producer,
      streams,
      steps: random.list(1, 12, () => ({ wait: this.#wait(), ...this.#action() })),
    }
  }

  #producer(): Schedule['producer'] {
    const random = this.#random
    const hasty = random.chance(0.5)
    const linger = random.pick([0, 0, 0, 1, 10, 100])
    const requestTimeoutMs = hasty ? random.int(300, 1500) : random.int(2000, 30_000)
    const small = random.chance(0.25)
    const maxRequestSize = small ? random.int(1024, 2048) : 1_048_576
    return {
      maxInFlight: random.int(1, 5),
      linger,
      batchSize: random.pick([1, 120, 200, 400, 1000, small ? 1024 : 16_384]),
      requestTimeoutMs,
      deliveryTimeoutMs: linger + requestTimeoutMs + (hasty ? random.int(500, 8000) : random.int(10_000, 90_000)),
      maxRequestSize,
      ...(small && { bufferMemory: maxRequestSize + 16 * RECORD_COST + random.int(0, 8192) }),
      overflow: random.pick(['error', 'reject']),
      ...(random.chance(0.35) && { retries: random.int(1, 3) }),
      ...(random.chance(0.4) && { compression: random.pick(['gzip', 'gzip', 'snappy']) }),
      ...(random.chance(0.2) && { retryBackoffMs: random.int(1, 50) }),
      ...(random.chance(0.2) && { metadataMaxAgeMs: random.int(500, 10_000) }),
      // More than a handshake takes on the slowest network: else no broker could ever be reached.
      ...(random.chance(0.2) && { connectTimeoutMs: random.int(250, 1000) }),
      ...(random.chance(0.2) && { allowAutoTopicCreation: false }),
      ...(random.chance(0.2) && { idleConnectionMs: this.#idleMs() }),
    }
  }

  /** More than a handshake takes on the slowest network, as with `connectTimeoutMs`. */
  #idleMs(): number {
    return this.#random.int(250, 5000)
  }

  #stream(): StreamPlan {
    const random = this.#random
    return {
      by: random.pick(['send', 'send', 'send', 'sendBatches', 'publish', 'publishAsync']),
      bursts: random.list(1, 6, () => this.#burst()),
      end: random.pick(['complete', 'complete', 'complete', 'open', 'error']),
    }
  }

  #burst(): Burst {
    const random = this.#random
    const topic = this.#topic()
    const to = random.pick(['key', 'key', 'none', 'one'] as const)
    return {
      wait: random.chance(0.3) ? 0 : this.#wait(),
      count: random.chance(0.1) ? random.int(20, 60) : random.int(1, 12),
      topic,
      to: to === 'one' ? this.#partition(topic) + (random.chance(0.05) ? 2 : 0) : to,
      size: random.pick([0, 10, 10, 50, 200, 700]),
      ...(random.chance(0.05) && { invalid: true }),
    }
  }

  #action(): StepAction {
    const random = this.#random
    const topic = this.#topic()
    const partition = this.#partition(topic)
    const node = random.int(1, this.#nodes)
    const kind = random.next()
    if (kind < 0.5) return { do: 'inject', rule: this.#rule() }
    if (kind < 0.58) return { do: 'moveLeader', topic, partition, node }
    if (kind < 0.64) return { do: 'stopNode', node }
    if (kind < 0.7) return { do: 'startNode', node }
    if (kind < 0.71) return { do: 'stopAll' }
    if (kind < 0.735) return { do: 'startAll' }
    if (kind < 0.75) return { do: 'reloadProducers', topic, partition }
    if (kind < 0.8) return { do: 'cut', node }
    if (kind < 0.82) return { do: 'addPartitions', topic, more: random.int(1, 2) }
    if (kind < 0.84) return { do: 'deleteRecords', topic, partition, count: random.int(1, 20) }
    if (kind < 0.86) return { do: 'truncate', topic, partition, batches: random.int(1, 3) }
    if (kind < 0.88) return { do: 'forgetProducer', topic, partition }
    if (kind < 0.895) return { do: 'deleteTopic', topic }
    if (kind < 0.92) {
      return { do: random.chance(0.5) ? 'createTopic' : 'deleteTopic', topic, partitions: random.int(1, 4) }
    }
    if (kind < 0.95) return { do: 'flush' }
    if (kind < 0.975) return { do: 'unsubscribe', stream: random.int(0, 3) }
    return { do: random.chance(0.4) ? 'close' : 'expireProducers' }
  }

  #rule(): FaultRule {
    const random = this.#random
    const topic = this.#topic()
    const api = random.chance(0.8) ? 'Produce' : random.pick(Object.keys(OTHER_API_CODES))
    return {
      fault: api === 'Produce' ? this.#produceFault() : this.#otherFault(api),
      ...(api !== 'Produce' && { api }),
      ...(random.chance(0.3) && { node: random.int(1, this.#nodes) }),
      ...(api === 'Produce' && random.chance(0.4) && { topic, partition: this.#partition(topic) }),
      ...(random.chance(0.5) && { after: random.int(0, 8) }),
      ...(random.chance(0.5) && { times: random.chance(0.1) ? 1000 : random.int(1, 6) }),
    }
  }

  #produceFault(): Fault {
    const random = this.#random
    const kind = random.next()
    if (kind < 0.18) return { kind: 'error', code: random.pick(random.chance(0.1) ? UNKNOWN_CODES : BEFORE_APPEND) }
    if (kind < 0.25) return this.#badRecords()
    if (kind < 0.45)
      return { kind: 'errorAfterAppend', code: random.pick(random.chance(0.1) ? UNKNOWN_CODES : AFTER_APPEND) }
    if (kind < 0.55) {
      return { kind: 'answerEntries', change: random.pick(['omit', 'duplicate', 'invent', 'reverse']) }
    }
    return this.#anyFault()
  }

  /** Those that are named may not be there, and be named twice. */
  #badRecords(): Fault {
    const random = this.#random
    const index = (): number => (random.chance(0.1) ? random.pick([-1, 2147483647]) : random.int(0, 12))
    const recordErrors = random.list(0, 4, () => ({ index: index(), message: random.pick(['no key', 'too old']) }))
    return { kind: 'error', code: random.pick(BAD_RECORDS), recordErrors }
  }

  #otherFault(api: string): Fault {
    const random = this.#random
    if (random.chance(0.4)) return { kind: 'error', code: random.pick(OTHER_API_CODES[api]!) }
    if (api === 'Metadata' && random.chance(0.4)) return { kind: 'staleMetadata' }
    return this.#anyFault()
  }

  #anyFault(): Fault {
    const random = this.#random
    switch (random.int(0, 9)) {
      case 0:
        return { kind: 'delay', ms: random.int(1, 3000) }
      case 1:
        return { kind: 'neverAnswer' }
      case 2:
      case 3:
        return { kind: 'appendThenDrop' }
      case 4:
        return { kind: 'dropBeforeAppend' }
      case 5:
        return { kind: 'cutReply', atByte: random.int(0, 80) }
      case 6:
        return { kind: 'throttle', ms: random.int(1, 2000) }
      case 7:
        return { kind: 'hostileBytes', hex: random.pick(HOSTILE) }
      case 8:
        return { kind: 'carryOutLate', ms: random.int(1, 5000) }
      default:
        return { kind: 'slowDrain', bytesPerSecond: random.int(500, 20_000) }
    }
  }

  #wait(): number {
    const random = this.#random
    const kind = random.next()
    if (kind < 0.2) return 0
    if (kind < 0.6) return random.int(0, 30)
    return kind < 0.9 ? random.int(0, 400) : random.int(0, 5000)
  }

  #topic(): string {
    return `t${this.#random.int(0, this.#partitions.length - 1)}`
  }

  #partition(topic: string): number {
    return this.#random.int(0, this.#partitions[Number(topic.slice(1))]! - 1)
  }
}

type StepAction = Step extends infer S ? (S extends Step ? Omit<S, 'wait'> : never) : never

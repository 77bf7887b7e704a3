import type { ProducerOptions } from '../../../src/index.js'
import { RECORD_COST } from '../../../src/producer/model/batch.js'
import { ErrorCode } from '../../../src/protocol/error-codes.js'
import type { Fault, FaultRule } from '../../../src/testing/index.js'
import { Random } from '../../support/random.js'

export const FORMS = [
  'send',
  'sendBatches',
  'publish Observable',
  'publish iterable',
  'publish async iterable',
  'publish Readable',
  'publish web stream',
  'writable',
  'duplex',
  'webWritable',
  'webTransform',
] as const

export type Form = (typeof FORMS)[number]

/** Everything that a run is made of, as a plain JSON value. */
export interface Script {
  readonly seed: number
  readonly cluster: {
    readonly nodes: number
    readonly partitions: number
    readonly replyDelayMs: number
    readonly latencyMs: number
  }
  readonly producer: Partial<Omit<ProducerOptions, 'brokers' | 'scheduler' | 'transport' | 'random' | 'partitioner'>>
  readonly streams: readonly StreamPlan[]
  readonly steps: readonly Step[]
}

export interface StreamPlan {
  readonly form: Form
  /** Whether what goes in is a record, or a record is made of it: at once, or later. */
  readonly serializer: 'none' | 'sync' | 'async'
  /** What fails is taken by `onFailed`, in a form that has it. */
  readonly onFailed: boolean
  /** Whether its reader, in a form that has one, reads from the start. */
  readonly reads: boolean
  /** An iterable can't wait: what it has, and whether it fails after that. */
  readonly length: number
  readonly fails: boolean
}

/** Something that is done so many ms after the step before it. What can't be done any more is passed over. */
export type Step = { readonly wait: number } & (
  | {
      readonly do: 'write'
      readonly stream: number
      readonly count: number
      /** Bytes of padding in each value. */
      readonly size: number
      /** All at a time, where the form takes that. */
      readonly array: boolean
      /** The last one can't be sent. */
      readonly bad: boolean
    }
  /** The source ends, or fails; the stream is left by who reads it; its signal is aborted; its reader stops, or reads on. */
  | { readonly do: 'end' | 'fail' | 'leave' | 'abort' | 'stopReading' | 'readOn'; readonly stream: number }
  /** Its signal is aborted after so many ms. */
  | { readonly do: 'flush'; readonly patienceMs?: number }
  | { readonly do: 'close'; readonly timeoutMs?: number; readonly patienceMs?: number }
  | { readonly do: 'inject'; readonly rule: FaultRule }
  | { readonly do: 'stopNode' | 'startNode'; readonly node: number }
)

type Action = Step extends infer S ? (S extends Step ? Omit<S, 'wait'> : never) : never

const BEFORE_APPEND = [
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.UNKNOWN_SERVER_ERROR,
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
  ErrorCode.INVALID_RECORD,
]

const AFTER_APPEND = [
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.NETWORK_EXCEPTION,
  ErrorCode.DUPLICATE_SEQUENCE_NUMBER,
]

/** Codes that a newer broker, or a proxy, may give: they say nothing of whether the batch is stored. */
const UNKNOWN_CODES = [200, -2]

/** The script that a seed stands for. */
export function generate(seed: number): Script {
  const random = new Random(seed)
  const nodes = random.int(1, 2)
  const partitions = random.int(1, 3)
  const streams = random.list(1, 3, () => streamPlan(random))
  return {
    seed,
    cluster: { nodes, partitions, replyDelayMs: random.pick([0, 1, 5, 20]), latencyMs: random.pick([0, 0, 1, 5]) },
    producer: producerOptions(random),
    streams,
    steps: random.list(4, 24, () => ({
      wait: random.chance(0.4) ? 0 : random.chance(0.8) ? random.int(0, 40) : random.int(0, 1_500),
      ...action(random, streams.length, nodes, partitions),
    })),
  }
}

function streamPlan(random: Random): StreamPlan {
  return {
    form: random.pick(FORMS),
    serializer: random.pick(['none', 'sync', 'async']),
    onFailed: random.chance(0.5),
    reads: random.chance(0.6),
    length: random.int(0, 80),
    fails: random.chance(0.3),
  }
}

function producerOptions(random: Random): Script['producer'] {
  const linger = random.pick([0, 0, 5, 200])
  const requestTimeoutMs = random.int(200, 1_500)
  const small = random.chance(0.6)
  return {
    linger,
    batchSize: random.pick([1, 150, 400, 1_024]),
    maxInFlight: random.int(1, 5),
    requestTimeoutMs,
    deliveryTimeoutMs: linger + requestTimeoutMs + random.int(100, 4_000),
    overflow: random.pick(['error', 'reject']),
    ...(small && { maxRequestSize: 1_024, bufferMemory: 1_024 + RECORD_COST + random.int(0, 8_192) }),
    ...(!small && { maxRequestSize: 4_096 }),
    ...(random.chance(0.3) && { maxBlockMs: random.int(1, 1_500) }),
    ...(random.chance(0.3) && { retries: random.int(1, 3) }),
    ...(random.chance(0.2) && { compression: 'snappy' }),
  }
}

function action(random: Random, streams: number, nodes: number, partitions: number): Action {
  const stream = random.int(0, streams - 1)
  const kind = random.next()
  if (kind < 0.42) {
    return {
      do: 'write',
      stream,
      count: random.chance(0.15) ? random.int(30, 120) : random.int(1, 12),
      size: random.pick([0, 10, 100, 600]),
      array: random.chance(0.3),
      bad: random.chance(0.15),
    }
  }
  if (kind < 0.52) return { do: 'end', stream }
  if (kind < 0.55) return { do: 'fail', stream }
  if (kind < 0.59) return { do: 'leave', stream }
  if (kind < 0.62) return { do: 'abort', stream }
  if (kind < 0.66) return { do: 'stopReading', stream }
  if (kind < 0.69) return { do: 'readOn', stream }
  if (kind < 0.76) return { do: 'flush', ...(random.chance(0.3) && { patienceMs: random.int(0, 300) }) }
  if (kind < 0.79) {
    return {
      do: 'close',
      ...(random.chance(0.4) && { timeoutMs: random.int(0, 500) }),
      ...(random.chance(0.3) && { patienceMs: random.int(0, 500) }),
    }
  }
  if (kind < 0.84) return { do: 'stopNode', node: random.int(1, nodes) }
  if (kind < 0.89) return { do: 'startNode', node: random.int(1, nodes) }
  return {
    do: 'inject',
    rule: {
      fault: fault(random),
      ...(random.chance(0.3) && { topic: 't', partition: random.int(0, partitions - 1) }),
      ...(random.chance(0.5) && { after: random.int(0, 5) }),
      times: random.chance(0.15) ? 1_000 : random.int(1, 4),
    },
  }
}

function fault(random: Random): Fault {
  switch (random.int(0, 9)) {
    case 0:
    case 1:
      return { kind: 'error', code: random.pick(random.chance(0.1) ? UNKNOWN_CODES : BEFORE_APPEND) }
    case 2:
    case 3:
      return { kind: 'errorAfterAppend', code: random.pick(random.chance(0.1) ? UNKNOWN_CODES : AFTER_APPEND) }
    case 4:
      return { kind: 'neverAnswer' }
    case 5:
      return { kind: 'appendThenDrop' }
    case 6:
      return { kind: 'dropBeforeAppend' }
    case 7:
      return { kind: 'carryOutLate', ms: random.int(1, 2_000) }
    case 8:
      return { kind: 'slowDrain', bytesPerSecond: random.int(500, 20_000) }
    default:
      return { kind: 'delay', ms: random.int(1, 800) }
  }
}

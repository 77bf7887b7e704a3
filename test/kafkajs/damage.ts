import kafkajs from 'kafkajs'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { type Fault, type FaultRule, startCluster, type TestCluster } from '../../src/testing/index.js'
import type { Api } from './support.js'

/** Something that goes wrong in the middle of a program. */
export interface Scenario {
  readonly what: string
  readonly strike: (cluster: TestCluster) => unknown
}

const one = (fault: Fault, rule: Omit<FaultRule, 'fault'> = {}) => {
  return (cluster: TestCluster): unknown => cluster.inject({ topic: 't', partition: 0, ...rule, fault })
}

/** Those of the fault matrix that a program of kafkajs's API can meet over TCP. */
export const SCENARIOS: readonly Scenario[] = [
  { what: 'nothing goes wrong', strike: () => {} },
  { what: 'stored, and the answer is lost', strike: one({ kind: 'appendThenDrop' }) },
  { what: 'the connection is cut in the middle of an answer', strike: one({ kind: 'cutReply', atByte: 8 }) },
  { what: 'stored, and never answered', strike: one({ kind: 'neverAnswer' }) },
  { what: 'answered after the request has timed out', strike: one({ kind: 'delay', ms: 600 }) },
  { what: 'carried out after the request has timed out', strike: one({ kind: 'carryOutLate', ms: 400 }) },
  { what: 'cut before the request is stored', strike: one({ kind: 'dropBeforeAppend' }) },
  {
    what: 'two more requests are stored, then the connection is cut',
    strike: one({ kind: 'appendThenDrop' }, { after: 1 }),
  },
  {
    what: 'two requests are refused with NOT_ENOUGH_REPLICAS',
    strike: one({ kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS }, { times: 2 }),
  },
  {
    what: 'stored, and answered with NOT_ENOUGH_REPLICAS_AFTER_APPEND',
    strike: one({ kind: 'errorAfterAppend', code: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND }),
  },
  {
    what: 'the leader moves, and metadata is stale for a while',
    strike: cluster => {
      cluster.moveLeader('t', 0, (cluster.leader('t', 0) % 3) + 1)
      cluster.inject({ api: 'Metadata', times: 2, fault: { kind: 'staleMetadata' } })
    },
  },
  { what: 'the leader is lost', strike: cluster => cluster.stopNode(cluster.leader('t', 0)) },
  {
    what: 'every broker is started again',
    strike: async cluster => {
      for (const node of [1, 2, 3]) await cluster.stopNode(node)
      for (const node of [1, 2, 3]) await cluster.startNode(node)
    },
  },
  { what: 'the broker asks for a pause (quota)', strike: one({ kind: 'throttle', ms: 300 }) },
  { what: 'the broker forgets the producer', strike: cluster => cluster.forgetProducer('t', 0) },
]

/** What became of the messages of a program. */
export interface Damage {
  /** Acked, and not stored. */
  readonly lost: number
  /** Copies beyond the first. */
  readonly twice: number
  /** Stored behind a message of the same partition that was sent later. */
  readonly reordered: number
  /** Of sends that were rejected. */
  readonly failed: number
}

const SENDS = 24
const STRIKE_AT = 8
const PER_SEND = 4
const PARTITIONS = 2
export const MESSAGES: number = SENDS * PER_SEND

const CONFIG = {
  logLevel: kafkajs.logLevel.NOTHING,
  requestTimeout: 250,
  retry: { initialRetryTime: 10, maxRetryTime: 60, factor: 0.2, multiplier: 2 },
}

/**
 * Runs a program that sends messages to two partitions, and counts what became of them.
 *
 * @param atOnce sends that it has open at the same time.
 * @param retries enough to outlast every scenario; more on a machine that is busy.
 */
export async function damageOf(
  api: Api,
  config: kafkajs.ProducerConfig,
  atOnce: number,
  { strike }: Scenario,
  retries = 30,
): Promise<Damage> {
  await using cluster = await startCluster({ nodes: 3, topics: { t: { partitions: PARTITIONS } }, replyDelayMs: 5 })
  const producer = new api.Kafka({ ...CONFIG, retry: { ...CONFIG.retry, retries }, brokers: cluster.brokers }).producer(
    config,
  )
  await producer.connect()
  const acked = new Set<number>()
  const open = new Set<Promise<void>>()
  let failed = 0
  const send = async (first: number): Promise<void> => {
    const numbers = Array.from({ length: PER_SEND }, (_, i) => first + i)
    const messages = numbers.map(number => ({ partition: number % PARTITIONS, value: `${number}` }))
    try {
      await producer.send({ topic: 't', messages })
      for (const number of numbers) acked.add(number)
    } catch {
      failed += PER_SEND
    }
  }
  for (let i = 0; i < SENDS; i++) {
    if (i === STRIKE_AT) await strike(cluster)
    const sending: Promise<void> = send(i * PER_SEND).finally(() => open.delete(sending))
    open.add(sending)
    if (open.size >= atOnce) await Promise.race(open)
  }
  await Promise.all(open)
  await producer.disconnect()
  return { ...judge(cluster, acked), failed }
}

function judge(cluster: TestCluster, acked: ReadonlySet<number>): Omit<Damage, 'failed'> {
  const stored = new Set<number>()
  let [twice, reordered] = [0, 0]
  for (let partition = 0; partition < PARTITIONS; partition++) {
    let last = -1
    for (const { value } of cluster.records('t', partition)) {
      const number = Number(value)
      if (stored.has(number)) twice++
      else if (number < last) reordered++
      stored.add(number)
      last = Math.max(last, number)
    }
  }
  return { lost: [...acked].filter(number => !stored.has(number)).length, twice, reordered }
}

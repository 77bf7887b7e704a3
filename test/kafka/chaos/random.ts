/**
 * `npm run test:chaos -- --random [--seconds 120] [--seed S]`: brokers are killed, stopped and cut off at random while a
 * producer is under constant load; then everything heals, and readers are held against acks. A seed gives the same faults
 * in the same order; when each one meets the producer is up to the machine.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { produce } from '../../../src/protocol/messages/produce.js'
import { Random } from '../../support/random.js'
import { KafkaCluster } from '../kafka-cluster.js'
import type { TcpProxy } from '../proxy.js'
import { underLoad } from './load.js'

const { values } = parseArgs({
  options: {
    random: { type: 'boolean' },
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const [seconds, seed] = [Number(values.seconds), Number(values.seed)]
if (!(seconds > 0) || !Number.isInteger(seed))
  throw new RangeError('--seconds takes a number above 0, --seed an integer')

type Fault = (id: number, ms: number, random: Random) => Promise<void>

/** What can happen to a broker's process. */
const PROCESS_FAULTS = (kafka: KafkaCluster): Record<string, Fault> => ({
  async kill(id, ms) {
    await kafka.kill(id, 'SIGKILL')
    await sleep(ms)
    kafka.startNode(id)
  },
  async killTwo(id, ms) {
    const other = (id % 3) + 1
    await Promise.all([kafka.kill(id, 'SIGKILL'), kafka.kill(other, 'SIGKILL')])
    await sleep(ms)
    kafka.startNode(id)
    kafka.startNode(other)
  },
  async restart(id) {
    await kafka.kill(id, 'SIGTERM')
    kafka.startNode(id)
  },
  async hang(id, ms) {
    await kafka.kill(id, 'SIGSTOP')
    await sleep(ms)
    await kafka.kill(id, 'SIGCONT')
  },
})

/** What can happen between the producer and a broker. */
const NETWORK_FAULTS = (kafka: KafkaCluster): Record<string, Fault> => {
  const whileOn = (start: (proxy: TcpProxy, random: Random) => void): Fault => {
    return async (id, ms, random) => {
      const proxy = kafka.proxy(id)
      start(proxy, random)
      await sleep(ms)
      await proxy.heal()
    }
  }
  return {
    cut: async id => kafka.proxy(id).cut(),
    cutRequest: whileOn((proxy, random) => {
      const fate = { kind: 'cut', after: random.int(0, 200) } as const
      void proxy.inject({ on: 'request', api: produce.key, skip: random.int(0, 10), times: 3, fate })
    }),
    loseReply: whileOn((proxy, random) => {
      const fate = { kind: 'cut', after: random.int(0, 20) } as const
      void proxy.inject({ on: 'reply', api: produce.key, skip: random.int(0, 10), times: 3, fate })
    }),
    swallowRequests: whileOn((proxy, random) => {
      void proxy.inject({ on: 'request', api: produce.key, times: random.int(1, 4), fate: { kind: 'swallow' } })
    }),
    swallowReplies: whileOn((proxy, random) => {
      void proxy.inject({ on: 'reply', api: produce.key, times: random.int(1, 4), fate: { kind: 'swallow' } })
    }),
    delayReplies: whileOn((proxy, random) => {
      void proxy.inject({ on: 'reply', times: 20, fate: { kind: 'delay', ms: random.int(10, 1000) } })
    }),
    slow: whileOn((proxy, random) => {
      proxy.rate = random.int(5_000, 100_000)
    }),
    hold: whileOn(proxy => proxy.hold()),
    refuse: whileOn(proxy => proxy.refuse()),
  }
}

/** Fault after fault until the time is over; counts them. */
async function run(
  faults: Record<string, Fault>,
  random: Random,
  until: number,
  [shortest, longest]: readonly [number, number],
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  while (performance.now() < until) {
    const [name, id, ms] = [random.pick(Object.keys(faults)), random.int(1, 3), random.int(shortest, longest)]
    counts[name] = (counts[name] ?? 0) + 1
    await faults[name]!(id, ms, random)
    await sleep(random.int(200, 2000))
  }
  return counts
}

console.log(`random faults: --seed ${seed} --seconds ${seconds}`)
await using kafka = await KafkaCluster.start({ nodes: 3, proxies: true })
let happened: Record<string, number> = {}
let seen = 0
const start = performance.now()
const producer = { requestTimeoutMs: 5000, batchSize: 4096 }
const options = { topic: 'random', count: 1000, rate: 2000, limitMs: (seconds + 120) * 1000, producer }
const result = await underLoad(kafka, options, async load => {
  await load.progress(1000)
  const until = performance.now() + seconds * 1000
  const both = await Promise.all([
    run(PROCESS_FAULTS(kafka), new Random(seed), until, [1000, 12_000]),
    run(NETWORK_FAULTS(kafka), new Random(seed + 1), until, [500, 6000]),
  ])
  happened = { ...both[0], ...both[1] }
  seen = load.acks.length
})
console.log(
  `faults: ${Object.entries(happened)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')}`,
)
const kinds = ['disconnected', 'retrying', 'epochBumped', 'dataLoss', 'metadataFailed'] as const
console.log(`events: ${kinds.map(kind => `${kind} ${result.count(kind)}`).join(', ')}`)
console.log(
  `seed ${seed}: ${result.acks.length} records acked (${seen} while there were faults), ${result.read.length} read, ` +
    `0 lost, 0 doubled, 0 out of order, 0 unsettled, sequences continuous; ${Math.round((performance.now() - start) / 1000)} s`,
)

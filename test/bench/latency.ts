/**
 * `npm run bench:latency`: how long an ack takes at 10, 50 and 90 % of the most that goes, which is measured just before, and
 * how long others on the same event loop wait while a producer is fed at full speed. Over TCP, broker in another process.
 *
 *     npm run bench:latency -- --rounds 9 --seconds 3
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { lastValueFrom } from 'rxjs'
import { createProducer, type Producer, type ProducerRecord } from '../../src/index.js'
import { startBroker } from './broker.js'
import { feed } from './feed.js'
import { type Delays, loopDelay } from './loop-delay.js'
import { median } from './measure.js'
import { fullSpeed, openLoop } from './open-loop.js'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '1.5' } },
})
const ROUNDS = Number(values.rounds)
const SECONDS = Number(values.seconds)

const VALUE = 'x'.repeat(100)
const LOADS = [0.1, 0.5, 0.9]
/** Ack latency at half load: p99 may be so much above what cannot be helped, in ms. */
const ALLOWED_MS = 5
const ALLOWED_AT = 0.5
/** Others may wait so long for the event loop, p99, in ms. */
const LOOP_MS = 20

const MIB = 1 << 20
const ms = (ns: number): number => Number((ns / 1e6).toFixed(2))

interface Latency {
  readonly rate: number
  readonly percentiles: readonly number[]
  readonly longestGc: number
}

const PERCENTILES = [50, 99, 99.9, 100]

/** Rounds of one setting: the most that goes, then each load in turn. */
async function ackLatency(linger: number, replyDelayMs: number): Promise<void> {
  const broker = await startBroker({ nodes: 1, partitions: 3, replyDelayMs })
  const producer = createProducer({ brokers: broker.addresses, linger, bufferMemory: 512 * MIB, overflow: 'reject' })
  const measured = new Map(LOADS.map(load => [load, [] as Latency[]]))
  const most: number[] = []
  await fullSpeed(producer, VALUE, 400_000)
  for (let round = 0; round < ROUNDS; round++) {
    const rate = await fullSpeed(producer, VALUE, 400_000)
    most.push(rate)
    for (const [load, latencies] of measured) {
      let percentiles: number[] = []
      const { longestGc } = await loopDelay(async () => {
        const histogram = await openLoop(producer, VALUE, rate * load, SECONDS)
        percentiles = PERCENTILES.map(p => histogram.percentile(p))
      })
      latencies.push({ rate: rate * load, percentiles, longestGc })
    }
  }
  await producer.close()
  await broker.stop()

  const allowed = linger + replyDelayMs + ALLOWED_MS
  console.log(
    `\nlinger ${linger} ms, reply delay ${replyDelayMs} ms: ${Math.round(median(most))} records/s are the most that goes`,
  )
  console.table(
    [...measured].map(([load, rounds]) => {
      const [p50, p99, p999, max] = PERCENTILES.map((_, i) =>
        ms(median(rounds.map(({ percentiles }) => percentiles[i]!))),
      )
      return {
        load: `${load * 100} %`,
        'records/s': Math.round(median(rounds.map(({ rate }) => rate))),
        p50,
        p99,
        'p99.9': p999,
        max,
        'longest GC': Number(median(rounds.map(({ longestGc }) => longestGc)).toFixed(1)),
        'p99 target': load === ALLOWED_AT ? `${allowed}: ${p99! <= allowed ? 'met' : 'MISSED'}` : '',
      }
    }),
  )
}

function* records(count: number): Generator<ProducerRecord> {
  for (let i = 0; i < count; i++) yield { topic: 't', value: VALUE }
}

/** Ways to feed a producer as fast as it takes it. */
const FEEDS: Readonly<Record<string, (producer: Producer, count: number) => Promise<unknown>>> = {
  'send(), bursts of 1,000': (producer, count) =>
    feed(producer, 'send', count, () => ({ topic: 't', value: VALUE }), 24 * MIB),
  'sendBatches(), bursts of 1,000': (producer, count) =>
    feed(producer, 'sendBatches', count, () => ({ topic: 't', value: VALUE }), 24 * MIB),
  'publish(iterable)': (producer, count) => lastValueFrom(producer.publish(records(count))),
  'writable(), single records': (producer, count) => pipeline(Readable.from(records(count)), producer.writable()),
}

/** One producer with default options, fed in each way in turn. */
async function eventLoop(): Promise<void> {
  const broker = await startBroker({ nodes: 1, partitions: 3 })
  const producer = createProducer({ brokers: broker.addresses })
  const measured = new Map(Object.keys(FEEDS).map(name => [name, [] as (Delays & { rate: number; node: number })[]]))
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(FEEDS)) {
      const count = Math.round(400_000 * SECONDS)
      const monitor = monitorEventLoopDelay({ resolution: 1 })
      monitor.enable()
      const start = performance.now()
      const delays = await loopDelay(() => run(producer, count))
      const rate = (count * 1000) / (performance.now() - start)
      monitor.disable()
      if (round >= 0) measured.get(name)!.push({ ...delays, rate, node: monitor.percentile(99) })
    }
  }
  await producer.close()
  await broker.stop()

  console.log('\nevent loop at full speed: how long a callback waits that is due at any moment, in ms')
  console.table(
    [...measured].map(([feeding, rounds]) => {
      const of = (p: number): number => ms(median(rounds.map(({ delay }) => delay.percentile(p))))
      return {
        feeding,
        'records/s': Math.round(median(rounds.map(({ rate }) => rate))),
        p50: of(50),
        p99: of(99),
        max: of(100),
        "Node's p99": ms(median(rounds.map(({ node }) => node))),
        'longest GC': Number(median(rounds.map(({ longestGc }) => longestGc)).toFixed(1)),
        'GC share': `${Math.round(100 * median(rounds.map(({ gcShare }) => gcShare)))} %`,
        'p99 target': `${LOOP_MS}: ${of(99) <= LOOP_MS ? 'met' : 'MISSED'}`,
      }
    }),
  )
}

await eventLoop()
for (const linger of [0, 5]) for (const replyDelayMs of [0, 10]) await ackLatency(linger, replyDelayMs)

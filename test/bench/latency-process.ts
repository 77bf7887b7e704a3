/** rx-kafka's part of `bench:latency-peers`, in a process of its own. */
import { createProducer } from '../../src/index.js'
import { fullSpeed, openLoop } from './open-loop.js'

interface Settings {
  readonly brokers: readonly string[]
  readonly linger: number
  /** Records a second; 0: as many as go. */
  readonly rate: number
  readonly seconds: number
}

const { brokers, linger, rate, seconds } = JSON.parse(process.argv[2]!) as Settings
const VALUE = 'x'.repeat(100)
const producer = createProducer({ brokers, linger, overflow: 'reject', bufferMemory: 64 << 20 })
// Until everything is compiled.
await fullSpeed(producer, VALUE, 2_000_000)
if (rate === 0) console.log(JSON.stringify({ rate: await fullSpeed(producer, VALUE, 2_000_000) }))
else {
  const histogram = await openLoop(producer, VALUE, rate, seconds)
  console.log(JSON.stringify({ percentiles: [50, 99, 99.9, 100].map(p => histogram.percentile(p) / 1e6) }))
}
await producer.close()

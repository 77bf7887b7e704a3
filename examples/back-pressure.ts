/**
 * An endless source, faster than any broker: it is read no faster than brokers answer.
 *
 *     npm run example -- back-pressure
 */
import { interval, timer } from 'rxjs'
import { createProducer, failFast, type ProducerRecord } from '../src/index.js'
import { openKafka } from './support/kafka.js'

const topic = 'example-back-pressure'
await using kafka = await openKafka({ nodes: 2, topics: { [topic]: { partitions: 1 } } })
const bufferMemory = 4_000_000
await using producer = createProducer({ brokers: kafka.brokers, bufferMemory, maxRequestSize: 16_384 })

// The embedded broker reads no more than half a megabyte a second, for a second; then another leads, which reads as fast as it can.
kafka.cluster?.inject({ fault: { kind: 'slowDrain', bytesPerSecond: 500_000 } })
timer(1_000).subscribe(() => {
  if (kafka.cluster === undefined) return
  console.log('from here on the broker is fast')
  kafka.cluster.moveLeader(topic, 0, 3 - kafka.cluster.leader(topic, 0))
})

const size = 1_000
let pulled = 0
let over = false
timer(2_000).subscribe(() => {
  over = true
})

/** Endless, but for the example's end. */
function* source(): Generator<ProducerRecord> {
  while (!over) yield { topic, value: textOf(pulled++) }
}

let mostBuffered = 0
const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1).padStart(6)} MB`
const lines = interval(50).subscribe(() => {
  mostBuffered = Math.max(mostBuffered, producer.bufferedBytes)
  // What the embedded broker was sent is in this memory too: it grows with that, and not with what the source has.
  const { rss } = process.memoryUsage()
  console.log(
    `${megabytes(pulled * size)} pulled, ${megabytes(producer.bufferedBytes)} in the buffer, ${megabytes(rss)} of memory`,
  )
})

// A generator can be kept waiting. An Observable can't: it would soon end with a BufferFullError.
await producer
  .publish(source())
  .pipe(failFast())
  .forEach(() => {})
lines.unsubscribe()

if (mostBuffered > bufferMemory) throw new Error(`the buffer of ${bufferMemory} bytes held ${mostBuffered}`)
console.log(`the buffer never held more than its ${megabytes(bufferMemory).trim()}`)
kafka.verify(
  topic,
  Array.from({ length: pulled }, (_, i) => ({ value: textOf(i) })),
)

function textOf(i: number): string {
  return `${i}`.padEnd(size)
}

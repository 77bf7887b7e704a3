/** rx-kafka as it is published: `send()` with an ack for every record, or `sendBatches()`. */
import { Subject } from 'rxjs'
import { createProducer } from '../../../dist/index.js'
import { nextTurn, program, settings, value } from './program.mjs'

const by = process.argv[3]
const { brokers, topic, records, size, batchBytes, lingerMs, bufferBytes, maxInFlight, partitions } = settings
/** Records that are pushed before the event loop turns: as many as a source gets from one read of a file or a socket. */
const BURST = 1000
/** No one holds a push source back, so it looks for itself whether another burst has room: 1,000 bytes beside each value. */
const fullAt = bufferBytes - BURST * (size + 1000)

const options = {
  batchSize: batchBytes,
  // One batch of each partition.
  maxRequestSize: partitions * batchBytes,
  linger: lingerMs,
  bufferMemory: bufferBytes,
  maxInFlight,
}

await program(`${by}(), ${JSON.stringify(options)}`, async () => {
  const producer = createProducer({ brokers, ...options })
  const source = new Subject()
  let sent = 0
  let acked = 0
  let wake
  const settled = (ack, count) => {
    if (ack.kind !== 'acked') throw ack.error ?? new Error(ack.kind)
    acked += count
    wake?.()
    wake = undefined
  }
  const acks = by === 'send' ? source.pipe(producer.send()) : source.pipe(producer.sendBatches())
  const done = new Promise((resolve, reject) => {
    const next = by === 'send' ? ack => settled(ack, 1) : ack => settled(ack, ack.count)
    acks.subscribe({ next, complete: resolve, error: reject })
  })
  while (sent < records) {
    for (const end = Math.min(sent + BURST, records); sent < end; sent++) source.next({ topic, value })
    await nextTurn()
    while (producer.bufferedBytes > fullAt) await new Promise(resolve => (wake = resolve))
  }
  source.complete()
  await done
  if (acked !== records) throw new Error(`${acked} of ${records} records were acked`)
  await producer.close()
})

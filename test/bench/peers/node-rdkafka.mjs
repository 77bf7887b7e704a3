/** node-rdkafka, bindings of librdkafka: its Standard API, which its README calls the more performant. */
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import rdkafka from 'node-rdkafka'
import { describe, nextTurn, paced, program, settings, values } from './program.mjs'

const { brokers, topic, records, batchBytes, lingerMs, bufferBytes, partitions } = settings
/** Records between two turns of the event loop: with fewer, each turn brings few reports, and costs more than they do. */
const BURST = 50_000
/** A report for every record costs more than the record; else there are only those of failures. */
const everyReport = process.argv[3] === 'every'
const QUEUE_FULL = rdkafka.CODES.ERRORS.ERR__QUEUE_FULL

const options = {
  'enable.idempotence': true,
  'linger.ms': lingerMs,
  'compression.codec': settings.codec ?? 'none',
  'batch.size': batchBytes,
  // Not the limit: bytes are.
  'batch.num.messages': 1_000_000,
  // With a longer queue it was measured to be slower.
  'queue.buffering.max.kbytes': Math.min(bufferBytes, 16 << 20) / 1024,
  'queue.buffering.max.messages': 0,
  'message.max.bytes': partitions * batchBytes,
  ...(settings.ca && { 'security.protocol': 'ssl', 'ssl.ca.pem': settings.ca }),
  dr_cb: true,
  'delivery.report.only.error': !everyReport,
}

await program(`acks: -1, ${describe(options)}`, async () => {
  const producer = new rdkafka.Producer({ 'metadata.broker.list': brokers.join(), ...options }, { acks: -1 })
  await promisify(done => producer.connect({}, done))()
  let reported = 0
  producer.on('delivery-report', error => {
    if (error) throw error
    reported++
  })
  producer.setPollInterval(10)
  let sent = 0
  while (sent < records) {
    const end = Math.min(sent + (settings.megabytes === undefined ? BURST : 1_000), records)
    try {
      // It takes Buffers only.
      for (; sent < end; sent++) producer.produce(topic, null, Buffer.from(values[sent % values.length]), null)
    } catch (error) {
      if (error.code !== QUEUE_FULL) throw error
      // Asking again at once would take a core from the threads that empty the queue.
      await sleep(1)
    }
    await nextTurn()
    await paced(sent)
  }
  await promisify(done => producer.flush(60_000, done))()
  while (everyReport && reported < records) {
    producer.poll()
    await nextTurn()
  }
  await promisify(done => producer.disconnect(done))()
})

/** rx-kafka as it is published: `send()` with an ack for every record, `sendBatches()`, or `sendOne()` by many callers. */
import { existsSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Observable } from 'rxjs'
import { describe, nextTurn, paced, program, settings, values } from './program.mjs'

const [, , , by, where = ''] = process.argv
const here = path => fileURLToPath(new URL(path, import.meta.url))
/** Its build: this one, or that of another commit, which may be from when there were ES modules only. */
const dist = where.startsWith('/') ? where : here('../../../dist')
/** Only the benches' own build has its modules in files of their own. */
const modules = here('../.cache/build/src')
const index = ['index.mjs', 'index.js'].map(file => `${dist}/${file}`).find(existsSync)
const { createProducer } = await import(pathToFileURL(where === 'sync' ? `${modules}/index.js` : index))
if (where === 'sync') {
  // As it would be without the thread pool.
  const { CODECS } = await import(pathToFileURL(`${modules}/protocol/compression/codecs.js`))
  for (const codec of Object.values(CODECS)) codec.offLoopFrom = () => Number.POSITIVE_INFINITY
}
const { brokers, topic, records, size, batchBytes, lingerMs, bufferBytes, maxInFlight, partitions } = settings
/** Records that are pushed before the event loop turns: some of what one read of a file or a socket gives, so that answers need not wait. */
const BURST = 250
/** Callers of sendOne(), each with one record at a time. */
const CALLERS = 1000
/** No one holds a push source back, so it looks for itself whether another burst has room: 1,000 bytes beside each value. */
const fullAt = bufferBytes - BURST * (size + 1000)

const options = {
  batchSize: batchBytes,
  // One batch of each partition.
  maxRequestSize: partitions * batchBytes,
  // Who awaits each record has nothing to wait for.
  linger: by === 'sendOne' ? 0 : lingerMs,
  bufferMemory: bufferBytes,
  maxInFlight,
  ...(settings.ca && { ssl: { ca: settings.ca } }),
  ...(settings.codec && { compression: settings.codec }),
}

await program(`${by}(), ${describe(options)}`, async () => {
  const producer = createProducer({ brokers, ...options })
  let acked = 0
  let sent = 0
  let wake
  const settled = (ack, count) => {
    if (ack.kind !== 'acked') throw ack.error ?? new Error(ack.kind)
    acked += count
    wake?.()
    wake = undefined
  }
  const one = async () => {
    while (sent < records) {
      await producer.sendOne({ topic, value: values[sent++ % values.length] })
      acked++
    }
  }
  // Like the others it is called directly: what an Observable calls is what the producer subscribed with.
  const source = new Observable(subscriber => {
    const push = async () => {
      while (sent < records) {
        for (const end = Math.min(sent + BURST, records); sent < end; sent++)
          subscriber.next({ topic, value: values[sent % values.length] })
        await nextTurn()
        await paced(sent)
        while (producer.bufferedBytes > fullAt) await new Promise(resolve => (wake = resolve))
      }
      subscriber.complete()
    }
    push().catch(error => subscriber.error(error))
  })
  if (by === 'sendOne') await Promise.all(Array.from({ length: CALLERS }, one))
  else
    await new Promise((resolve, reject) => {
      if (by === 'send')
        source.pipe(producer.send()).subscribe({ next: ack => settled(ack, 1), complete: resolve, error: reject })
      else
        source
          .pipe(producer.sendBatches())
          .subscribe({ next: ack => settled(ack, ack.count), complete: resolve, error: reject })
    })
  if (acked !== records) throw new Error(`${acked} of ${records} records were acked`)
  await producer.close()
})

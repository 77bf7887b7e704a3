/**
 * A batch on a schedule, stored whole or not at all, and once for each time that it is due: if the job is started again, as after a crash, it
 * sees which run was stored last.
 *
 *     npm run example -- cron
 */
import { Cron } from 'croner'
import { lastValueFrom } from 'rxjs'
import { createProducer, type Producer, type ProducerRecord } from '../src/index.js'
import { openKafka } from './support/kafka.js'

const topic = 'example-cron'
await using kafka = await openKafka({ topics: { [topic]: { partitions: 1 } } })

/** What is reported for a time; the same records, whenever it is asked for. */
const report = (due: number): ProducerRecord[] =>
  Array.from({ length: 100 }, (_, shop) => ({ topic, key: `shop ${shop}`, value: JSON.stringify({ due, shop }) }))

/** Stores the batch of a time, unless it or a later one is stored. */
async function run(producer: Producer, due: number): Promise<boolean> {
  if (due <= Number((await producer.position()) ?? 0)) return false
  await using transaction = await producer.beginTransaction()
  transaction.setPosition(String(due))
  await lastValueFrom(transaction.publish(report(due)))
  // Rejects if one record failed: then none of them is stored, and the next start tries again.
  await transaction.commit()
  return true
}

await using producer = createProducer({ brokers: kafka.brokers, transactionalId: 'example-cron' })
const stored: number[] = []
await new Promise<void>((resolve, reject) => {
  // Every second, to have something to see; every night it is '0 3 * * *'. `protect`: a run that takes too long is not overtaken.
  new Cron('* * * * * *', { protect: true, catch: reject }, async job => {
    const due = Math.floor(job.currentRun()!.getTime() / 1_000)
    if (await run(producer, due)) stored.push(due)
    console.log(`batches that are stored: ${stored.length}`)
    if (stored.length < 2) return
    job.stop()
    resolve()
  })
})

// The job starts again, and does not know that its last run was stored.
console.log(`once more: ${(await run(producer, stored.at(-1)!)) ? 'stored again' : 'it is stored already'}`)
kafka.verify(topic, stored.flatMap(report))

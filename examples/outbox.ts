/**
 * Rows of an outbox table to Kafka, each exactly once, however often this is killed: a transaction stores the records together with the id
 * of the last row, and a new run goes on behind it.
 *
 *     npm run example -- outbox [DATABASE --brokers HOST:PORT,…]
 *
 * SQLite has one writer at a time, so ids are committed in their order. A database with several writers needs a position that follows the
 * order of commits, such as PostgreSQL's WAL position: a row with a lower id may appear later there.
 */
import Database from 'libsql'
import { lastValueFrom } from 'rxjs'
import { createProducer, type ProducerRecord } from '../src/index.js'
import { openKafka } from './support/kafka.js'
import { tempFolder } from './support/temp.js'

interface Row {
  readonly id: number
  readonly customer: string
  readonly payload: string
}

const topic = 'example-outbox'
await using kafka = await openKafka({ topics: { [topic]: { partitions: 3 } } })
await using folder = await tempFolder()
const db = new Database(kafka.args[0] ?? folder.path('shop.db'))
// AUTOINCREMENT: an id is never given again, also when its row is deleted.
db.exec('CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, customer TEXT, payload TEXT)')

// The service: in one database transaction it writes orders, and what others are to know of them.
if (kafka.args[0] === undefined) {
  db.exec('CREATE TABLE orders (customer TEXT, cents INTEGER)')
  const order = db.prepare('INSERT INTO orders VALUES (?, ?)')
  const message = db.prepare('INSERT INTO outbox (customer, payload) VALUES (?, ?)')
  db.transaction(() => {
    for (let i = 0; i < 2_000; i++) {
      order.run(`c-${i % 7}`, i)
      message.run(`c-${i % 7}`, JSON.stringify({ cents: i }))
    }
  })()
}
const expected = kafka.cluster ? read(0, 2_000).map(toRecord) : []

// The relay. One transactional id for each table: if two of them run, the older one ends.
await using producer = createProducer({ brokers: kafka.brokers, transactionalId: 'example-outbox' })
let position = Number((await producer.position()) ?? 0)
console.log(`begins behind row ${position}`)
for (;;) {
  // Rows that are committed in Kafka are not needed any more.
  db.prepare('DELETE FROM outbox WHERE id <= ?').run(position)
  const rows = read(position, 500)
  // A service would wait for more.
  if (rows.length === 0) break
  position = rows.at(-1)!.id
  await using transaction = await producer.beginTransaction()
  transaction.setPosition(String(position))
  await lastValueFrom(transaction.publish(rows.map(toRecord)))
  // Rejects if one record failed, and then nothing is stored, the position included.
  await transaction.commit()
  console.log(`rows up to ${position} are committed`)
}
kafka.verify(topic, expected)
db.close()

function read(after: number, limit: number): Row[] {
  return db.prepare('SELECT * FROM outbox WHERE id > ? ORDER BY id LIMIT ?').all(after, limit) as Row[]
}

function toRecord({ id, customer, payload }: Row): ProducerRecord {
  return { topic, key: customer, value: payload, headers: { 'outbox-id': String(id) } }
}

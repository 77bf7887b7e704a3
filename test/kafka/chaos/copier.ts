/**
 * Copies a topic, a transaction for each batch that is read; how far it has read is stored in the same transaction. To be killed at any
 * moment:
 *
 *     node --import tsx copier.ts BROKERS SOURCE TARGET
 *
 * Prints a line for each transaction that is committed. Ends with 3 when anything failed: then it must be started again.
 */
import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'
import { createProducer } from '../../../src/index.js'

/** Records of a transaction at most. */
const MOST = 100
const GROUP = 'copier'

process.on('uncaughtException', error => {
  console.error(String(error))
  process.exit(3)
})

const [list, source, target] = process.argv.slice(2) as [string, string, string]
const brokers = list.split(',')

const producer = createProducer({ brokers, transactionalId: 'copier' })
// Before anything is read: what an earlier copier left open is committed or aborted by then.
await producer.connect()

const kafka = new kafkajs.Kafka({
  brokers,
  logLevel: kafkajs.logLevel.NOTHING,
  retry: { retries: 20, maxRetryTime: 500 },
})
const admin = kafka.admin()
await admin.connect()
const [stored] = await admin.fetchOffsets({ groupId: GROUP, topics: [source] })
await admin.disconnect()

/** By partition: the next offset to copy. */
const position = new Map(stored!.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]))
const consumer = kafka.consumer({ groupId: randomUUID(), maxBytes: 100_000 })
await consumer.connect()
await consumer.subscribe({ topic: source, fromBeginning: true })
await consumer.run({
  autoCommit: false,
  eachBatch: async ({ batch, heartbeat }) => {
    const { partition } = batch
    const next = position.get(partition) ?? 0n
    const messages = batch.messages.filter(({ offset }) => BigInt(offset) >= next)
    for (let from = 0; from < messages.length; from += MOST) {
      const some = messages.slice(from, from + MOST)
      const offset = BigInt(some.at(-1)!.offset) + 1n
      await copy(partition, some, offset).catch(error => {
        console.error(String(error))
        process.exit(3)
      })
      position.set(partition, offset)
      console.log(`committed ${some.length}`)
      await heartbeat()
    }
  },
})
for (const [partition, offset] of position) {
  if (offset > 0n) consumer.seek({ topic: source, partition, offset: String(offset) })
}

async function copy(partition: number, messages: readonly kafkajs.KafkaMessage[], offset: bigint): Promise<void> {
  await using transaction = await producer.beginTransaction()
  const sent = messages.map(({ key, value }) => transaction.sendOne({ topic: target, partition, key, value }))
  await Promise.all([...sent, transaction.sendOffsets(GROUP, [{ topic: source, partition, offset }])])
  await transaction.commit()
}

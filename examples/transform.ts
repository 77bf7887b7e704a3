/**
 * Reads a topic with kafkajs's consumer, enriches each record, and writes it exactly once: the records and how far the consumer has read are
 * stored in one transaction.
 *
 *     npm run example -- transform
 */
import kafkajs from 'kafkajs'
import { lastValueFrom } from 'rxjs'
import { createProducer, type ProducerRecord } from '../src/index.js'
import { openKafka } from './support/kafka.js'

const [source, target, groupId] = ['example-orders', 'example-invoices', 'example-invoicing']
await using kafka = await openKafka({ topics: { [source]: { partitions: 3 }, [target]: { partitions: 3 } } })
const { brokers } = kafka

const orders = Array.from({ length: 1_000 }, (_, id) => ({ id, net: id * 10 }))
await using writer = createProducer({ brokers })
await lastValueFrom(
  writer.publish(orders, { topic: source, key: order => `${order.id}`, value: order => JSON.stringify(order) }),
)

await using producer = createProducer({ brokers, transactionalId: 'example-invoicing' })
// Before anything is read: a transaction that an earlier run left open is over by then.
await producer.connect()
const consumer = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING }).consumer({ groupId })
await consumer.connect()
await consumer.subscribe({ topic: source, fromBeginning: true })
let written = 0
const done = new Promise<void>((resolve, reject) => {
  const eachBatch = async ({ batch, resolveOffset }: kafkajs.EachBatchPayload): Promise<void> => {
    await using transaction = await producer.beginTransaction()
    await lastValueFrom(transaction.publish(batch.messages.map(invoice)))
    const offset = BigInt(batch.lastOffset()) + 1n
    await transaction.sendOffsets(groupId, [{ topic: source, partition: batch.partition, offset }])
    await transaction.commit()
    resolveOffset(batch.lastOffset())
    written += batch.messages.length
    if (written >= orders.length) resolve()
  }
  consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch }).catch(reject)
})
await done
await consumer.disconnect()
console.log(`${written} invoices are committed`)
kafka.verify(
  target,
  orders.map(order => ({ key: `${order.id}`, value: JSON.stringify({ ...order, gross: order.net * 1.2 }) })),
)

function invoice({ key, value }: kafkajs.KafkaMessage): ProducerRecord {
  const order = JSON.parse(String(value))
  return { topic: target, key, value: JSON.stringify({ ...order, gross: order.net * 1.2 }) }
}

import { type EachBatchPayload, Kafka, type Transaction } from 'kafkajs'

const kafka = new Kafka({ brokers: process.env.BROKERS!.split(','), logLevel: 0 })
const seed = kafka.producer()
const producer = kafka.producer({ transactionalId: 'transfer', maxInFlightRequests: 1, idempotent: true })
const consumer = kafka.consumer({ groupId: 'transfer', maxWaitTimeInMs: 20 })

async function transfer({ batch }: EachBatchPayload, transaction: Transaction): Promise<void> {
  const { topic, partition, messages } = batch
  await transaction.send({ topic: 'out', messages: messages.map(({ value }) => ({ value: `${value}!` })) })
  const offset = (BigInt(batch.lastOffset()) + 1n).toString()
  await transaction.sendOffsets({
    consumerGroupId: 'transfer',
    topics: [{ topic, partitions: [{ partition, offset }] }],
  })
}

async function main(): Promise<void> {
  const admin = kafka.admin()
  await Promise.all([seed.connect(), producer.connect(), consumer.connect(), admin.connect()])
  await admin.createTopics({ waitForLeaders: true, topics: ['in', 'out'].map(topic => ({ topic, numPartitions: 1 })) })
  await seed.send({ topic: 'in', messages: [1, 2, 3].map(n => ({ value: `${n}` })) })
  await consumer.subscribe({ topics: ['in'], fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    void consumer.run({
      autoCommit: false,
      eachBatch: async payload => {
        const transaction = await producer.transaction()
        try {
          await transfer(payload, transaction)
          await transaction.commit()
          console.log('committed', transaction.isActive())
          resolve()
        } catch (error) {
          await transaction.abort()
          reject(error)
        }
      },
    })
  })
  console.log(await admin.fetchOffsets({ groupId: 'transfer', topics: ['in'] }))
  await Promise.all([seed.disconnect(), producer.disconnect(), consumer.disconnect(), admin.disconnect()])
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})

/** kafka-ts. Always idempotent with acks=all; one request at a time to a broker, which takes what has been given meanwhile. */
import kafkaTs from 'kafka-ts'
import { program, recordsPerBatch, sendInCalls, settings } from './program.mjs'

const { brokers, topic, partitions } = settings
const maxBatchSize = partitions * recordsPerBatch
const WIDTH = 2

await program(`maxBatchSize: ${maxBatchSize}, ${WIDTH} calls of send() at a time with as many messages`, async () => {
  const bootstrapServers = brokers.map(address => ({
    host: address.split(':')[0],
    port: Number(address.split(':')[1]),
  }))
  const kafka = kafkaTs.createKafkaClient({
    clientId: 'peer',
    bootstrapServers,
    ...(settings.ca && { ssl: { ca: settings.ca } }),
  })
  const producer = kafka.createProducer({ maxBatchSize, allowTopicAutoCreation: true })
  await sendInCalls(
    maxBatchSize,
    WIDTH,
    value => ({ topic, value }),
    messages => producer.send(messages),
  )
  await producer.close()
})

/** kafkajs. It sends what it is given as it is, and with idempotence one request after the other. */
import kafkajs from 'kafkajs'
import { program, recordsPerBatch, sendInCalls, settings, value } from './program.mjs'

const { brokers, topic, partitions } = settings
const count = partitions * recordsPerBatch
/** While one request is with the broker, the next one is got ready. */
const WIDTH = 2

await program(
  `idempotent: true, acks: -1, ${WIDTH} calls of send() at a time with ${count} messages each`,
  async () => {
    const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
    const producer = kafka.producer({
      idempotent: true,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: true,
    })
    await producer.connect()
    await sendInCalls(
      count,
      WIDTH,
      () => ({ value }),
      messages => producer.send({ topic, acks: -1, messages }),
    )
    await producer.disconnect()
  },
)

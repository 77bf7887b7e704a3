/** @platformatic/kafka. With idempotence it has one request in flight; further calls are encoded and wait for it. */
import { ProduceAcks, Producer, stringSerializers } from '@platformatic/kafka'
import { program, recordsPerBatch, sendInCalls, settings } from './program.mjs'

const { brokers, topic, partitions } = settings
const count = partitions * recordsPerBatch
const WIDTH = 2

await program(
  `idempotent: true, acks: ALL, ${WIDTH} calls of send() at a time with ${count} messages each`,
  async () => {
    const producer = new Producer({
      clientId: 'peer',
      bootstrapBrokers: brokers,
      idempotent: true,
      acks: ProduceAcks.ALL,
      autocreateTopics: true,
      ...(settings.ca && { tls: { ca: settings.ca } }),
      compression: settings.codec ?? 'none',
      serializers: stringSerializers,
    })
    await sendInCalls(
      count,
      WIDTH,
      value => ({ topic, value }),
      messages => producer.send({ messages }),
    )
    await producer.close()
  },
)

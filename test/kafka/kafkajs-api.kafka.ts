/** Programs of kafkajs on a real Kafka, with only the import changed: its consumer reads what this library's producer wrote. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import kafkajs from 'kafkajs'
import { CompressionTypes, Kafka } from '../../src/kafkajs/index.js'
import { APIS, messages } from '../kafkajs/support.js'
import { MATRIX, VERSIONS } from './jars.js'
import { KafkaCluster } from './kafka-cluster.js'

const { logLevel } = kafkajs

/** Reads so many messages of a topic from its beginning. */
async function read(kafka: kafkajs.Kafka, topic: string, count: number): Promise<kafkajs.EachMessagePayload[]> {
  const consumer = kafka.consumer({ groupId: `reads-${topic}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const payloads: kafkajs.EachMessagePayload[] = []
  await new Promise<void>(resolve => {
    void consumer.run({
      eachMessage: async payload => {
        payloads.push(payload)
        if (payloads.length === count) resolve()
      },
    })
  })
  await consumer.disconnect()
  return payloads
}

const valuesOf = (payloads: readonly kafkajs.EachMessagePayload[]): string[] =>
  payloads.map(({ message }) => String(message.value))

for (const version of [VERSIONS[1], MATRIX.at(-1)!]) {
  describe(`Apache Kafka ${version}`, () => {
    test("kafkajs's first example: one message, produced and consumed", async () => {
      await using cluster = await KafkaCluster.start({ version })
      const kafka = new Kafka({ clientId: 'my-app', brokers: [...cluster.brokers], logLevel: logLevel.NOTHING })
      const producer = kafka.producer()
      await producer.connect()
      await producer.send({ topic: 'test-topic', messages: [{ value: 'Hello KafkaJS user!' }] })
      await producer.disconnect()
      const [{ topic, message }] = (await read(kafka, 'test-topic', 1)) as [kafkajs.EachMessagePayload]
      assert.deepEqual([topic, String(message.value), message.offset], ['test-topic', 'Hello KafkaJS user!', '0'])
    })

    test('both imports get the same answers, and store the same', async () => {
      await using cluster = await KafkaCluster.start({ version })
      const answers: unknown[] = []
      for (const [i, [, api]] of APIS.entries()) {
        const kafka = new api.Kafka({ brokers: [...cluster.brokers], logLevel: logLevel.NOTHING })
        const admin = kafka.admin()
        await admin.connect()
        await admin.createTopics({ topics: [{ topic: `t${i}`, numPartitions: 3 }], waitForLeaders: true })
        await admin.disconnect()
        const producer = kafka.producer({ idempotent: true })
        await producer.connect()
        const results: kafkajs.RecordMetadata[][] = []
        for (const from of [0, 50]) {
          const sent = messages(50, from).map(message => ({ ...message, headers: { a: 'b', list: ['c', 'd'] } }))
          results.push(await producer.send({ topic: `t${i}`, messages: sent, compression: CompressionTypes.GZIP }))
        }
        await producer.disconnect()
        const told = results.map(result =>
          result.map(({ topicName: _, ...rest }) => rest).sort((a, b) => a.partition - b.partition),
        )
        const stored = (await read(kafka, `t${i}`, 100)).map(
          ({ partition, message: { key, value, offset, headers } }) =>
            [partition, offset, String(key), String(value), JSON.stringify(headers)].join(),
        )
        answers.push({ told, stored: stored.sort() })
      }
      assert.deepEqual(answers[1], answers[0])
    })

    test('transactions: committed, aborted, outside of them, and the offsets of a group', async () => {
      await using cluster = await KafkaCluster.start({ version })
      await cluster.createTopic('in', 1)
      await cluster.createTopic('out', 1)
      const kafka = new Kafka({ brokers: [...cluster.brokers], logLevel: logLevel.NOTHING })
      const producer = kafka.producer({ transactionalId: 'copier' })
      await producer.connect()
      await producer.send({ topic: 'in', messages: messages(10) })
      const source = await read(kafka, 'in', 10)

      const admin = kafka.admin()
      await admin.connect()
      const committedOffset = async (): Promise<string | undefined> =>
        (await admin.fetchOffsets({ groupId: 'copiers', topics: ['in'] }))[0]?.partitions[0]?.offset
      for (const end of ['abort', 'commit'] as const) {
        const transaction = await producer.transaction()
        await transaction.send({
          topic: 'out',
          messages: source.map(({ message }) => ({ value: `${message.value} ${end}` })),
        })
        await transaction.sendOffsets({
          consumerGroupId: 'copiers',
          topics: [{ topic: 'in', partitions: [{ partition: 0, offset: '10' }] }],
        })
        await transaction[end]()
        assert.equal(transaction.isActive(), false)
        if (end === 'abort') assert.equal(await committedOffset(), '-1')
      }
      // The group's coordinator writes its marker after the commit was promised.
      while ((await committedOffset()) !== '10') await new Promise(resolve => setImmediate(resolve))
      assert.deepEqual(
        valuesOf(await read(kafka, 'out', 10)),
        messages(10).map(({ value }) => `${value} commit`),
      )
      await Promise.all([producer.disconnect(), admin.disconnect()])
    })
  })
}

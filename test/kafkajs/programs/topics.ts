import kafkajs from 'kafkajs'

const { CompressionTypes, Kafka, KafkaJSNonRetriableError } = kafkajs

const kafka: kafkajs.Kafka = new Kafka({
  brokers: async () => process.env.BROKERS!.split(','),
  logLevel: kafkajs.logLevel.NOTHING,
})
const admin: kafkajs.Admin = kafka.admin()
const producer: kafkajs.Producer = kafka.producer()

async function main(): Promise<void> {
  await admin.connect()
  await admin.createTopics({
    waitForLeaders: true,
    topics: [
      { topic: 'a', numPartitions: 2 },
      { topic: 'b', numPartitions: 1 },
    ],
  })
  await producer.connect()
  const topicMessages: kafkajs.TopicMessages[] = [
    { topic: 'a', messages: [{ key: 'k', value: Buffer.from('1') }] },
    {
      topic: 'b',
      messages: [
        { key: 'k', value: null },
        { value: '2', partition: 0, timestamp: '1500000000000' },
      ],
    },
    { topic: 'a', messages: [{ key: 'k', value: '3' }] },
  ]
  const results = await producer.sendBatch({ compression: CompressionTypes.GZIP, topicMessages })
  console.log(results.map(({ topicName, baseOffset, errorCode }) => `${topicName} ${baseOffset} ${errorCode}`).sort())
  console.log(await admin.fetchTopicOffsets('b'))
  try {
    await producer.send({ topic: 'a', messages: [{ key: 'no value' } as kafkajs.Message] })
  } catch (error) {
    console.log(error instanceof KafkaJSNonRetriableError, (error as kafkajs.KafkaJSError).name, String(error))
  }
  await Promise.all([producer.disconnect(), admin.disconnect()])
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})

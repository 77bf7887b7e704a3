import { Kafka, type KafkaConfig, type LogEntry, logLevel, type ProducerConfig } from 'kafkajs'

const logCreator =
  () =>
  ({ level, namespace, log }: LogEntry) => {
    if (level <= logLevel.WARN) console.log(namespace, log.message)
  }

const config: KafkaConfig = {
  clientId: 'metrics',
  brokers: process.env.BROKERS!.split(','),
  connectionTimeout: 3000,
  authenticationTimeout: 3000,
  requestTimeout: 25_000,
  enforceRequestTimeout: true,
  retry: { initialRetryTime: 100, retries: 8, maxRetryTime: 1000, factor: 0.2, multiplier: 2 },
  logLevel: logLevel.WARN,
  logCreator,
}
const producerConfig: ProducerConfig = {
  metadataMaxAge: 60_000,
  allowAutoTopicCreation: true,
  transactionTimeout: 30_000,
}

async function main(): Promise<void> {
  process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
  const producer = new Kafka(config).producer(producerConfig)
  const { CONNECT, DISCONNECT, REQUEST, REQUEST_QUEUE_SIZE, REQUEST_TIMEOUT } = producer.events
  let produced = 0
  const remove = producer.on(REQUEST, ({ payload }) => {
    if (payload.apiName === 'Produce') produced++
  })
  producer.on(CONNECT, ({ type }) => console.log(type))
  producer.on(DISCONNECT, ({ type }) => console.log(type))
  producer.on(REQUEST_TIMEOUT, ({ payload: { broker, apiName } }) => console.log(broker, apiName))
  producer.on(REQUEST_QUEUE_SIZE, ({ payload: { queueSize } }) => console.log(queueSize))
  await producer.connect()
  await producer.send({ topic: 't', messages: [{ partition: 0, value: 'a' }] })
  remove()
  await producer.send({ topic: 't', messages: [{ partition: 0, value: 'b' }] })
  console.log(produced, typeof producer.logger().info)
  await producer.disconnect()
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})

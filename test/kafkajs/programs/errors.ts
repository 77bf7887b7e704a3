import kafkajs, { type ICustomPartitioner, type PartitionerArgs } from 'kafkajs'

const { Kafka, KafkaJSConnectionError, KafkaJSError, KafkaJSNumberOfRetriesExceeded, KafkaJSProtocolError } = kafkajs

const byRegion: ICustomPartitioner =
  () =>
  ({ message, partitionMetadata }: PartitionerArgs) => {
    const region = String(message.headers?.region ?? '')
    return region === 'eu' ? 0 : partitionMetadata.length - 1
  }

class TooLarge extends KafkaJSError {
  constructor(topic: string) {
    super(`too large for ${topic}`, { retriable: false })
  }
}

async function main(): Promise<void> {
  const brokers = process.env.BROKERS!.split(',')
  const producer = new Kafka({ brokers, logLevel: 0 }).producer({ createPartitioner: byRegion })
  await producer.connect()
  for (const region of ['eu', 'us']) {
    const [sent] = await producer.send({ topic: 't', messages: [{ value: region, headers: { region } }] })
    console.log(region, sent?.partition)
  }
  try {
    await producer.send({ topic: 't', messages: [{ value: 'x'.repeat(200_000) }] })
  } catch (error) {
    if (!(error instanceof KafkaJSProtocolError)) throw error
    console.log(error.name, error.type, error.code, error.retriable, error instanceof KafkaJSError)
    const large = new TooLarge('t')
    console.log(large.message, large.retriable, large instanceof KafkaJSError)
  }
  await producer.disconnect()
  const nobody = new Kafka({
    brokers: ['127.0.0.1:1'],
    logLevel: 0,
    retry: { retries: 1, initialRetryTime: 1 },
  }).producer()
  try {
    await nobody.connect()
  } catch (error) {
    if (!(error instanceof KafkaJSNumberOfRetriesExceeded)) throw error
    const { cause, retryCount } = error
    console.log(error.name, retryCount, cause instanceof KafkaJSConnectionError && cause.broker)
  }
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})

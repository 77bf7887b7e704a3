/** Run by exports.test.ts as a process of its own, in which kafkajs is not installed. */
import Module from 'node:module'

const loader = Module as unknown as { _resolveFilename: (name: string, ...rest: unknown[]) => string }
const resolve = loader._resolveFilename
loader._resolveFilename = (name, ...rest) => {
  if (!/^kafkajs(\/|$)/.test(name)) return resolve(name, ...rest)
  throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' })
}

const { Kafka, KafkaJSError, PartitionAssigners } = await import('../../src/kafkajs/index.js')
const { KafkaJSError: ownError } = await import('../../src/kafkajs/own-errors.js')
const { startCluster } = await import('../../src/testing/index.js')

const cluster = await startCluster({ topics: { t: { partitions: 1 } } })
const kafka = new Kafka({ brokers: cluster.brokers, logLevel: 0 })
const producer = kafka.producer()
await producer.connect()
const sent = await producer.send({ topic: 't', messages: [{ value: 'v' }] })
const errors: string[] = []
for (const call of [
  () => kafka.consumer({ groupId: 'g' }),
  () => kafka.admin(),
  () => PartitionAssigners.roundRobin,
  () => producer.send({ topic: '', messages: [] }),
]) {
  try {
    await call()
  } catch (error) {
    errors.push(String(error))
  }
}
await producer.disconnect()
await cluster.stop()
console.log(JSON.stringify({ sent, own: (KafkaJSError as unknown) === ownError, errors }))

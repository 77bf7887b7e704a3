import kafkajs from 'kafkajs'
import own from '../../src/kafkajs/index.js'
import type { TestCluster } from '../../src/testing/index.js'

/** The module kafkajs, or what stands in for it. */
export type Api = typeof kafkajs

/** Both, as a program has them that imports one or the other. */
export const APIS: readonly (readonly [name: string, api: Api])[] = [
  ['kafkajs', kafkajs],
  ['rx-kafka/kafkajs', own],
]

export const QUICK: kafkajs.RetryOptions = { retries: 5, initialRetryTime: 5, factor: 0, multiplier: 1 }

/** A client that tries again soon, and logs nothing. */
export function client(cluster: TestCluster, api: Api = own, config: Partial<kafkajs.KafkaConfig> = {}): kafkajs.Kafka {
  return new api.Kafka({ brokers: cluster.brokers, logLevel: kafkajs.logLevel.NOTHING, retry: QUICK, ...config })
}

/** A connected producer of this library. */
export async function connected(
  cluster: TestCluster,
  config: kafkajs.ProducerConfig = {},
  clientConfig: Partial<kafkajs.KafkaConfig> = {},
): Promise<kafkajs.Producer> {
  const producer = client(cluster, own, clientConfig).producer(config)
  await producer.connect()
  return producer
}

export function valuesIn(cluster: TestCluster, topic: string, partition = 0, committed = false): string[] {
  const isolation = committed ? 'read_committed' : 'read_uncommitted'
  return cluster.records(topic, partition, { isolation }).map(({ value }) => String(value))
}

/** Messages with keys and values by their numbers. */
export function messages(count: number, from = 0): { key: string; value: string }[] {
  return Array.from({ length: count }, (_, i) => ({ key: `key-${from + i}`, value: `value-${from + i}` }))
}

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<kafkajs.KafkaJSError & Record<string, unknown>> {
  try {
    await promise
  } catch (error) {
    return error as never
  }
  throw new Error('it was not rejected')
}

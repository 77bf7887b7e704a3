import { asyncScheduler, firstValueFrom } from 'rxjs'
import { BrokerError } from '../../src/errors.js'
import { brokerError } from '../../src/protocol/error-codes.js'
import { fetch } from '../../src/protocol/messages/fetch.js'
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, listOffsets } from '../../src/protocol/messages/list-offsets.js'
import { metadata } from '../../src/protocol/messages/metadata.js'
import { type DecodedRecord, decodeRecordBatches, decodeRecords } from '../../src/protocol/records/record-batch.js'
import { ZERO_UUID } from '../../src/protocol/wire/uuid.js'
import { type Connection, openConnection } from '../../src/transport/connection.js'
import { TcpTransport } from '../../src/transport/tcp.js'
import type { Address } from '../../src/transport/transport.js'

const ONE_MEGABYTE = 1_048_576
/** The bit of a batch's attributes that says: markers of transactions, not records. */
const CONTROL = 0x20

/**
 * The records of a partition from an offset to where the log ends now, straight from its leader by Kafka's own requests.
 * Begins later where the log does; ends at once where the log ends before `from`.
 */
export async function* readBack(
  brokers: readonly string[],
  topic: string,
  partition: number,
  from: bigint,
): AsyncGenerator<DecodedRecord> {
  const { connection, close } = await connect(await findLeader(brokers, topic, partition))
  try {
    const start = await offsetAt(connection, topic, partition, EARLIEST_TIMESTAMP)
    const end = await offsetAt(connection, topic, partition, LATEST_TIMESTAMP)
    let offset = from > start ? from : start
    while (offset < end) {
      const batches = decodeRecordBatches(await fetchFrom(connection, topic, partition, offset))
      if (batches.length === 0)
        throw new Error(`${topic}-${partition} ends at ${end}, but has nothing from ${offset} on`)
      for (const batch of batches) {
        if (!batch.crcValid)
          throw new Error(`${topic}-${partition}: the batch at offset ${batch.baseOffset} is damaged`)
        const records = (batch.attributes & CONTROL) === 0 ? decodeRecords(batch) : []
        // A batch is given whole, also where the read begins within it.
        for (const record of records) if (record.offset >= offset && record.offset < end) yield record
        offset = batch.baseOffset + BigInt(batch.lastOffsetDelta) + 1n
      }
    }
  } finally {
    close()
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
  check(data?.errorCode ?? response.errorCode)
  return data?.records ?? Buffer.alloc(0)
}

async function offsetAt(connection: Connection, topic: string, partition: number, timestamp: bigint): Promise<bigint> {
  const wanted = { partitionIndex: partition, currentLeaderEpoch: -1, timestamp }
  const response = await firstValueFrom(
    connection.request(listOffsets, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: topic, partitions: [wanted] }],
    }),
  )
  const found = response.topics[0]?.partitions[0]
  check(found?.errorCode ?? -1)
  return found!.offset
}

function check(errorCode: number): void {
  if (errorCode !== 0) throw new BrokerError(brokerError(errorCode))
}

async function findLeader(brokers: readonly string[], topic: string, partition: number): Promise<Address> {
  for (const broker of brokers) {
    const any = await connect(parseAddress(broker)).catch(() => undefined)
    if (any === undefined) continue
    const response = await firstValueFrom(
      any.connection.request(metadata, {
        topics: [{ topicId: ZERO_UUID, name: topic }],
        allowAutoTopicCreation: false,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      }),
    ).finally(any.close)
    const leaderId = response.topics[0]?.partitions.find(({ partitionIndex }) => partitionIndex === partition)?.leaderId
    const leader = response.brokers.find(({ nodeId }) => nodeId === leaderId)
    if (leader !== undefined) return leader
  }
  throw new Error(`none of ${brokers.join(', ')} could tell who leads ${topic}-${partition}`)
}

/** `host`, `host:port` or `[ipv6]:port`, as the producer takes them. */
export function parseAddress(broker: string): Address {
  const [, host, port = '9092'] = /^(.*?)(?::(\d+))?$/.exec(broker)!
  return { host: host!.replace(/^\[|\]$/g, ''), port: Number(port) }
}

/** Resolves when a broker answers there. */
export function connect(address: Address): Promise<{ connection: Connection; close(): void }> {
  return new Promise((resolve, reject) => {
    const life = openConnection(address, {
      transport: new TcpTransport(10_000),
      scheduler: asyncScheduler,
      clientId: 'rx-kafka-read-back',
      connectTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
      idleConnectionMs: 0,
      maxResponseBytes: 64 * ONE_MEGABYTE,
      random: Math.random,
    }).subscribe({ next: connection => resolve({ connection, close: () => life.unsubscribe() }), error: reject })
  })
}

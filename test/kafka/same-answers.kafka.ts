import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { apiVersions } from '../../src/protocol/messages/api-versions.js'
import { fetch } from '../../src/protocol/messages/fetch.js'
import { listOffsets, MAX_TIMESTAMP } from '../../src/protocol/messages/list-offsets.js'
import {
  ATTRIBUTES_OFFSET,
  BASE_SEQUENCE_OFFSET,
  BATCH_HEADER_SIZE,
  BATCH_LENGTH_OFFSET,
  CRC_OFFSET,
  decodeRecordBatches,
  LAST_OFFSET_DELTA_OFFSET,
  MAGIC_OFFSET,
  RECORD_COUNT_OFFSET,
} from '../../src/protocol/records/record-batch.js'
import { encodeRequestFrame } from '../../src/protocol/wire/message.js'
import { startCluster } from '../../src/testing/index.js'
import { tcp } from '../support/tcp.js'
import { batch, RawClient, sealed } from '../testing/raw-client.js'
import { VERSIONS } from './jars.js'
import { KafkaCluster } from './kafka-cluster.js'

/*
 * The embedded broker is only worth what it has in common with Kafka: the same bytes go to both, and both have to answer
 * the same. Not compared: records that are null, to which Kafka 4.1.2 never gives an answer, and what the embedded broker
 * refuses on purpose (batch-checks.ts).
 */

const MAX = 2147483647

/** A batch of a producer, `count` records from a sequence on; or any bytes; or the deletion of all records so far. */
type Step = readonly [sequence: number, count?: number, epoch?: number] | Buffer | 'delete records'

const patched = (offset: number, value: number): Buffer =>
  batch({ count: 3, patch: bytes => bytes.writeInt32BE(value, offset) })
const attributes = (value: number): Buffer => batch({ patch: bytes => bytes.writeInt16BE(value, ATTRIBUTES_OFFSET) })
const changed = (change: (bytes: Buffer) => void): Buffer => {
  const bytes = batch()
  change(bytes)
  return bytes
}
const gzipped = (): Buffer => {
  const plain = batch({ count: 3 })
  const bytes = Buffer.concat([plain.subarray(0, BATCH_HEADER_SIZE), gzipSync(plain.subarray(BATCH_HEADER_SIZE))])
  bytes.writeInt16BE(1, ATTRIBUTES_OFFSET)
  return sealed(bytes)
}
const cutShort = (): Buffer => sealed(batch({ count: 3 }).subarray(0, -2))

/** Each has a partition and a producer of its own. */
const conversations: Readonly<Record<string, readonly Step[]>> = {
  'in order': [[0], [1, 5], [6], [7, 2]],
  'R1: each of the last five again': [
    [0, 2],
    [2, 2],
    [4, 2],
    [6, 2],
    [8, 2],
    [0, 2],
    [8, 2],
    [4, 2],
    [2, 2],
    [6, 2],
    [10],
  ],
  'R1: the sixth from the end': [[0], [1], [2], [3], [4], [5], [0], [1], [6]],
  'R1: across the wrap': [[MAX - 1, 4], [MAX - 1, 4], [2]],
  'R2: older epochs': [
    [0, 1, 3],
    [0, 1, 2],
    [1, 1, 2],
    [5, 1, 0],
    [1, 1, 3],
  ],
  'R3: a newer epoch begins at 0': [
    [0, 3],
    [3, 1, 1],
    [7, 1, 1],
    [0, 3, 1],
    [3, 1, 1],
  ],
  'R3: the batches of the old epoch are forgotten': [[0], [1], [0, 1, 1], [1, 1, 1], [1, 1, 0], [0, 1, 1]],
  'R4: gaps': [[0], [2], [1], [3], [2]],
  'R4: overlaps': [[0, 5], [5, 5], [9, 2], [4, 2], [5, 4], [6, 4], [0, 1], [0, 10], [10]],
  'R4: 0 follows 2147483647': [[MAX - 1, 2], [1], [0], [1]],
  'R4: a wrap inside a batch': [[MAX - 1, 4], [0], [3], [2]],
  'R5: any first sequence': [[77], [78], [77], [80]],
  'R6: rejections change nothing': [[0], [1], [5], [0, 1, 0], [3, 2, 1], [1], [2]],
  'R7: deleting records keeps what is known': [[0, 3], 'delete records', [0, 3], [5], [3]],
  'no producer id': [batch(), batch(), batch({ count: 2 }), batch()],
  'no bytes': [Buffer.alloc(0)],
  'half a batch': [batch().subarray(0, 40)],
  'a batch without its last byte': [batch().subarray(0, -1)],
  'two batches': [Buffer.concat([batch(), batch()])],
  'magic 3': [changed(bytes => bytes.writeInt8(3, MAGIC_OFFSET))],
  'a negative length': [changed(bytes => bytes.writeInt32BE(-1, BATCH_LENGTH_OFFSET))],
  'a base offset': [changed(bytes => bytes.writeBigInt64BE(1n, 0))],
  'a wrong CRC': [changed(bytes => bytes.writeUInt32BE(bytes.readUInt32BE(CRC_OFFSET) ^ 1, CRC_OFFSET))],
  'a flipped bit': [changed(bytes => bytes.writeUInt8(bytes.readUInt8(bytes.length - 2) ^ 0x20, bytes.length - 2))],
  'a count of 0': [patched(RECORD_COUNT_OFFSET, 0)],
  'a count too small': [patched(RECORD_COUNT_OFFSET, 2)],
  'a count too large': [patched(RECORD_COUNT_OFFSET, 4)],
  'a last offset delta too small': [patched(LAST_OFFSET_DELTA_OFFSET, 1)],
  'a last offset delta too large': [patched(LAST_OFFSET_DELTA_OFFSET, 3)],
  'a record too few': [
    sealed(patched(RECORD_COUNT_OFFSET, 4), bytes => bytes.writeInt32BE(3, LAST_OFFSET_DELTA_OFFSET)),
  ],
  'a record too many': [
    sealed(patched(RECORD_COUNT_OFFSET, 2), bytes => bytes.writeInt32BE(1, LAST_OFFSET_DELTA_OFFSET)),
  ],
  'a record that is cut short': [cutShort()],
  'a control batch': [attributes(32)],
  'no sequence': [batch({ producerId: 1n, patch: bytes => bytes.writeInt32BE(-1, BASE_SEQUENCE_OFFSET) })],
  gzip: [gzipped()],
  snappy: [batch({ count: 9, compression: 'snappy' })],
  'too large': [batch({ values: ['x'.repeat(1_048_588)] }), batch()],
}
const names = Object.keys(conversations)

interface Broker {
  readonly address: string
  deleteRecords(partition: number, before: bigint): Promise<unknown>
}

/** What a broker answers to everything, by conversation: error code and base offset. */
async function answers(broker: Broker): Promise<Record<string, string[]>> {
  const client = new RawClient(tcp, broker.address)
  const all: Record<string, string[]> = {}
  for (const [index, name] of names.entries()) {
    const said: string[] = []
    let end = 0n
    for (const step of conversations[name]!) {
      if (step === 'delete records') {
        await broker.deleteRecords(index, end)
        continue
      }
      const producerId = BigInt(5000 + index)
      const bytes = Buffer.isBuffer(step)
        ? step
        : batch({ producerId, sequence: step[0], count: step[1] ?? 1, epoch: step[2] ?? 0 })
      const { responses } = await client.produce({ [`same/${index}`]: bytes })
      const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
      if (errorCode === ErrorCode.NONE && Array.isArray(step)) {
        const after = baseOffset + BigInt(step[1] ?? 1)
        if (after > end) end = after
      }
      said.push(`${errorCode} at ${baseOffset}`)
    }
    all[name] = said
  }
  client.destroy()
  return all
}

/** What a broker has of each conversation afterwards: its batches, and what it says of offsets and times. */
async function stored({ address }: Broker): Promise<Record<string, unknown>> {
  const client = new RawClient(tcp, address)
  const all: Record<string, unknown> = {}
  for (const [partition, name] of names.entries()) {
    const offsets: unknown[] = []
    for (const timestamp of [-2n, -1n, MAX_TIMESTAMP, 0n, 1n]) {
      const partitions = [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }]
      const request = { replicaId: -1, isolationLevel: 0, topics: [{ name: 'same', partitions }] }
      const { topics } = await client.request(listOffsets, 7, request)
      const [found] = topics[0]!.partitions
      // Kafka looks at whole segments: it may name a record that was deleted, as long as its segment is there.
      if (timestamp === MAX_TIMESTAMP && conversations[name]!.includes('delete records')) continue
      offsets.push([timestamp, found?.errorCode, found?.offset, found?.timestamp])
    }
    const fetched: unknown[] = []
    for (const fetchOffset of [0n, 3n, 1000n]) {
      const position = { currentLeaderEpoch: -1, lastFetchedEpoch: -1, logStartOffset: -1n, partitionMaxBytes: 1e6 }
      const { responses } = await client.request(fetch, 11, {
        replicaId: -1,
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: 1e6,
        isolationLevel: 0,
        sessionId: 0,
        sessionEpoch: -1,
        topics: [{ topic: 'same', partitions: [{ partition, fetchOffset, ...position }] }],
        forgottenTopicsData: [],
        rackId: '',
      })
      const [data] = responses[0]!.partitions
      const batches = decodeRecordBatches(data?.records ?? Buffer.alloc(0))
      fetched.push([
        data?.errorCode,
        data?.highWatermark,
        data?.logStartOffset,
        batches.map(({ baseOffset, partitionLeaderEpoch, crc, crcValid }) => [
          baseOffset,
          partitionLeaderEpoch,
          crc,
          crcValid,
        ]),
      ])
    }
    all[name] = { offsets, fetched }
  }
  client.destroy()
  return all
}

/** Whether the connection survives, and what comes back, for requests that are not quite in order. */
async function manners(address: string): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {}
  const tried: Record<string, (client: RawClient) => void> = {
    'acks 0': client => void client.produce({ 'same/0': batch() }, { acks: 0 }),
    'acks 0 that fails': client => void client.produce({ 'nowhere/0': batch() }, { acks: 0 }),
    'an unknown API': client => client.write(Buffer.from('0000000a03e7000000000001ffff', 'hex')),
    'Produce version 99': client => client.write(Buffer.from('0000000a0000006300000001ffff', 'hex')),
    'a negative size': client => client.write(Buffer.from('ffffffff', 'hex')),
    'ApiVersions version 99': client => {
      const hello = { clientSoftwareName: 'raw', clientSoftwareVersion: '1' }
      client.write(...encodeRequestFrame(apiVersions, 99, 1, 'raw', hello))
    },
  }
  for (const [name, attempt] of Object.entries(tried)) {
    const client = new RawClient(tcp, address)
    attempt(client)
    // A question that it can't mistake comes behind, and tells that the broker is through with the first.
    const after = await client.apiVersions(0).then(
      ({ errorCode }) => `answered ${errorCode}`,
      () => 'ended',
    )
    const [first] = after === 'ended' ? [] : client.frames
    seen[name] = [after, first?.readInt16BE(4)]
    client.destroy()
  }
  const client = new RawClient(tcp, address)
  const codes: unknown[] = []
  for (const [where, acks] of [
    ['nowhere/0', -1],
    ['same/999', -1],
    ['same/0', 2],
    ['same/0', -2],
    ['nowhere/0', 2],
  ] as const) {
    const { responses } = await client.produce({ [where]: batch() }, { acks })
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
    codes.push([where, acks, errorCode, baseOffset])
  }
  client.destroy()
  return { ...seen, codes }
}

/** Kafka may say that a topic is there before its broker leads all of it. */
async function allLed(kafka: KafkaCluster): Promise<void> {
  const admin = kafka.kafkajs().admin()
  await admin.connect()
  for (;;) {
    const offsets = await admin.fetchTopicOffsets('same').catch(() => [])
    if (offsets.length === names.length) break
  }
  await admin.disconnect()
}

for (const version of VERSIONS) {
  test(`the embedded broker answers what Apache Kafka ${version} answers`, { timeout: 180_000 }, async () => {
    await using kafka = await KafkaCluster.start({ version, properties: { 'auto.create.topics.enable': 'false' } })
    await kafka.createTopic('same', names.length)
    await allLed(kafka)
    await using embedded = await startCluster({ topics: { same: { partitions: names.length } } })
    const real: Broker = {
      address: kafka.brokers[0]!,
      async deleteRecords(partition, before) {
        const admin = kafka.kafkajs().admin()
        await admin.connect()
        // Without this kafkajs does not know where the partitions are.
        await admin.fetchTopicOffsets('same')
        await admin.deleteTopicRecords({ topic: 'same', partitions: [{ partition, offset: `${before}` }] })
        await admin.disconnect()
      },
    }
    const ours: Broker = {
      address: embedded.brokers[0]!,
      deleteRecords: async (partition, before) => embedded.deleteRecords('same', partition, before),
    }
    const expected = await answers(real)
    assert.ok(Object.values(expected).flat().length > 100)
    assert.deepEqual(await answers(ours), expected)
    assert.deepEqual(await stored(ours), await stored(real))
    assert.deepEqual(await manners(ours.address), await manners(real.address))
  })
}

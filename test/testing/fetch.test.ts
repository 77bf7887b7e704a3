import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { type FetchPartitionData, type FetchRequest, fetch } from '../../src/protocol/messages/fetch.js'
import { type ListOffsetsPartitionResponse, listOffsets } from '../../src/protocol/messages/list-offsets.js'
import { decodeRecordBatches } from '../../src/protocol/records/record-batch.js'
import { type Bench, batch, startBench } from './raw-client.js'

const { NONE, OFFSET_OUT_OF_RANGE } = ErrorCode

interface Wanted {
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly partitionMaxBytes?: number
  /** Offsets by partition of topic `t`. */
  readonly from?: Readonly<Record<number, bigint>>
  readonly topic?: string
}

function request({
  topic = 't',
  maxWaitMs = 0,
  minBytes = 1,
  maxBytes = 1e6,
  partitionMaxBytes = 1e6,
  from = { 0: 0n },
}: Wanted): FetchRequest {
  const partitions = Object.entries(from).map(([partition, fetchOffset]) => ({
    partition: Number(partition),
    currentLeaderEpoch: -1,
    fetchOffset,
    lastFetchedEpoch: -1,
    logStartOffset: -1n,
    partitionMaxBytes,
  }))
  const session = { sessionId: 0, sessionEpoch: -1, forgottenTopicsData: [], rackId: '' }
  const topics = [{ topic, partitions }]
  return { replicaId: -1, maxWaitMs, minBytes, maxBytes, isolationLevel: 0, topics, ...session }
}

/** Asks on a connection of its own. */
async function read(bench: Bench, wanted: Wanted = {}, version = 11, node = 1): Promise<FetchPartitionData[]> {
  const client = await bench.connect(node)
  const answer = await bench.wait(client.request(fetch, version, request(wanted)))
  client.destroy()
  assert.equal(answer.errorCode, NONE)
  return answer.responses[0]!.partitions
}

const offsets = ({ records }: FetchPartitionData): bigint[] =>
  decodeRecordBatches(records ?? Buffer.alloc(0)).map(({ baseOffset }) => baseOffset)

/** A log with batches of 2 records at 0, 2, 4, 6, each of the same size. */
async function filled(bench: Bench, partition = 0): Promise<number> {
  const bytes = batch({ count: 2 })
  for (let i = 0; i < 4; i++) await bench.produce(`t/${partition}`, bytes)
  return bytes.length
}

describe('Fetch', () => {
  for (let version = 4; version <= 12; version++) {
    test(`version ${version}: whole batches from the one that holds the offset on`, async () => {
      await using bench = await startBench()
      await filled(bench)
      for (const [from, expected] of [
        [0n, [0n, 2n, 4n, 6n]],
        [3n, [2n, 4n, 6n]],
        [7n, [6n]],
        [8n, []],
      ] as const) {
        const [data] = await read(bench, { from: { 0: from } }, version)
        assert.deepEqual(offsets(data!), expected)
        assert.deepEqual([data?.errorCode, data?.highWatermark, data?.lastStableOffset], [NONE, 8n, 8n])
      }
    })
  }

  test('no more than the limits, of a partition and of all', async () => {
    await using bench = await startBench()
    const size = await filled(bench)
    await filled(bench, 1)
    const sizes = async (wanted: Wanted): Promise<number[]> =>
      (await read(bench, { from: { 0: 0n, 1: 0n }, ...wanted })).map(data => offsets(data).length)
    assert.deepEqual(await sizes({ partitionMaxBytes: size * 2 }), [2, 2])
    assert.deepEqual(await sizes({ partitionMaxBytes: size * 3 - 1 }), [2, 2])
    assert.deepEqual(await sizes({ maxBytes: size * 5 }), [4, 1])
    assert.deepEqual(await sizes({ maxBytes: size * 4 }), [4, 0])
  })

  test('the first batch comes, however small the limit; not so those of other partitions (KIP-74)', async () => {
    await using bench = await startBench()
    await filled(bench)
    await filled(bench, 1)
    const data = await read(bench, { from: { 0: 4n, 1: 0n }, partitionMaxBytes: 1 })
    assert.deepEqual(data.map(offsets), [[4n], []])
    const other = await read(bench, { from: { 0: 8n, 1: 2n }, maxBytes: 1 })
    assert.deepEqual(other.map(offsets), [[], [2n]])
  })

  test('an offset that the log does not have', async () => {
    await using bench = await startBench()
    await filled(bench)
    bench.cluster.deleteRecords('t', 0, 3n)
    for (const [offset, errorCode] of [
      [2n, OFFSET_OUT_OF_RANGE],
      [3n, NONE],
      [8n, NONE],
      [9n, OFFSET_OUT_OF_RANGE],
      [-1n, OFFSET_OUT_OF_RANGE],
    ] as const) {
      const [data] = await read(bench, { from: { 0: offset }, maxWaitMs: 1000 })
      const logStartOffset = errorCode === NONE ? 3n : -1n
      assert.deepEqual([data?.errorCode, data?.logStartOffset], [errorCode, logStartOffset], `${offset}`)
    }
  })

  test('a partition that is not there, or not led here', async () => {
    await using bench = await startBench({ nodes: 2 })
    const [unknown] = await read(bench, { topic: 'nope', maxWaitMs: 1000 })
    assert.equal(unknown?.errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    const [elsewhere] = await read(bench, { maxWaitMs: 1000 }, 11, 2)
    assert.equal(elsewhere?.errorCode, ErrorCode.NOT_LEADER_OR_FOLLOWER)
    assert.equal(bench.time.now(), 0, 'errors are not waited with')
  })
})

describe('long poll', () => {
  test('waits until there is something', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const answer = client.request(fetch, 11, request({ maxWaitMs: 10_000 }))
    await bench.time.advance(400)
    await bench.produce('t/1', batch())
    await bench.time.advance(100)
    assert.equal(client.frames.length, 0, 'another partition grew')
    await bench.produce('t/0', batch())
    const { responses } = await bench.wait(answer)
    assert.equal(bench.time.now(), 500)
    assert.deepEqual(offsets(responses[0]!.partitions[0]!), [0n])
  })

  test('waits for minBytes', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const bytes = batch()
    const answer = client.request(fetch, 11, request({ maxWaitMs: 10_000, minBytes: bytes.length * 2 }))
    await bench.produce('t/0', bytes)
    await bench.time.advance(100)
    assert.equal(client.frames.length, 0)
    await bench.produce('t/0', bytes)
    assert.deepEqual(offsets((await bench.wait(answer)).responses[0]!.partitions[0]!), [0n, 1n])
    assert.equal(bench.time.now(), 100)
  })

  test('gives what there is, or nothing, when the time is over', async () => {
    await using bench = await startBench()
    assert.deepEqual(offsets((await read(bench, { maxWaitMs: 250 }))[0]!), [])
    assert.equal(bench.time.now(), 250)
    await bench.produce('t/0', batch())
    assert.deepEqual(offsets((await read(bench, { maxWaitMs: 250, minBytes: 10_000 }))[0]!), [0n])
    assert.equal(bench.time.now(), 500)
  })

  test('ends with its connection: no timer is left', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    void client.request(fetch, 11, request({ maxWaitMs: 3_600_000 }))
    await bench.time.advance(1)
    assert.equal(bench.time.pending, 1)
    client.destroy()
    await bench.time.advance(0)
    assert.equal(bench.time.pending, 0)
  })
})

describe('ListOffsets', () => {
  async function at(bench: Bench, timestamp: bigint, version = 7, topic = 't'): Promise<ListOffsetsPartitionResponse> {
    const client = await bench.connect()
    const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }]
    const wanted = { replicaId: -1, isolationLevel: 0, topics: [{ name: topic, partitions }] }
    const { topics } = await bench.wait(client.request(listOffsets, version, wanted))
    client.destroy()
    return topics[0]!.partitions[0]!
  }

  for (let version = 1; version <= 7; version++) {
    test(`version ${version}: earliest, latest, by time`, async () => {
      await using bench = await startBench()
      for (const timestamp of [100, 300, 200]) await bench.produce('t/0', batch({ count: 2, timestamp }))
      bench.cluster.deleteRecords('t', 0, 1n)
      for (const [timestamp, offset, found] of [
        [-2n, 1n, -1n],
        [-1n, 6n, -1n],
        [0n, 1n, 100n],
        [100n, 1n, 100n],
        [101n, 2n, 300n],
        [300n, 2n, 300n],
        [301n, -1n, -1n],
      ] as const) {
        const answer = await at(bench, timestamp, version)
        assert.deepEqual([answer.errorCode, answer.offset, answer.timestamp], [NONE, offset, found], `${timestamp}`)
        assert.equal(answer.leaderEpoch, version >= 4 ? 0 : -1)
      }
    })
  }

  test('the highest timestamp: the first record that has it, from version 7 on', async () => {
    await using bench = await startBench()
    assert.deepEqual((await at(bench, -3n)).offset, -1n)
    for (const timestamp of [100, 300, 200, 300]) await bench.produce('t/0', batch({ timestamp }))
    const answer = await at(bench, -3n)
    assert.deepEqual([answer.errorCode, answer.offset, answer.timestamp], [NONE, 1n, 300n])
    assert.equal((await at(bench, -3n, 6)).errorCode, ErrorCode.UNSUPPORTED_VERSION)
    assert.equal((await at(bench, -4n)).errorCode, ErrorCode.UNSUPPORTED_VERSION)
  })

  test('a topic that is not there', async () => {
    await using bench = await startBench()
    const answer = await at(bench, -1n, 7, 'nope')
    assert.deepEqual([answer.errorCode, answer.offset], [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1n])
  })
})

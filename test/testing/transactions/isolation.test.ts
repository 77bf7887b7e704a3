import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type FetchPartitionData, fetch } from '../../../src/protocol/messages/fetch.js'
import { LATEST_TIMESTAMP, listOffsets } from '../../../src/protocol/messages/list-offsets.js'
import { decodeRecordBatches, decodeRecords } from '../../../src/protocol/records/record-batch.js'
import { type Bench, batch, startBench } from '../raw-client.js'
import { CLASSIC, NEW, rawProducer } from './raw-producer.js'

async function read(bench: Bench, isolationLevel: number, fetchOffset = 0n): Promise<FetchPartitionData> {
  const client = await bench.connect()
  const where = { currentLeaderEpoch: -1, lastFetchedEpoch: -1, logStartOffset: -1n, partitionMaxBytes: 1e6 }
  const request = {
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1e6,
    sessionId: 0,
    sessionEpoch: -1,
    rackId: '',
  }
  const topics = [{ topic: 't', partitions: [{ partition: 0, fetchOffset, ...where }] }]
  const answer = client.request(fetch, 11, { ...request, isolationLevel, topics, forgottenTopicsData: [] })
  return (await bench.wait(answer)).responses[0]!.partitions[0]!
}

async function latest(bench: Bench, isolationLevel: number, timestamp = LATEST_TIMESTAMP): Promise<bigint> {
  const client = await bench.connect()
  const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp }]
  const request = { replicaId: -1, isolationLevel, topics: [{ name: 't', partitions }] }
  return (await bench.wait(client.request(listOffsets, 7, request))).topics[0]!.partitions[0]!.offset
}

const offsetsOf = ({ records }: FetchPartitionData): bigint[] =>
  decodeRecordBatches(records ?? Buffer.alloc(0)).map(({ baseOffset }) => baseOffset)
const committed = (bench: Bench): bigint[] =>
  bench.cluster.records('t', 0, { isolation: 'read_committed' }).map(({ offset }) => offset)

describe('the last stable offset', () => {
  test('is where the first open transaction begins', async () => {
    await using bench = await startBench()
    await bench.produce('t/0', batch())
    const [one, two] = [await rawProducer(bench, NEW, 'one'), await rawProducer(bench, NEW, 'two')]
    for (const producer of [one, two]) {
      await producer.init()
      await producer.produce('t/0')
    }
    await bench.produce('t/0', batch())
    assert.deepEqual([await latest(bench, 0), await latest(bench, 1)], [4n, 1n])
    await two.commit()
    assert.deepEqual([await latest(bench, 0), await latest(bench, 1)], [5n, 1n], 'the first is still open')
    assert.deepEqual(committed(bench), [0n])
    await one.abort()
    assert.deepEqual([await latest(bench, 0), await latest(bench, 1)], [6n, 6n])
    assert.deepEqual(committed(bench), [0n, 2n, 3n])
  })

  test('bounds what a consumer with read_committed gets', async () => {
    await using bench = await startBench()
    await bench.produce('t/0', batch())
    const producer = await rawProducer(bench)
    await producer.init()
    await producer.produce('t/0')
    const [uncommitted, stable] = [await read(bench, 0), await read(bench, 1)]
    assert.deepEqual([offsetsOf(uncommitted), offsetsOf(stable)], [[0n, 1n], [0n]])
    for (const { highWatermark, lastStableOffset } of [uncommitted, stable]) {
      assert.deepEqual([highWatermark, lastStableOffset], [2n, 1n])
    }
    assert.deepEqual([uncommitted.abortedTransactions, stable.abortedTransactions], [null, []])
    assert.deepEqual(offsetsOf(await read(bench, 1, 1n)), [])
  })

  test('a fetch that waits is answered when it moves', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    await producer.produce('t/0')
    const client = await bench.connect()
    const where = { currentLeaderEpoch: -1, lastFetchedEpoch: -1, logStartOffset: -1n, partitionMaxBytes: 1e6 }
    const answer = client.request(fetch, 11, {
      replicaId: -1,
      maxWaitMs: 60_000,
      minBytes: 1,
      maxBytes: 1e6,
      isolationLevel: 1,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0n, ...where }] }],
      forgottenTopicsData: [],
      rackId: '',
    })
    await bench.time.advance(1000)
    assert.equal(client.frames.length, 0)
    await producer.commit()
    assert.deepEqual(offsetsOf((await bench.wait(answer)).responses[0]!.partitions[0]!), [0n, 1n])
    assert.equal(bench.time.now(), 1000)
  })

  test('bounds offsets by time as well', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    producer.timestamp = 500
    await producer.init()
    await producer.produce('t/0')
    assert.deepEqual([await latest(bench, 0, 400n), await latest(bench, 1, 400n)], [0n, -1n])
  })

  test('comes back when the end of the log is lost', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench, CLASSIC)
    await producer.init()
    await producer.add('t/0')
    await producer.produce('t/0')
    await producer.abort()
    assert.equal(await latest(bench, 1), 2n)
    bench.cluster.truncate('t', 0, 1n)
    assert.deepEqual([await latest(bench, 0), await latest(bench, 1)], [1n, 0n], 'the marker is gone')
    bench.cluster.truncate('t', 0, 0n)
    assert.deepEqual([await latest(bench, 0), await latest(bench, 1)], [0n, 0n])
  })

  test('is not below the first offset', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    await producer.produce('t/0', { count: 2 })
    bench.cluster.deleteRecords('t', 0, 1n)
    assert.equal(await latest(bench, 1), 1n)
  })
})

test('aborted transactions are told with the records that they touch', async () => {
  await using bench = await startBench()
  const producer = await rawProducer(bench)
  await producer.init()
  for (const end of [false, true, false]) {
    await producer.produce('t/0')
    await producer.end(end)
  }
  const { producerId } = producer
  const told = async (from: bigint): Promise<bigint[] | undefined> =>
    (await read(bench, 1, from)).abortedTransactions?.map(one => {
      assert.equal(one.producerId, producerId)
      return one.firstOffset
    })
  assert.deepEqual(await told(0n), [0n, 4n])
  assert.deepEqual(await told(1n), [0n, 4n], 'its marker')
  assert.deepEqual(await told(2n), [4n])
  assert.deepEqual(await told(6n), [])
  assert.deepEqual(committed(bench), [2n])
})

test('a marker is a record of a control batch: version and type, version and coordinator epoch', async () => {
  await using bench = await startBench()
  const producer = await rawProducer(bench)
  await producer.init()
  for (const end of [true, false]) {
    await producer.produce('t/0')
    await producer.end(end)
    bench.cluster.moveCoordinator('tx', 1)
  }
  const markers = bench.cluster.batches('t', 0).filter(({ attributes }) => attributes === 48)
  assert.deepEqual(
    markers.map(marker => [marker.producerEpoch, marker.baseSequence, marker.recordCount, marker.crcValid]),
    [
      [1, -1, 1, true],
      [2, -1, 1, true],
    ],
  )
  assert.deepEqual(
    markers.flatMap(marker =>
      decodeRecords(marker).map(({ key, value }) => [key, value].map(one => one?.toString('hex'))),
    ),
    [
      ['00000001', '000000000000'],
      ['00000000', '000000000001'],
    ],
  )
  assert.equal(bench.cluster.records('t', 0).length, 2, 'it is no record of a producer')
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { NO_LEADER } from '../../src/protocol/messages/produce.js'
import {
  ATTRIBUTES_OFFSET,
  BASE_SEQUENCE_OFFSET,
  BATCH_HEADER_SIZE,
  BATCH_LENGTH_OFFSET,
  CRC_OFFSET,
  LAST_OFFSET_DELTA_OFFSET,
  LEADER_EPOCH_OFFSET,
  MAGIC_OFFSET,
  PRODUCER_EPOCH_OFFSET,
  RECORD_COUNT_OFFSET,
} from '../../src/protocol/records/record-batch.js'
import { batch, sealed, startBench } from './raw-client.js'

const { NONE, INVALID_RECORD, CORRUPT_MESSAGE, TRANSACTIONAL_ID_AUTHORIZATION_FAILED } = ErrorCode

/** The same records behind another compression codec. */
function compressed(codec: number, compress: (records: Buffer) => Buffer): Buffer {
  const plain = batch({ count: 3 })
  const bytes = Buffer.concat([plain.subarray(0, BATCH_HEADER_SIZE), compress(plain.subarray(BATCH_HEADER_SIZE))])
  bytes.writeInt16BE(codec, ATTRIBUTES_OFFSET)
  return sealed(bytes)
}

/** The records of a plain batch changed, with its length and CRC made right. */
function withRecords(change: (records: Buffer) => Buffer): Buffer {
  const plain = batch({ count: 3 })
  return sealed(Buffer.concat([plain.subarray(0, BATCH_HEADER_SIZE), change(plain.subarray(BATCH_HEADER_SIZE))]))
}

describe('a batch that is refused', () => {
  const wrongCrc = batch()
  wrongCrc.writeUInt32BE(wrongCrc.readUInt32BE(CRC_OFFSET) ^ 1, CRC_OFFSET)
  const flipped = batch()
  flipped[flipped.length - 2]! ^= 0x20
  const other = (offset: number) => (value: number) =>
    batch({ count: 3, patch: bytes => bytes.writeInt32BE(value, offset) })
  const [count, delta] = [other(RECORD_COUNT_OFFSET), other(LAST_OFFSET_DELTA_OFFSET)]
  const attributes = (value: number): Buffer => batch({ patch: bytes => bytes.writeInt16BE(value, ATTRIBUTES_OFFSET) })
  const outside = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = batch()
    change(bytes)
    return bytes
  }
  for (const [what, bytes, errorCode, rule] of [
    ['null', null, INVALID_RECORD, 'batch'],
    ['no bytes', Buffer.alloc(0), INVALID_RECORD, 'batch'],
    ['half a batch', batch().subarray(0, 40), INVALID_RECORD, 'batch'],
    ['a batch without its last byte', batch().subarray(0, -1), INVALID_RECORD, 'batch'],
    ['a byte too many', Buffer.concat([batch(), Buffer.alloc(1)]), INVALID_RECORD, 'batch'],
    ['two batches', Buffer.concat([batch(), batch()]), INVALID_RECORD, 'batch'],
    ['magic 1', outside(bytes => bytes.writeInt8(1, MAGIC_OFFSET)), INVALID_RECORD, 'batch'],
    ['magic 3', outside(bytes => bytes.writeInt8(3, MAGIC_OFFSET)), CORRUPT_MESSAGE, 'batch'],
    [
      'a length below the header',
      outside(bytes => bytes.writeInt32BE(20, BATCH_LENGTH_OFFSET)),
      CORRUPT_MESSAGE,
      'batch',
    ],
    ['a negative length', outside(bytes => bytes.writeInt32BE(-1, BATCH_LENGTH_OFFSET)), CORRUPT_MESSAGE, 'batch'],
    ['a base offset', outside(bytes => bytes.writeBigInt64BE(1n, 0)), INVALID_RECORD, 'base offset'],
    ['a wrong CRC', wrongCrc, CORRUPT_MESSAGE, 'crc'],
    ['a flipped bit in a record', flipped, CORRUPT_MESSAGE, 'crc'],
    ['not lz4, though it says so', attributes(3), ErrorCode.INVALID_RECORD, 'records'],
    ['not zstd, though it says so', attributes(4), ErrorCode.INVALID_RECORD, 'records'],
    ['an unknown codec', attributes(7), ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, 'compression'],
    ['no records', withRecords(() => Buffer.alloc(0)), INVALID_RECORD, 'records'],
    ['a count of 0', count(0), INVALID_RECORD, 'count'],
    ['a count of -1', count(-1), INVALID_RECORD, 'count'],
    ['a count one too small', count(2), INVALID_RECORD, 'count'],
    ['a count one too large', count(4), INVALID_RECORD, 'count'],
    ['a last offset delta one too small', delta(1), INVALID_RECORD, 'count'],
    ['a last offset delta one too large', delta(3), INVALID_RECORD, 'count'],
    [
      'count and delta that agree, and a record too few',
      sealed(other(RECORD_COUNT_OFFSET)(4), bytes => bytes.writeInt32BE(3, LAST_OFFSET_DELTA_OFFSET)),
      INVALID_RECORD,
      'records',
    ],
    [
      'count and delta that agree, and a record too many',
      sealed(other(RECORD_COUNT_OFFSET)(2), bytes => bytes.writeInt32BE(1, LAST_OFFSET_DELTA_OFFSET)),
      INVALID_RECORD,
      'records',
    ],
    ['a record that is cut short', withRecords(records => records.subarray(0, -2)), INVALID_RECORD, 'records'],
    ['a control batch', attributes(32), INVALID_RECORD, 'kind'],
    ['a transaction, and no transactional id', attributes(16), TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 'transaction'],
    [
      'a producer id and no sequence',
      batch({ producerId: 1n, patch: bytes => bytes.writeInt32BE(-1, BASE_SEQUENCE_OFFSET) }),
      INVALID_RECORD,
      'sequence',
    ],
    [
      'a producer id and no epoch',
      batch({ producerId: 1n, patch: bytes => bytes.writeInt16BE(-1, PRODUCER_EPOCH_OFFSET) }),
      INVALID_RECORD,
      'sequence',
    ],
    [
      // Offset deltas are the fourth byte of a small record: 0, 2, 4 as zigzag.
      'records with other offsets than 0, 1, 2',
      withRecords(records => {
        records[3] = 4
        return records
      }),
      INVALID_RECORD,
      'offsets',
    ],
    ['gzip that is none', compressed(1, records => records), INVALID_RECORD, 'records'],
    ['snappy that is none', compressed(2, () => Buffer.from('ffffffff7f', 'hex')), INVALID_RECORD, 'records'],
  ] as const) {
    test(`${what}: ${rule}`, async () => {
      await using bench = await startBench()
      const answer = await bench.produce('t/0', bytes)
      assert.equal(answer.errorCode, errorCode)
      assert.deepEqual([answer.baseOffset, answer.logAppendTimeMs, answer.logStartOffset], [-1n, -1n, -1n])
      const rejected = bench.cluster.trace.filter(entry => entry.kind === 'rejected')
      assert.deepEqual(
        rejected.map(entry => [entry.rule, entry.errorCode, entry.topic, entry.partition]),
        [[rule, errorCode, 't', 0]],
      )
      assert.deepEqual([bench.cluster.batches('t', 0).length, bench.cluster.records('t', 0).length], [0, 0])
      assert.equal((await bench.produce('t/0', batch())).baseOffset, 0n, 'the log has not grown')
    })
  }
})

test('size: the limit itself passes, one byte more does not', async () => {
  const bytes = batch({ values: ['x'.repeat(1000)] })
  await using small = await startBench({ maxMessageBytes: bytes.length - 1 })
  const refused = await small.produce('t/0', bytes)
  assert.equal(refused.errorCode, ErrorCode.MESSAGE_TOO_LARGE)
  assert.match(refused.errorMessage ?? '', new RegExp(`${bytes.length} bytes`))
  await using enough = await startBench({ maxMessageBytes: bytes.length })
  assert.equal((await enough.produce('t/0', bytes)).errorCode, NONE)
})

test('the default limit is message.max.bytes: 1048588', async () => {
  await using bench = await startBench()
  const fitting = 1_048_588 - batch({ values: ['x'.repeat(1_000_000)] }).length + 1_000_000
  const at = batch({ values: ['x'.repeat(fitting)] })
  assert.equal(at.length, 1_048_588)
  assert.equal((await bench.produce('t/0', at)).errorCode, NONE)
  const above = batch({ values: ['x'.repeat(fitting + 1)] })
  assert.equal((await bench.produce('t/0', above)).errorCode, ErrorCode.MESSAGE_TOO_LARGE)
})

test('a topic or partition that is not there', async () => {
  await using bench = await startBench()
  for (const where of ['nope/0', 't/3', 't/-1']) {
    assert.equal((await bench.produce(where, batch())).errorCode, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, where)
  }
})

test('a node that does not lead the partition', async () => {
  await using bench = await startBench({ nodes: 2 })
  const wrong = bench.cluster.leader('t', 0) === 1 ? 2 : 1
  const client = await bench.connect(wrong)
  const { responses } = await bench.wait(client.produce({ 't/0': batch() }))
  assert.equal(responses[0]?.partitionResponses[0]?.errorCode, ErrorCode.NOT_LEADER_OR_FOLLOWER)
  assert.equal(bench.cluster.records('t', 0).length, 0)
  bench.cluster.moveLeader('t', 0, wrong)
  assert.equal(
    (await bench.wait(client.produce({ 't/0': batch() }))).responses[0]?.partitionResponses[0]?.errorCode,
    NONE,
  )
})

describe('acks', () => {
  for (const acks of [2, -2, 127]) {
    test(`${acks} is not valid`, async () => {
      await using bench = await startBench()
      const answer = await bench.produce('t/0', batch(), acks)
      assert.equal(answer.errorCode, ErrorCode.INVALID_REQUIRED_ACKS)
      assert.equal(bench.cluster.records('t', 0).length, 0)
    })
  }

  for (const acks of [1, -1]) {
    test(`${acks} is answered`, async () => {
      await using bench = await startBench()
      assert.equal((await bench.produce('t/0', batch(), acks)).errorCode, NONE)
    })
  }

  test('0 is not answered, nor does it hold up or count with what follows', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    for (let i = 0; i < 3; i++) void client.produce({ 't/0': batch() }, { acks: 0 })
    const answer = await bench.wait(client.produce({ 't/0': batch() }))
    assert.equal(answer.responses[0]?.partitionResponses[0]?.baseOffset, 3n)
    assert.equal(client.frames.length, 1)
    assert.equal(bench.cluster.depth.now(), 0)
    assert.equal(client.closed, false)
  })

  test('0 and a failure: the connection ends, after the answers to what came before', async () => {
    await using bench = await startBench({ replyDelayMs: 20 })
    const client = await bench.connect()
    const before = client.produce({ 't/0': batch() })
    void client.produce({ 'nope/0': batch() }, { acks: 0 })
    void client.produce({ 't/0': batch() })
    await bench.wait(before)
    await bench.time.until(() => client.closed)
    assert.equal(bench.cluster.records('t', 0).length, 1, 'nothing after it is carried out')
  })
})

test('a request with several partitions: each has its own answer, in their order', async () => {
  await using bench = await startBench()
  const client = await bench.connect()
  const damaged = batch()
  damaged[damaged.length - 1]! ^= 1
  const answer = await bench.wait(
    client.produce({ 't/2': batch({ count: 2 }), 't/0': damaged, 'nope/1': batch(), 't/1': batch() }),
  )
  assert.deepEqual(
    answer.responses.map(({ name, partitionResponses: [one] }) => [name, one?.index, one?.errorCode, one?.baseOffset]),
    [
      ['t', 2, NONE, 0n],
      ['t', 0, CORRUPT_MESSAGE, -1n],
      ['nope', 1, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1n],
      ['t', 1, NONE, 0n],
    ],
  )
  assert.deepEqual(
    [0, 1, 2].map(i => bench.cluster.records('t', i).length),
    [0, 1, 2],
  )
})

for (let version = 3; version <= 13; version++) {
  test(`version ${version}`, async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const topicId = Buffer.from(bench.cluster.topicId('t'), 'hex')
    await bench.wait(client.produce({ 't/0': batch({ count: 2 }) }, { version, topicId }))
    bench.cluster.deleteRecords('t', 0, 1n)
    const answer = await bench.wait(client.produce({ 't/0': batch() }, { version, topicId }))
    assert.deepEqual(answer.responses[0]?.partitionResponses[0], {
      index: 0,
      errorCode: NONE,
      baseOffset: 2n,
      logAppendTimeMs: -1n,
      logStartOffset: version >= 5 ? 1n : -1n,
      recordErrors: [],
      errorMessage: null,
      currentLeader: NO_LEADER,
    })
  })
}

test('what is stored: the bytes that came, but for offset and leader epoch; what can be read: the records', async () => {
  await using bench = await startBench({ nodes: 2 })
  const first = batch({ producerId: 5n, epoch: 2, sequence: 10, values: ['a', 'b'], timestamp: 1234 })
  const second = batch({
    producerId: 5n,
    epoch: 2,
    sequence: 12,
    values: ['c'.repeat(200)],
    timestamp: 99,
    compression: 'snappy',
  })
  await bench.produce('t/0', first)
  bench.cluster.moveLeader('t', 0, 2)
  await bench.produce('t/0', second)

  const stored = bench.cluster.batches('t', 0)
  assert.deepEqual(
    stored.map(({ baseOffset, partitionLeaderEpoch, crcValid }) => [baseOffset, partitionLeaderEpoch, crcValid]),
    [
      [0n, 0, true],
      [2n, 1, true],
    ],
  )
  for (const [i, sent] of [first, second].entries()) {
    assert.deepEqual(stored[i]?.bytes.subarray(8, LEADER_EPOCH_OFFSET), sent.subarray(8, LEADER_EPOCH_OFFSET))
    assert.deepEqual(stored[i]?.bytes.subarray(MAGIC_OFFSET), sent.subarray(MAGIC_OFFSET))
  }
  assert.deepEqual(
    bench.cluster
      .records('t', 0)
      .map(record => [
        record.offset,
        String(record.value).slice(0, 2),
        record.timestamp,
        record.sequence,
        record.producerId,
        record.producerEpoch,
      ]),
    [
      [0n, 'a', 1234n, 10, 5n, 2],
      [1n, 'b', 1234n, 11, 5n, 2],
      [2n, 'cc', 99n, 12, 5n, 2],
    ],
  )
})

test('what was stored does not change with the bytes that came', async () => {
  await using bench = await startBench()
  const bytes = batch({ values: ['before'] })
  const client = await bench.connect()
  await bench.wait(client.produce({ 't/0': bytes }))
  bytes.fill(0)
  assert.equal(String(bench.cluster.records('t', 0)[0]?.value), 'before')
})

test('gzip is read', async () => {
  await using bench = await startBench()
  assert.equal((await bench.produce('t/0', compressed(1, gzipSync))).errorCode, NONE)
  assert.deepEqual(
    bench.cluster.records('t', 0).map(({ value }) => String(value)),
    ['v0', 'v1', 'v2'],
  )
})

test('logAppendTime: records get the time of the append, a duplicate is told the time of the original', async () => {
  await using bench = await startBench({ topics: { t: { partitions: 1, logAppendTime: true } } })
  await bench.time.advance(500)
  const bytes = batch({ producerId: 1n, values: ['a', 'b'], timestamp: 7 })
  assert.equal((await bench.produce('t/0', bytes)).logAppendTimeMs, 500n)
  await bench.time.advance(250)
  const again = await bench.produce('t/0', bytes)
  assert.deepEqual([again.errorCode, again.baseOffset, again.logAppendTimeMs], [NONE, 0n, 500n])
  assert.deepEqual(
    bench.cluster.records('t', 0).map(({ timestamp }) => timestamp),
    [500n, 500n],
  )
  assert.equal(bench.cluster.batches('t', 0)[0]?.crcValid, true)
})

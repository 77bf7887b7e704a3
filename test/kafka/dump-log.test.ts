import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DumpedBatch, parseDump, sequenceFaults } from './dump-log.js'

const LINE =
  'baseOffset: 3 lastOffset: 5 count: 3 baseSequence: 7 lastSequence: 9 producerId: 12 producerEpoch: 1 partitionLeaderEpoch: 0 isTransactional: false isControl: false deleteHorizonMs: OptionalLong.empty position: 222 CreateTime: 1764056000000 size: 111 magic: 2 compresscodec: snappy crc: 815 isvalid: true'
const BATCH: DumpedBatch = {
  baseOffset: 3,
  lastOffset: 5,
  count: 3,
  baseSequence: 7,
  lastSequence: 9,
  producerId: 12,
  producerEpoch: 1,
  compresscodec: 'snappy',
  isvalid: true,
  isTransactional: false,
}

test('what DumpLogSegments prints: batches by partition, segments of one behind each other', () => {
  const text = [
    'Dumping /data/my-topic-7-0/00000000000000000000.log',
    'Log starting offset: 0',
    LINE,
    'Dumping /data/my-topic-7-11/00000000000000000000.log',
    LINE,
    'Dumping /data/my-topic-7-11/00000000000000000006.log',
    LINE,
    '',
  ].join('\n')
  assert.deepEqual(
    [...parseDump(text)],
    [
      [0, [BATCH]],
      [11, [BATCH, BATCH]],
    ],
  )
})

test('a control batch has the marker of its record', () => {
  const record =
    '| offset: 3 CreateTime: 1764056000000 keySize: 4 valueSize: 6 sequence: -1 headerKeys: [] endTxnMarker: ABORT coordinatorEpoch: 0'
  const text = ['Dumping /data/t-0/00000000000000000000.log', LINE, record, LINE].join('\n')
  assert.deepEqual(parseDump(text).get(0), [{ ...BATCH, marker: 'ABORT' }, BATCH])
})

/** Batches of two records, in one epoch, from sequence 0 on. */
const log = (count: number): DumpedBatch[] =>
  Array.from({ length: count }, (_, i) => ({
    ...BATCH,
    count: 2,
    baseOffset: 2 * i,
    lastOffset: 2 * i + 1,
    baseSequence: 2 * i,
    lastSequence: 2 * i + 1,
  }))

/** The same with something else in the batch at `index`. */
const changed = (index: number, change: Partial<DumpedBatch>): string[] =>
  sequenceFaults(log(4).map((batch, i) => (i === index ? { ...batch, ...change } : batch)))

test('nothing is wrong', () => {
  assert.deepEqual(sequenceFaults(log(4)), [])
  assert.deepEqual(sequenceFaults([]), [])
  const wraps = [
    { ...BATCH, baseOffset: 0, lastOffset: 2, baseSequence: 2 ** 31 - 2, lastSequence: 0 },
    { ...BATCH, baseOffset: 3, lastOffset: 5, baseSequence: 1, lastSequence: 3 },
  ]
  assert.deepEqual(sequenceFaults(wraps, false), [])
})

test('sequences that do not begin at 0: wrong, unless the log does not begin there either', () => {
  assert.deepEqual(sequenceFaults(log(4).slice(1)), ['offset 2: sequence 2, not 0'])
  assert.deepEqual(sequenceFaults(log(4).slice(1), false), [])
})

test('a batch that is there twice, one that is missing', () => {
  const [a, b, c] = log(3) as [DumpedBatch, DumpedBatch, DumpedBatch]
  const again = { ...b, baseOffset: 4, lastOffset: 5 }
  assert.deepEqual(sequenceFaults([a, b, again]), ['offset 4: sequence 2, not 4'])
  assert.deepEqual(sequenceFaults([a, c]), ['offset 4 follows 1', 'offset 4: sequence 4, not 2'])
})

test('a new epoch begins at 0, and no older one follows', () => {
  const next = { producerEpoch: 2, baseSequence: 0, lastSequence: 1 }
  assert.deepEqual(changed(3, next), [])
  assert.deepEqual(changed(3, { producerEpoch: 2 }), ['offset 6: sequence 6, not 0'])
  assert.deepEqual(changed(1, next).slice(0, 2), ['offset 4: epoch 1 follows 2', 'offset 4: sequence 4, not 0'])
})

test('a wrong CRC, a wrong count, another producer', () => {
  assert.deepEqual(changed(3, { isvalid: false }), ['offset 6: the CRC is wrong'])
  assert.deepEqual(changed(3, { count: 3 }), ['offset 6: 3 records, to 7', 'offset 6: sequences 6 to 7'])
  assert.deepEqual(changed(3, { producerId: 13 }), ['offset 6: producer 13 follows 12'])
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MalformedMessageError } from '../../src/errors.js'
import type { CodecName } from '../../src/protocol/compression/codec.js'
import { CODECS, decompress, NOT_COMPRESSED } from '../../src/protocol/compression/codecs.js'
import {
  BATCH_HEADER_SIZE,
  type DecodedRecord,
  decodeRecordBatches,
  decodeRecords,
} from '../../src/protocol/records/record-batch.js'
import {
  type Buffers,
  type HeaderPair,
  RecordBatchBuilder,
  type RecordData,
  RecordLengths,
} from '../../src/protocol/records/record-batch-builder.js'
import { sealWith } from '../support/packing.js'
import { batches, type GoldenBatch } from './golden/fixtures.js'

type Compression = 'none' | CodecName

interface Input {
  key?: RecordData
  value: RecordData
  headers?: readonly HeaderPair[]
  timestamp: number
}

function build(
  records: readonly Input[],
  {
    compression = 'none',
    capacity = 256,
    buffers,
    producerId = 5n,
    producerEpoch = 1,
    baseSequence = 0,
  }: {
    compression?: Compression
    capacity?: number
    buffers?: Buffers
    producerId?: bigint
    producerEpoch?: number
    baseSequence?: number
  } = {},
): Buffer {
  const builder = new RecordBatchBuilder(buffers?.take(capacity) ?? Buffer.allocUnsafe(capacity), buffers)
  const lengths = new RecordLengths()
  for (const { key, value, headers, timestamp } of records) {
    lengths.measure(key, value, headers)
    const before = builder.size
    builder.append(key, value, headers, timestamp, lengths)
    assert.ok(builder.size - before <= lengths.max, `${builder.size - before} bytes appended, ${lengths.max} reserved`)
  }
  assert.equal(builder.count, records.length)
  sealWith(compression, builder)
  const bytes = builder.stamp({ producerId, producerEpoch }, baseSequence)
  assert.equal(bytes.length, builder.size)
  return bytes
}

/** The same batch again, by our builder. */
function rebuild({ fields, records }: GoldenBatch, compression: Compression = 'none', capacity?: number): Buffer {
  return build(
    records.map(record => ({ ...record, timestamp: Number(record.timestamp) })),
    {
      compression,
      ...(capacity === undefined ? {} : { capacity }),
      producerId: fields.producerId,
      producerEpoch: fields.producerEpoch,
      baseSequence: fields.baseSequence,
    },
  )
}

function decode(bytes: Uint8Array): DecodedRecord[] {
  return decodeRecordBatches(bytes).flatMap(decodeRecords)
}

/** What a producer makes; brokers and transactions set the other attributes. */
const fromProducers = batches.filter(batch => (batch.fields.attributes & ~7) === 0)

describe('record batches that Java made', () => {
  for (const golden of batches) {
    it(`are read: ${golden.name}`, () => {
      const [batch, ...others] = decodeRecordBatches(golden.bytes)
      assert.equal(others.length, 0)
      const { bytes, ...fields } = batch!
      assert.deepEqual(fields, golden.fields)
      assert.deepEqual(bytes, golden.bytes)
      assert.deepEqual(decodeRecords(batch!), golden.records)
    })
  }

  for (const golden of fromProducers) {
    if (golden.fields.compression === NOT_COMPRESSED) {
      it(`are built to the same bytes: ${golden.name}`, () => {
        for (const capacity of [BATCH_HEADER_SIZE, 100, 65_536]) {
          assert.equal(rebuild(golden, 'none', capacity).toString('hex'), golden.bytes.toString('hex'))
        }
      })
    } else {
      it(`are built to the same records: ${golden.name}`, () => {
        const id = golden.fields.compression
        const javaRecords = Buffer.from(decompress(id, golden.bytes.subarray(BATCH_HEADER_SIZE)))
        assert.equal(rebuild(golden).subarray(BATCH_HEADER_SIZE).toString('hex'), javaRecords.toString('hex'))
      })
    }

    it(`are read after snappy: ${golden.name}`, () => {
      const [batch] = decodeRecordBatches(rebuild(golden, 'snappy'))
      const { bytes, batchLength, crc, ...fields } = batch!
      const { batchLength: _, crc: __, ...expected } = golden.fields
      assert.deepEqual(fields, { ...expected, attributes: CODECS.snappy.id, compression: CODECS.snappy.id })
      assert.equal(batchLength, bytes.length - 12)
      assert.deepEqual(decodeRecords(batch!), golden.records)
    })
  }

  it('may stand one after the other', () => {
    assert.deepEqual(
      decodeRecordBatches(Buffer.concat(batches.map(batch => batch.bytes))).map(batch => batch.bytes),
      batches.map(batch => batch.bytes),
    )
  })
})

describe('a batch of any records', () => {
  const bytes = fc.uint8Array({ maxLength: 70 })
  const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 70 }), fc.string({ maxLength: 40 }))
  const anyBytes = fc.option(fc.oneof(bytes, anyText))
  const anyRecord = fc.record({
    key: anyBytes,
    value: anyBytes,
    headers: fc.array(fc.tuple(anyText, anyBytes), { maxLength: 4 }),
    // From long before 1970 to the year 5000: differences of more than 32 bits.
    timestamp: fc.oneof(
      fc.integer({ min: 1_700_000_000_000, max: 1_700_000_001_000 }),
      fc.integer({ min: -1e14, max: 1e14 }),
    ),
  })

  const asBuffer = (value: RecordData): Buffer | null => (value === null ? null : Buffer.from(value as string))

  it('is read to what was appended', () => {
    fc.assert(
      fc.property(
        fc.array(anyRecord, { minLength: 1, maxLength: 12 }),
        fc.constantFrom<Compression>('none', 'gzip', 'snappy', 'lz4', 'zstd'),
        fc.integer({ min: BATCH_HEADER_SIZE, max: 400 }),
        (records, compression, capacity) => {
          const [batch] = decodeRecordBatches(build(records, { compression, capacity }))
          assert.equal(batch!.crcValid, true)
          assert.equal(batch!.maxTimestamp, BigInt(Math.max(...records.map(record => record.timestamp))))
          assert.deepEqual(
            decodeRecords(batch!),
            records.map((record, i) => ({
              offset: BigInt(i),
              timestamp: BigInt(record.timestamp),
              key: asBuffer(record.key),
              value: asBuffer(record.value),
              headers: record.headers.map(([name, value]) => [Buffer.from(name).toString(), asBuffer(value)]),
            })),
          )
        },
      ),
      { numRuns: 400 },
    )
  })

  it('may leave out key and headers', () => {
    assert.deepEqual(decode(build([{ value: 'v', timestamp: 1 }])), [
      { offset: 0n, timestamp: 1n, key: null, value: Buffer.from('v'), headers: [] },
    ])
  })

  it('gives back the memory that it has outgrown, or compressed, and uses it no more', () => {
    const records = Array.from({ length: 100 }, (_, i) => ({ value: `value ${i}`, timestamp: i }))
    for (const compression of ['none', 'snappy'] as const) {
      const taken: Buffer[] = []
      const given: Buffer[] = []
      const buffers: Buffers = {
        take(bytes) {
          taken.push(Buffer.allocUnsafeSlow(bytes))
          return taken.at(-1)!
        },
        // Whoever takes it next writes to it.
        give: buffer => given.push(buffer.fill(0xff)),
      }
      const bytes = build(records, { compression, capacity: 128, buffers })
      assert.ok(taken.length > 2)
      assert.deepEqual(given, compression === 'none' ? taken.slice(0, -1) : taken)
      assert.deepEqual(bytes, build(records, { compression, capacity: 10_000 }))
    }
  })

  it('changes nothing but identity, sequence and CRC when it is stamped again', () => {
    const [first] = fromProducers
    const builder = new RecordBatchBuilder(Buffer.allocUnsafe(256))
    const lengths = new RecordLengths()
    lengths.measure('k', 'v', undefined)
    builder.append('k', 'v', undefined, 1_700_000_000_000, lengths)
    builder.seal()
    builder.stamp({ producerId: 9n, producerEpoch: 9 }, 9)
    assert.deepEqual(builder.stamp({ producerId: -1n, producerEpoch: -1 }, -1), first!.bytes)
  })
})

describe('a batch that contradicts itself', () => {
  const good = batches.find(batch => batch.name.startsWith('headers'))!.bytes
  const changed = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(good)
    change(bytes)
    return bytes
  }

  it('is malformed: another magic, a length shorter than the header', () => {
    assert.throws(() => decodeRecordBatches(changed(bytes => bytes.writeInt8(1, 16))), MalformedMessageError)
    for (const length of [-1, 0, 48]) {
      assert.throws(() => decodeRecordBatches(changed(bytes => bytes.writeInt32BE(length, 8))), MalformedMessageError)
    }
  })

  it('is malformed: more or fewer records than it says', () => {
    for (const count of [2, 4, 2 ** 31 - 1]) {
      assert.throws(() => decode(changed(bytes => bytes.writeInt32BE(count, 57))), MalformedMessageError, String(count))
    }
  })

  it('is malformed: a record of another length than it says', () => {
    assert.throws(() => decode(changed(bytes => bytes.writeInt8(good[61]! + 2, 61))), MalformedMessageError)
  })

  it('is malformed: compressed with something that is not read', () => {
    assert.throws(() => decode(changed(bytes => bytes.writeInt16BE(5, 21))), MalformedMessageError)
  })
})

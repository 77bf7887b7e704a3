import { MalformedMessageError } from '../../errors.js'
import { decompress } from '../compression/codecs.js'
import { Reader } from '../wire/reader.js'
import { crc32c } from './crc32c.js'

/*
 * RecordBatch (magic 2, KIP-98)
 *    0 BaseOffset(INT64)            set by the broker
 *    8 BatchLength(INT32)           bytes that follow this field
 *   12 PartitionLeaderEpoch(INT32)  set by the broker
 *   16 Magic(INT8) = 2
 *   17 Crc(UINT32)                  CRC-32C of everything from Attributes to the end
 *   21 Attributes(INT16)            bits 0-2 compression, 3 timestamp type, 4 transactional, 5 control
 *   23 LastOffsetDelta(INT32)
 *   27 BaseTimestamp(INT64)
 *   35 MaxTimestamp(INT64)
 *   43 ProducerId(INT64)
 *   51 ProducerEpoch(INT16)
 *   53 BaseSequence(INT32)
 *   57 RecordCount(INT32)
 *   61 [Record]                     as one block, compressed where the attributes say so
 *
 * Record => Length(VARINT) Attributes(INT8) TimestampDelta(VARLONG) OffsetDelta(VARINT)
 *           KeyLength(VARINT, -1 null) Key ValueLength(VARINT, -1 null) Value HeaderCount(VARINT) [Header]
 * Header => KeyLength(VARINT) Key ValueLength(VARINT, -1 null) Value
 */
export const BATCH_LENGTH_OFFSET = 8
export const LEADER_EPOCH_OFFSET = 12
export const MAGIC_OFFSET = 16
export const CRC_OFFSET = 17
export const ATTRIBUTES_OFFSET = 21
export const LAST_OFFSET_DELTA_OFFSET = 23
export const BASE_TIMESTAMP_OFFSET = 27
export const MAX_TIMESTAMP_OFFSET = 35
export const PRODUCER_ID_OFFSET = 43
export const PRODUCER_EPOCH_OFFSET = 51
export const BASE_SEQUENCE_OFFSET = 53
export const RECORD_COUNT_OFFSET = 57
export const BATCH_HEADER_SIZE = 61

/** In the attributes of a batch: it belongs to a transaction. */
export const TRANSACTIONAL_BIT = 16

/** Bytes before the ones that `batchLength` counts. */
const LOG_OVERHEAD = 12

/** A record batch of Kafka (magic 2), as it is stored. */
export interface RecordBatch {
  /** The offset of its first record. */
  baseOffset: bigint
  /** Bytes of the batch behind this field. */
  batchLength: number
  /** The leader epoch in which it was appended. */
  partitionLeaderEpoch: number
  /** The version of the format: 2. */
  magic: number
  /** The CRC-32C that the batch states. */
  crc: number
  /** Whether `crc` is the CRC-32C of the bytes that are there. */
  crcValid: boolean
  /** Bits: compression, the type of the timestamp, transactional, control. */
  attributes: number
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd: the low three bits of `attributes`. */
  compression: number
  /** The offset of its last record, less that of its first. */
  lastOffsetDelta: number
  /** Milliseconds since 1970, of its first record. */
  baseTimestamp: bigint
  /** Milliseconds since 1970, of its newest record. */
  maxTimestamp: bigint
  /** -1: the producer is not idempotent. */
  producerId: bigint
  /** -1: the producer is not idempotent. */
  producerEpoch: number
  /** The sequence of its first record; -1: the producer is not idempotent. */
  baseSequence: number
  /** How many records it has. */
  recordCount: number
  /** The whole batch, a view of what was decoded. */
  bytes: Buffer
}

/** A record as consumers get it. */
export interface DecodedRecord {
  /** Its place in the log. */
  offset: bigint
  /** Milliseconds since 1970. */
  timestamp: bigint
  /** Its key; null: none. */
  key: Buffer | null
  /** Its value; null: a tombstone. */
  value: Buffer | null
  /** Its headers, in order. A name may occur several times. */
  headers: [string, Buffer | null][]
}

/**
 * Decodes the record batches that follow one another in `bytes`. A truncated last batch, as a Fetch response may
 * end with, is left out.
 *
 * @throws {MalformedMessageError} when a batch is of another magic or shorter than its own header.
 */
export function decodeRecordBatches(bytes: Uint8Array): RecordBatch[] {
  const batches: RecordBatch[] = []
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let position = 0
  while (buffer.length - position >= LOG_OVERHEAD) {
    const size = LOG_OVERHEAD + buffer.readInt32BE(position + BATCH_LENGTH_OFFSET)
    if (size < BATCH_HEADER_SIZE)
      throw new MalformedMessageError(`a record batch announces ${size} bytes, fewer than its own header has`)
    if (size > buffer.length - position) break
    batches.push(decodeBatch(buffer.subarray(position, position + size)))
    position += size
  }
  return batches
}

function decodeBatch(bytes: Buffer): RecordBatch {
  const magic = bytes.readInt8(MAGIC_OFFSET)
  if (magic !== 2) throw new MalformedMessageError(`a record batch has magic ${magic}, but only magic 2 can be read`)
  const crc = bytes.readUInt32BE(CRC_OFFSET)
  const attributes = bytes.readInt16BE(ATTRIBUTES_OFFSET)
  return {
    baseOffset: bytes.readBigInt64BE(0),
    batchLength: bytes.readInt32BE(BATCH_LENGTH_OFFSET),
    partitionLeaderEpoch: bytes.readInt32BE(LEADER_EPOCH_OFFSET),
    magic,
    crc,
    crcValid: crc32c(bytes.subarray(ATTRIBUTES_OFFSET)) === crc,
    attributes,
    compression: attributes & 7,
    lastOffsetDelta: bytes.readInt32BE(LAST_OFFSET_DELTA_OFFSET),
    baseTimestamp: bytes.readBigInt64BE(BASE_TIMESTAMP_OFFSET),
    maxTimestamp: bytes.readBigInt64BE(MAX_TIMESTAMP_OFFSET),
    producerId: bytes.readBigInt64BE(PRODUCER_ID_OFFSET),
    producerEpoch: bytes.readInt16BE(PRODUCER_EPOCH_OFFSET),
    baseSequence: bytes.readInt32BE(BASE_SEQUENCE_OFFSET),
    recordCount: bytes.readInt32BE(RECORD_COUNT_OFFSET),
    bytes,
  }
}

/**
 * The records of a batch, decompressed.
 *
 * @throws {MalformedMessageError} when the records are not as many, or not as long, as the batch says.
 */
export function decodeRecords(batch: RecordBatch): DecodedRecord[] {
  const reader = new Reader(decompress(batch.compression, batch.bytes.subarray(BATCH_HEADER_SIZE)))
  const records: DecodedRecord[] = []
  for (let i = 0; i < batch.recordCount; i++) records.push(decodeRecord(reader, batch))
  if (reader.remaining > 0)
    throw new MalformedMessageError(`a record batch goes on after its last record (bytes left: ${reader.remaining})`)
  return records
}

function decodeRecord(reader: Reader, batch: RecordBatch): DecodedRecord {
  const length = reader.varint()
  const start = reader.position
  reader.int8() // attributes: none are defined
  const timestamp = batch.baseTimestamp + reader.varlong()
  const offset = batch.baseOffset + BigInt(reader.varint())
  const key = nullableBytes(reader)
  const value = nullableBytes(reader)
  const headers: [string, Buffer | null][] = []
  for (let count = reader.varint(); count > 0; count--) {
    headers.push([reader.raw(reader.varint()).toString('utf8'), nullableBytes(reader)])
  }
  if (reader.position - start !== length) {
    throw new MalformedMessageError(
      `a record announces ${length} bytes, but its fields take ${reader.position - start}`,
    )
  }
  // Bit 3: the broker stamped the whole batch with the time of the append.
  return { offset, timestamp: batch.attributes & 8 ? batch.maxTimestamp : timestamp, key, value, headers }
}

function nullableBytes(reader: Reader): Buffer | null {
  const length = reader.varint()
  return length === -1 ? null : reader.raw(length)
}

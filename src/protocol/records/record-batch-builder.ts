import { Buffer } from 'node:buffer'
import { NOT_COMPRESSED } from '../compression/codecs.js'
import { crc32c } from './crc32c.js'
import {
  ATTRIBUTES_OFFSET,
  BASE_SEQUENCE_OFFSET,
  BASE_TIMESTAMP_OFFSET,
  BATCH_HEADER_SIZE,
  BATCH_LENGTH_OFFSET,
  CRC_OFFSET,
  LAST_OFFSET_DELTA_OFFSET,
  LEADER_EPOCH_OFFSET,
  MAGIC_OFFSET,
  MAX_TIMESTAMP_OFFSET,
  PRODUCER_EPOCH_OFFSET,
  PRODUCER_ID_OFFSET,
  RECORD_COUNT_OFFSET,
  TRANSACTIONAL_BIT,
} from './record-batch.js'

/** A key, a value or the value of a header: strings are written as UTF-8. */
export type RecordData = string | Uint8Array | null
/** A header: several may have one name. */
export type HeaderPair = readonly [name: string, value: RecordData]

/** The most bytes that a record adds to a batch beside its key, value and headers. */
const RECORD_OVERHEAD = 5 + 1 + 10 + 5 + 5 + 5 + 5

/**
 * The lengths in bytes of one record: found once, then used to reserve memory, to check limits and to encode. One such
 * object is filled again for every record, so that measuring allocates nothing.
 */
export class RecordLengths {
  key = -1
  value = -1
  /** With the count in front of them. */
  headers = 1
  /** The most bytes that the record takes in a batch. */
  max = 0

  measure(key: RecordData | undefined, value: RecordData, headers: readonly HeaderPair[] | undefined): void {
    this.key = key === undefined ? -1 : byteLength(key)
    this.value = byteLength(value)
    this.headers = headers === undefined ? 1 : headersLength(headers)
    this.max = RECORD_OVERHEAD + Math.max(this.key, 0) + Math.max(this.value, 0) + this.headers
  }
}

/** Gives out buffers, and takes back those that are no longer used. */
export interface Buffers {
  /** Returns a buffer of at least `bytes`. */
  take(bytes: number): Buffer
  give(buffer: Buffer): void
}

const FRESH: Buffers = { take: bytes => Buffer.allocUnsafe(bytes), give() {} }

/** The producer identity of a batch (KIP-98). @inline */
export interface ProducerIdAndEpoch {
  readonly producerId: bigint
  readonly producerEpoch: number
  /** It belongs to a transactional id: its batches are part of transactions, and the coordinator counts its epochs. Default false. */
  readonly transactional?: boolean
}

/**
 * A record batch in the making. Records are encoded as they are appended, straight into the bytes that will be sent; the
 * header's place stands free until {@link seal} and {@link stamp}.
 */
export class RecordBatchBuilder {
  #buffer: Buffer
  readonly #buffers: Buffers
  #sealed: Buffer | undefined
  #position = BATCH_HEADER_SIZE
  #count = 0
  #baseTimestamp = 0
  #maxTimestamp = 0

  /**
   * @param buffer to write to, from its start, header included.
   * @param buffers where a larger one comes from when it is used up.
   */
  constructor(buffer: Buffer, buffers: Buffers = FRESH) {
    this.#buffer = buffer
    this.#buffers = buffers
  }

  /** The memory that records are written to: free for other use once the batch is not needed any more. */
  get memory(): Buffer {
    return this.#buffer
  }

  /** Bytes so far, header included; after {@link seal} the bytes that will be sent. */
  get size(): number {
    return this.#position
  }

  get sealed(): boolean {
    return this.#sealed !== undefined
  }

  /** The encoded records, without the header: what a codec compresses. Only before {@link seal}. */
  get records(): Buffer {
    return this.#buffer.subarray(BATCH_HEADER_SIZE, this.#position)
  }

  get count(): number {
    return this.#count
  }

  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  append(
    key: RecordData | undefined,
    value: RecordData,
    headers: readonly HeaderPair[] | undefined,
    timestamp: number,
    lengths: RecordLengths,
  ): void {
    if (this.#count === 0) {
      this.#baseTimestamp = timestamp
      this.#maxTimestamp = timestamp
    } else if (timestamp > this.#maxTimestamp) {
      this.#maxTimestamp = timestamp
    }
    const timestampDelta = timestamp - this.#baseTimestamp
    const offsetDelta = this.#count
    const length =
      1 +
      varlongSize(timestampDelta) +
      varintSize(offsetDelta) +
      bytesSize(lengths.key) +
      bytesSize(lengths.value) +
      lengths.headers

    if (this.#position + length + 5 > this.#buffer.length) this.#grow(length + 5)
    const buffer = this.#buffer
    let position = writeVarint(buffer, this.#position, length)
    buffer[position++] = 0 // attributes: none are defined
    position = writeVarlong(buffer, position, timestampDelta)
    position = writeVarint(buffer, position, offsetDelta)
    position = writeBytes(buffer, position, key ?? null, lengths.key)
    position = writeBytes(buffer, position, value, lengths.value)
    if (headers === undefined) buffer[position++] = 0
    else position = writeHeaders(buffer, position, headers)
    this.#position = position
    this.#count++
  }

  /**
   * No record follows: writes all of the header but what {@link stamp} writes.
   *
   * @param codec number of the codec that compressed the records.
   * @param compressed takes the place of {@link records}; undefined: they are not compressed.
   */
  seal(codec: number = NOT_COMPRESSED, compressed?: Uint8Array): void {
    let batch = this.#buffer.subarray(0, this.#position)
    if (compressed !== undefined) {
      batch = Buffer.concat([batch.subarray(0, BATCH_HEADER_SIZE), compressed])
      this.#replace(batch)
    }
    batch.fill(0, 0, BATCH_LENGTH_OFFSET)
    batch.writeInt32BE(batch.length - LEADER_EPOCH_OFFSET, BATCH_LENGTH_OFFSET)
    batch.writeInt32BE(-1, LEADER_EPOCH_OFFSET)
    batch.writeInt8(2, MAGIC_OFFSET)
    batch.writeInt16BE(codec, ATTRIBUTES_OFFSET)
    batch.writeInt32BE(this.#count - 1, LAST_OFFSET_DELTA_OFFSET)
    batch.writeBigInt64BE(BigInt(this.#baseTimestamp), BASE_TIMESTAMP_OFFSET)
    batch.writeBigInt64BE(BigInt(this.#maxTimestamp), MAX_TIMESTAMP_OFFSET)
    batch.writeInt32BE(this.#count, RECORD_COUNT_OFFSET)
    this.#sealed = batch
    this.#position = batch.length
  }

  /**
   * Gives a sealed batch its identity and sequence, and its CRC with them; returns its bytes. A batch that was rejected
   * may be stamped again; an unresolved batch must not, or it could be stored twice.
   */
  stamp(identity: ProducerIdAndEpoch, baseSequence: number): Buffer {
    const batch = this.#sealed
    if (batch === undefined) throw new Error('a batch was stamped before it was sealed')
    if (identity.transactional) batch[ATTRIBUTES_OFFSET + 1]! |= TRANSACTIONAL_BIT
    batch.writeBigInt64BE(identity.producerId, PRODUCER_ID_OFFSET)
    batch.writeInt16BE(identity.producerEpoch, PRODUCER_EPOCH_OFFSET)
    batch.writeInt32BE(baseSequence, BASE_SEQUENCE_OFFSET)
    batch.writeUInt32BE(crc32c(batch.subarray(ATTRIBUTES_OFFSET)), CRC_OFFSET)
    return batch
  }

  #grow(bytes: number): void {
    const grown = this.#buffers.take(Math.max(this.#buffer.length * 2, this.#position + bytes))
    this.#buffer.copy(grown, 0, 0, this.#position)
    this.#replace(grown)
  }

  #replace(buffer: Buffer): void {
    const old = this.#buffer
    this.#buffer = buffer
    this.#buffers.give(old)
  }
}

/** Returns the bytes of a key or value; -1 for null. */
function byteLength(value: RecordData): number {
  if (value === null) return -1
  return typeof value === 'string' ? utf8Length(value) : byteLengthOf(value)
}

/** The getter itself: a subclass may have another one, and what is measured must be what is copied. */
const byteLengthGetter = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'byteLength')!
  .get!

/** The bytes of an array, whatever it says of itself. */
export function byteLengthOf(bytes: Uint8Array): number {
  return byteLengthGetter.call(bytes)
}

/** Below this length a loop over a string beats the call into native code. */
const SHORT_STRING = 24

function utf8Length(text: string): number {
  const length = text.length
  if (length > SHORT_STRING) return Buffer.byteLength(text)
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text)
  return length
}

type Latin1Write = (this: Buffer, text: string, position: number, length: number) => number

/**
 * What `buffer.write(text, position, length, 'latin1')` calls in the end: for 100 bytes, getting there is a third of the cost.
 * It is not in Node's documentation, so there is a way without it.
 */
export function latin1Writer(prototype: { readonly latin1Write?: Latin1Write }): Latin1Write {
  return (
    prototype.latin1Write ??
    function (this: Buffer, text, position, length) {
      return this.write(text, position, length, 'latin1')
    }
  )
}

const latin1Write = latin1Writer(Buffer.prototype)

function writeText(buffer: Buffer, position: number, text: string, length: number): number {
  // As many bytes as characters means ASCII, which needs no encoder.
  if (length !== text.length) return position + buffer.write(text, position, length, 'utf8')
  if (length > SHORT_STRING) return position + latin1Write.call(buffer, text, position, length)
  for (let i = 0; i < length; i++) buffer[position + i] = text.charCodeAt(i)
  return position + length
}

function writeBytes(buffer: Buffer, position: number, value: RecordData, length: number): number {
  if (value === null) {
    buffer[position] = 1 // -1
    return position + 1
  }
  const start = writeVarint(buffer, position, length)
  if (typeof value === 'string') return writeText(buffer, start, value, length)
  buffer.set(value, start)
  return start + length
}

function headersLength(headers: readonly HeaderPair[]): number {
  let length = varintSize(headers.length)
  for (const [name, value] of headers) {
    const nameLength = utf8Length(name)
    const valueLength = byteLength(value)
    length += varintSize(nameLength) + nameLength + varintSize(valueLength) + Math.max(valueLength, 0)
  }
  return length
}

function writeHeaders(buffer: Buffer, start: number, headers: readonly HeaderPair[]): number {
  let position = writeVarint(buffer, start, headers.length)
  for (const [name, value] of headers) {
    position = writeBytes(buffer, position, name, utf8Length(name))
    position = writeBytes(buffer, position, value, byteLength(value))
  }
  return position
}

/** Returns the bytes of a key or value with its length prefix; -1 for null. */
function bytesSize(length: number): number {
  return length < 0 ? 1 : varintSize(length) + length
}

function varintSize(value: number): number {
  const zigzag = (value << 1) ^ (value >> 31)
  if ((zigzag & 0xffffff80) === 0) return 1
  if ((zigzag & 0xffffc000) === 0) return 2
  if ((zigzag & 0xffe00000) === 0) return 3
  return (zigzag & 0xf0000000) === 0 ? 4 : 5
}

function writeVarint(buffer: Buffer, start: number, value: number): number {
  let position = start
  let zigzag = (value << 1) ^ (value >> 31)
  while ((zigzag & 0xffffff80) !== 0) {
    buffer[position++] = (zigzag & 0x7f) | 0x80
    zigzag >>>= 7
  }
  buffer[position++] = zigzag
  return position
}

/** Time differences fit 30 bits nearly always: 12 days. The rest goes the slow way, through BigInt. */
function isSmall(value: number): boolean {
  return value < 0x40000000 && value > -0x40000000
}

function zigzag64(value: number): bigint {
  return BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
}

function varlongSize(value: number): number {
  if (isSmall(value)) return varintSize(value)
  let size = 1
  for (let rest = zigzag64(value); rest > 0x7fn; rest >>= 7n) size++
  return size
}

function writeVarlong(buffer: Buffer, start: number, value: number): number {
  if (isSmall(value)) return writeVarint(buffer, start, value)
  let position = start
  let rest = zigzag64(value)
  for (; rest > 0x7fn; rest >>= 7n) buffer[position++] = Number(rest & 0x7fn) | 0x80
  buffer[position++] = Number(rest)
  return position
}

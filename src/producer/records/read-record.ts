import { Buffer } from 'node:buffer'
import { isUint8Array } from 'node:util/types'
import { describe, InvalidRecordError, withoutStack } from '../../errors.js'
import { byteLengthOf, type HeaderPair, type RecordData } from '../../protocol/records/record-batch-builder.js'
import type { Headers, ProducerRecord } from '../model/record.js'
import type { TakenRecord } from '../model/taken-record.js'

/** Accepts the fields that {@link readRecord} reads. */
export interface RecordReader<C, R> {
  /**
   * Accepts the fields of a record, each read once and found valid. The bytes are still the user's: they must be encoded or copied before
   * any other code runs. As arguments, because every record passes here, and an object for them cost 20 %.
   *
   * @param record is returned in the ack, and must not be read again: it may have getters, be a proxy, or change.
   */
  take(
    record: ProducerRecord,
    topic: string,
    key: RecordData | undefined,
    value: RecordData,
    headers: readonly HeaderPair[] | undefined,
    partition: number | undefined,
    timestamp: number | undefined,
    context: C,
  ): R
}

/** Reads each field of a record once, and passes them to `reader`; or returns why the record cannot be sent. */
export function readRecord<C, R>(
  record: ProducerRecord,
  reader: RecordReader<C, R>,
  context: C,
): R | InvalidRecordError {
  if (typeof record !== 'object' || record === null) return refusal(`a record must be an object, got ${show(record)}`)
  let field = 'topic'
  let topic: string
  let key: RecordData | undefined
  let value: RecordData
  let headers: readonly HeaderPair[] | InvalidRecordError | undefined
  let partition: number | undefined
  let timestamp: number | undefined
  try {
    topic = record.topic
    field = 'key'
    key = record.key
    field = 'value'
    value = record.value
    field = 'partition'
    partition = record.partition
    field = 'timestamp'
    timestamp = record.timestamp
    field = 'headers'
    const given = record.headers
    headers = given === undefined ? undefined : headerPairs(given)
  } catch (cause) {
    return refusal(`\`${field}\` could not be read: ${describe(cause)}`, cause)
  }
  if (typeof topic !== 'string' || topic === '') return wrong('topic', 'a non-empty string', topic)
  if (!isBytes(value)) return wrong('value', BYTES, value)
  if (key !== undefined && !isBytes(key)) return wrong('key', BYTES, key)
  if (partition !== undefined && !(Number.isInteger(partition) && partition >= 0))
    return wrong('partition', 'an integer from 0', partition)
  if (timestamp !== undefined && !(Number.isSafeInteger(timestamp) && timestamp >= 0))
    return wrong('timestamp', 'milliseconds since 1970, an integer from 0', timestamp)
  if (headers instanceof InvalidRecordError) return headers
  return reader.take(record, topic, key, value, headers, partition, timestamp, context)
}

/** Keeps the fields of a record that cannot be encoded yet, with bytes of its own. */
export function keepRecord(
  record: ProducerRecord,
  topic: string,
  key: RecordData | undefined,
  value: RecordData,
  headers: readonly HeaderPair[] | undefined,
  partition: number | undefined,
  timestamp: number | undefined,
): TakenRecord {
  return {
    record,
    topic,
    key: key === undefined ? undefined : ownBytes(key),
    value: ownBytes(value),
    headers: headers?.map(([name, value]): HeaderPair => [name, ownBytes(value)]),
    partition,
    timestamp,
  }
}

/** Returns a copy with bytes of its own. */
export function copyOf({ record, topic, key, value, headers, partition, timestamp }: TakenRecord): TakenRecord {
  return keepRecord(record, topic, key, value, headers, partition, timestamp)
}

/** Reads a record that cannot be encoded yet, or returns why it cannot be sent. */
export function takeRecord(record: ProducerRecord): TakenRecord | InvalidRecordError {
  return readRecord(record, KEEPER, undefined)
}

const KEEPER: RecordReader<undefined, TakenRecord> = { take: keepRecord }

const BYTES = 'a string, a Uint8Array or null'

/** Also true for arrays of another realm (`vm`, jsdom), and false for an object that only has the prototype of one. */
function isBytes(value: unknown): value is RecordData {
  return typeof value === 'string' || value === null || isUint8Array(value)
}

/** Returns a copy of bytes; strings and null as they are. */
export function ownBytes<B>(bytes: B): B | Buffer {
  if (typeof bytes === 'string' || !isUint8Array(bytes)) return bytes
  const own = Buffer.allocUnsafe(byteLengthOf(bytes))
  own.set(bytes)
  return own
}

/** Returns the headers as pairs, in order, each read once; or why they cannot be sent. Throws what the user's own iterator throws. */
function headerPairs(headers: Headers): readonly HeaderPair[] | InvalidRecordError {
  if (typeof headers !== 'object' || headers === null) return wrong('headers', HEADERS, headers)
  let pairs: HeaderPair[] = []
  if (Symbol.iterator in headers) {
    for (const pair of headers as Iterable<unknown>) {
      if (!Array.isArray(pair)) return refusal(`\`headers\` must hold [name, value] pairs, got ${show(pair)}`)
      pairs.push([pair[0], pair[1]])
    }
  } else {
    // A promise, a Date, an async iterable …: it has no entries, so its headers would silently be dropped.
    if (!isPlain(headers)) return wrong('headers', HEADERS, headers)
    pairs = Object.entries(headers)
  }
  for (const [name, value] of pairs) {
    if (typeof name !== 'string')
      return refusal(`\`headers\` must hold [name, value] pairs with a string as name, got ${show(name)}`)
    if (!isBytes(value)) return refusal(`header ${show(name)} must be ${BYTES}, got ${show(value)}`)
  }
  return pairs
}

const HEADERS = 'an object or an iterable of [name, value] pairs'

function isPlain(value: object): boolean {
  if (Object.prototype.toString.call(value) !== '[object Object]') return false
  return typeof (value as { then?: unknown }).then !== 'function' && !(Symbol.asyncIterator in value)
}

function wrong(field: string, wanted: string, given: unknown): InvalidRecordError {
  return refusal(`\`${field}\` must be ${wanted}, got ${show(given)}`)
}

/** Returns an error without a stack, which would be most of the cost of a refusal, and names none of the user's code. */
export function refusal(why: string, cause?: unknown): InvalidRecordError {
  return withoutStack(
    () => new InvalidRecordError(`this record was not sent: ${why}`, cause === undefined ? undefined : { cause }),
  )
}

/** The most characters of a string that a message shows. */
const LONGEST = 100

/** Formats a value for a message. Never throws: the value may be a proxy, or have no prototype. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value)
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  try {
    const made = value.constructor
    return `an object of class ${typeof made === 'function' ? made.name : 'none'}`
  } catch {
    return 'an unreadable object'
  }
}

import { Buffer } from 'node:buffer'
import { isUint8Array } from 'node:util/types'
import { describe, InvalidRecordError } from '../errors.js'
import { type Bytes, byteLengthOf, type HeaderPair } from '../protocol/record-batch-builder.js'
import type { Headers, ProducerRecord } from './record.js'

/**
 * A record as it was when the producer took it. A user's record may have getters, be a proxy, or change at any later time,
 * so its fields are read here, once, and nowhere else. One instance is filled again for every record that can be encoded at
 * once, so that reading a record allocates nothing; one that has to wait is a {@link copy}.
 */
export class TakenRecord {
  /** The user's object: it comes back in the ack, and is not looked at again. */
  record: ProducerRecord = NO_RECORD
  topic = ''
  key: Bytes | undefined
  value: Bytes = null
  headers: readonly HeaderPair[] | undefined
  partition: number | undefined
  timestamp: number | undefined

  /**
   * Reads a record, or returns why it cannot be sent. User code (getters, iterators) runs before this object changes, so
   * that it may send records of its own.
   */
  read(record: ProducerRecord): InvalidRecordError | undefined {
    if (typeof record !== 'object' || record === null) return fault(`a record must be an object, got ${show(record)}`)
    let field = 'topic'
    try {
      const { topic } = record
      if (typeof topic !== 'string' || topic === '') return wrong('topic', 'a non-empty string', topic)
      field = 'value'
      const { value } = record
      if (!isBytes(value)) return wrong('value', BYTES, value)
      field = 'key'
      const { key } = record
      if (key !== undefined && !isBytes(key)) return wrong('key', BYTES, key)
      field = 'partition'
      const { partition } = record
      if (partition !== undefined && !(Number.isInteger(partition) && partition >= 0))
        return wrong('partition', 'an integer from 0', partition)
      field = 'timestamp'
      const { timestamp } = record
      if (timestamp !== undefined && !(Number.isSafeInteger(timestamp) && timestamp >= 0))
        return wrong('timestamp', 'milliseconds since 1970, an integer from 0', timestamp)
      field = 'headers'
      const { headers } = record
      const pairs = headers === undefined ? undefined : headerPairs(headers)
      if (pairs instanceof InvalidRecordError) return pairs
      this.record = record
      this.topic = topic
      this.key = key
      this.value = value
      this.headers = pairs
      this.partition = partition
      this.timestamp = timestamp
      return undefined
    } catch (cause) {
      return fault(`\`${field}\` could not be read: ${describe(cause)}`, cause)
    }
  }

  /** The same with bytes of its own, for a record that cannot be encoded yet. */
  copy(): TakenRecord {
    const copy = new TakenRecord()
    copy.record = this.record
    copy.topic = this.topic
    copy.key = this.key === undefined ? undefined : ownBytes(this.key)
    copy.value = ownBytes(this.value)
    copy.headers = this.headers?.map(([name, value]): HeaderPair => [name, ownBytes(value)])
    copy.partition = this.partition
    copy.timestamp = this.timestamp
    return copy
  }
}

/** Reads a record that has to wait before it can be encoded. */
export function takeRecord(record: ProducerRecord): TakenRecord | InvalidRecordError {
  const taken = new TakenRecord()
  return taken.read(record) ?? taken.copy()
}

const NO_RECORD: ProducerRecord = { topic: '', value: null }

const BYTES = 'a string, a Uint8Array or null'

/** Also true for arrays of another realm (`vm`, jsdom), and false for what only has the prototype of one. */
function isBytes(value: unknown): value is Bytes {
  return typeof value === 'string' || value === null || isUint8Array(value)
}

function ownBytes(bytes: Bytes): Bytes {
  if (typeof bytes === 'string' || bytes === null) return bytes
  const own = Buffer.allocUnsafe(byteLengthOf(bytes))
  own.set(bytes)
  return own
}

/** The headers as pairs, in order, each read once; or why they cannot be sent. Throws what the user's own iterator throws. */
function headerPairs(headers: Headers): readonly HeaderPair[] | InvalidRecordError {
  if (typeof headers !== 'object' || headers === null) return wrong('headers', HEADERS, headers)
  let pairs: HeaderPair[] = []
  if (Symbol.iterator in headers) {
    for (const pair of headers as Iterable<unknown>) {
      if (!Array.isArray(pair)) return fault(`\`headers\` must hold [name, value] pairs, got ${show(pair)}`)
      pairs.push([pair[0], pair[1]])
    }
  } else {
    // A promise, a Date, an async iterable …: an object without entries, whose headers would silently be none.
    if (!isPlain(headers)) return wrong('headers', HEADERS, headers)
    pairs = Object.entries(headers)
  }
  for (const [name, value] of pairs) {
    if (typeof name !== 'string')
      return fault(`\`headers\` must hold [name, value] pairs with a string as name, got ${show(name)}`)
    if (!isBytes(value)) return fault(`header ${show(name)} must be ${BYTES}, got ${show(value)}`)
  }
  return pairs
}

const HEADERS = 'an object or an iterable of [name, value] pairs'

function isPlain(value: object): boolean {
  if (Object.prototype.toString.call(value) !== '[object Object]') return false
  return typeof (value as { then?: unknown }).then !== 'function' && !(Symbol.asyncIterator in value)
}

function wrong(field: string, wanted: string, given: unknown): InvalidRecordError {
  return fault(`\`${field}\` must be ${wanted}, got ${show(given)}`)
}

function fault(message: string, cause?: unknown): InvalidRecordError {
  return new InvalidRecordError(`this record was not sent: ${message}`, cause === undefined ? undefined : { cause })
}

/** Characters of a string that a message shows. */
const LONGEST = 100

/** A value for use in a message. Never throws: the value may be a proxy, or have no prototype. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value)
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  try {
    const made = value.constructor
    return `an object of class ${typeof made === 'function' ? made.name : 'none'}`
  } catch {
    return 'an object that cannot be looked at'
  }
}

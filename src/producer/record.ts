import { InvalidRecordError } from '../errors.js'
import type { Bytes, HeaderPair } from '../protocol/record-batch-builder.js'

/** Header values are strings (written as UTF-8), bytes or null. */
export type Headers = Readonly<Record<string, Bytes>> | Iterable<HeaderPair>

/**
 * A record to be written.
 *
 * The producer reads its fields when it accepts it and does not look at them again; bytes are copied then.
 *
 * @example { topic: 'orders', key: order.id, value: JSON.stringify(order), headers: { source: 'web' } }
 */
export interface ProducerRecord<M = unknown> {
  readonly topic: string
  /** Records of one key go to one partition, the one that Java's producer would choose. Without: none. */
  readonly key?: Bytes | undefined
  /** `null` is a tombstone: in a compacted topic it removes the key. */
  readonly value: Bytes
  readonly headers?: Headers | undefined
  /** The partition to write to. Without: chosen by key, or the partition whose batch is being filled. */
  readonly partition?: number | undefined
  /** Milliseconds since 1970. Without: the time at which the producer accepted it. */
  readonly timestamp?: number | undefined
  /** Anything of yours; it comes back in the ack, as `ack.record.metadata`. */
  readonly metadata?: M | undefined
}

/** The terminal event of a record that is written. */
export interface Acked<M = unknown> {
  readonly kind: 'acked'
  readonly topic: string
  readonly partition: number
  /** -1 when the broker knows the record as a duplicate but not where it is (DUPLICATE_SEQUENCE_NUMBER). */
  readonly offset: bigint
  /** Milliseconds since 1970: the record's own, or the broker's where the topic uses the time of the append. */
  readonly timestamp: number
  readonly record: ProducerRecord<M>
}

/** The terminal event of a record that is not written, or of which nobody knows. */
export interface Failed<M = unknown> {
  readonly kind: 'failed'
  readonly error: Error
  /** `maybe`: it was sent and never definitely answered, so it may be readable. `no`: it is not. */
  readonly persisted: 'no' | 'maybe'
  /** How many requests carried it. */
  readonly attempts: number
  readonly record: ProducerRecord<M>
}

/** The one terminal event of a record. `JSON.stringify` takes it, whatever the record holds; offsets become strings. */
export type Ack<M = unknown> = Acked<M> | Failed<M>

/** Why a record cannot be sent, whatever the cluster says; undefined if it can. Headers have {@link headerPairs}. */
export function recordFault(record: ProducerRecord): InvalidRecordError | undefined {
  if (typeof record !== 'object' || record === null) return fault(`a record must be an object, got ${show(record)}`)
  const { topic, key, value, partition, timestamp } = record
  if (typeof topic !== 'string' || topic === '')
    return fault(`\`topic\` must be a non-empty string, got ${show(topic)}`)
  if (!isBytes(value)) return fault(`\`value\` must be a string, a Uint8Array or null, got ${show(value)}`)
  if (key !== undefined && !isBytes(key))
    return fault(`\`key\` must be a string, a Uint8Array or null, got ${show(key)}`)
  if (partition !== undefined && !(Number.isInteger(partition) && partition >= 0)) {
    return fault(`\`partition\` must be an integer from 0, got ${show(partition)}`)
  }
  if (timestamp !== undefined && !(Number.isSafeInteger(timestamp) && timestamp >= 0)) {
    return fault(`\`timestamp\` must be milliseconds since 1970, an integer from 0, got ${show(timestamp)}`)
  }
  return undefined
}

/** The headers as pairs, in order, or why they cannot be sent. */
export function headerPairs(headers: Headers): readonly HeaderPair[] | InvalidRecordError {
  if (typeof headers !== 'object' || headers === null) {
    return fault(`\`headers\` must be an object or an iterable of [name, value] pairs, got ${show(headers)}`)
  }
  const pairs: readonly unknown[] =
    Symbol.iterator in headers ? [...(headers as Iterable<unknown>)] : Object.entries(headers)
  for (const pair of pairs) {
    if (!Array.isArray(pair) || typeof pair[0] !== 'string') {
      return fault(`\`headers\` must hold [name, value] pairs with a string as name, got ${show(pair)}`)
    }
    if (!isBytes(pair[1])) {
      return fault(`header ${show(pair[0])} must be a string, a Uint8Array or null, got ${show(pair[1])}`)
    }
  }
  return pairs as readonly HeaderPair[]
}

function isBytes(value: unknown): value is Bytes {
  return typeof value === 'string' || value === null || value instanceof Uint8Array
}

function fault(message: string): InvalidRecordError {
  return new InvalidRecordError(`this record was not sent: ${message}`)
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'object' && value !== null) return `an object of class ${value.constructor?.name ?? 'none'}`
  return typeof value === 'function' ? 'a function' : String(value)
}

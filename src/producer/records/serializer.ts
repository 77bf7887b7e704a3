import { describe, InvalidRecordError } from '../../errors.js'
import type { RecordData } from '../../protocol/records/record-batch-builder.js'
import type { Headers, ProducerRecord } from '../model/record.js'
import { checkOptions, integer, invalid, isFunction, type Rule, type Rules, SIGNAL, shape } from '../options/rules.js'
import { ownBytes, refusal, takeRecord } from './read-record.js'

/** What a serializer gets beside the data. */
export interface SerializerContext {
  /** The topic of the record. */
  readonly topic: string
  /** Whether the serializer is called for the key instead of the value. */
  readonly isKey: boolean
}

/**
 * Turns data into bytes, a string (written as UTF-8) or null, synchronously or asynchronously, as with a schema registry. Records keep the
 * order of the source either way. A serializer that throws or rejects fails only its record.
 *
 * @example const avro: Serializer<Order> = async order => registry.encode(await schemaId, order)
 */
export type Serializer<T> = (data: T, context: SerializerContext) => RecordData | PromiseLike<RecordData>

/** Serializers for common data. */
export const serializers: {
  /** Strings as UTF-8; other data by `String()`. */
  readonly string: <T>(data: T, context: SerializerContext) => string
  /** JSON. Data without JSON, such as `undefined`, fails. */
  readonly json: <T>(data: T, context: SerializerContext) => string
  /** Strings, Uint8Arrays (so Buffers) and null as they are; anything else fails. The default. */
  readonly bytes: <T>(data: T, context: SerializerContext) => RecordData
} = {
  string: data => String(data),
  json: data => {
    const text = JSON.stringify(data)
    if (text === undefined) throw new TypeError(`${typeof data} has no JSON`)
    return text
  },
  bytes: data => data as RecordData,
}

/**
 * Maps each value of a stream to a record, where the data may be the record's value as it is: strings, Uint8Arrays and null. The data
 * itself is returned in the ack, as `ack.record.metadata`.
 *
 * @example lines$.pipe(producer.send({ topic: 'lines', key: line => line.slice(0, 8) }))
 */
export interface RecordMapping<T> {
  /** One topic for all records, or a function that returns one for each. */
  readonly topic: string | ((data: T) => string)
  /** The record's key. Default: none. */
  readonly key?: (data: T, context: SerializerContext) => RecordData | undefined | PromiseLike<RecordData | undefined>
  /** The record's value. Default: the data itself, which must be a string, a Uint8Array or null. */
  readonly value?: Serializer<T>
  /** The record's headers. Default: none. */
  readonly headers?: (data: T) => Headers | undefined
  /** The partition to write to. Default: chosen by key, or the partition whose batch is being filled. */
  readonly partition?: (data: T) => number | undefined
  /** Milliseconds since 1970. Default: when the producer accepts it. */
  readonly timestamp?: (data: T) => number | undefined
  /**
   * How many records of the stream asynchronous serializers work on at once, from 1. Records keep the order of the source. A pulled
   * source is not asked for more meanwhile. Data that a pushing source emits meanwhile waits, must not be changed, and counts 500 bytes
   * of `bufferMemory` each; when that is full, `overflow` applies. Default 16.
   */
  readonly concurrency?: number
}

/**
 * Maps arbitrary data to records. As {@link RecordMapping}, with a required `value`: only strings, Uint8Arrays and null need none.
 *
 * @example orders$.pipe(producer.send({ topic: 'orders', key: order => order.id, value: serializers.json }))
 */
export interface RecordOptions<T> extends RecordMapping<T> {
  readonly value: Serializer<T>
}

/** Options of every way into the producer. */
export interface SendOptions {
  /**
   * Ends the stream at once, with the signal's reason. Accepted records are still delivered, in the background and without acks.
   */
  readonly signal?: AbortSignal
}

const FUNCTION = shape('a function', isFunction)

const RULES: Rules<RecordMapping<unknown> & SendOptions> = {
  topic: shape(
    'a non-empty string or a function',
    value => isFunction(value) || (typeof value === 'string' && value !== ''),
  ),
  key: FUNCTION,
  value: FUNCTION,
  headers: FUNCTION,
  partition: FUNCTION,
  timestamp: FUNCTION,
  concurrency: integer(1),
  signal: SIGNAL,
}

/**
 * Reads the options, each once, and checks them.
 *
 * @param more rules of options that only this method has.
 * @throws {InvalidArgumentError} when an option is unknown or of the wrong type, or says how to make a record but not its topic.
 */
export function checkSendOptions<O extends SendOptions & Partial<RecordMapping<never>>>(
  method: string,
  given: O,
  more: { readonly [name: string]: Rule } = {},
): O {
  const options = checkOptions(method, given, { ...RULES, ...more })
  if (options.topic !== undefined) return options
  for (const name of ['key', 'value', 'headers', 'partition', 'timestamp', 'concurrency'] as const) {
    if (options[name] !== undefined)
      throw invalid(name, options[name], `needs option \`topic\` of ${method}() beside it`)
  }
  return options
}

/** A record that cannot be sent, or a stand-in for one that could not be made: it fails in-band. */
export class Unserializable<T> {
  readonly record: ProducerRecord<T>
  readonly error: InvalidRecordError

  constructor(record: ProducerRecord<T>, error: InvalidRecordError) {
    this.record = record
    this.error = error
  }
}

export type Made<T> = ProducerRecord<T> | Unserializable<T>

/**
 * Makes a record from data, synchronously unless a serializer is asynchronous. Reads everything from the data at once, because it may
 * change while a serializer works. Never throws, and never rejects.
 */
export function makeRecord<T>(mapping: RecordMapping<T>, data: T): Made<T> | Promise<Made<T>> {
  let topic = ''
  const failed = (cause: unknown): Unserializable<T> => notMade(topic, data, cause)
  try {
    topic = typeof mapping.topic === 'string' ? mapping.topic : mapping.topic(data)
    // The serializer of the value may write into the same buffer.
    const key = mapping.key && settling(ownBytes(mapping.key(data, { topic, isKey: true })))
    const value = settling((mapping.value ?? serializers.bytes)(data, { topic, isKey: false }))
    const headers = mapping.headers?.(data)
    const partition = mapping.partition?.(data)
    const timestamp = mapping.timestamp?.(data)
    if (!(key instanceof Promise) && !(value instanceof Promise))
      return { topic, key, value, headers, partition, timestamp, metadata: data }
    const rest = takeRecord({ topic, value: null, headers, partition, timestamp })
    if (rest instanceof InvalidRecordError) return new Unserializable({ topic, value: null, metadata: data }, rest)
    return Promise.all([own(key), own(value)]).then(
      ([key, value]): Made<T> => ({ topic, key, value, headers: rest.headers, partition, timestamp, metadata: data }),
      failed,
    )
  } catch (cause) {
    return failed(cause)
  }
}

function notMade<T>(topic: string, data: T, cause: unknown): Unserializable<T> {
  return new Unserializable(
    { topic, value: null, metadata: data },
    refusal(`it could not be serialized: ${describe(cause)}`, cause),
  )
}

/** Copies bytes that wait for other serializers: their owner may reuse them meanwhile. */
function own<B>(bytes: B | Promise<B>): B | Buffer | Promise<B | Buffer> {
  return bytes instanceof Promise ? bytes.then(ownBytes) : ownBytes(bytes)
}

/** Wraps any thenable in a promise, and calls its `then` once. The promise may be dropped if something else throws. */
function settling<B>(bytes: B | PromiseLike<B>): B | Promise<B> {
  if (typeof (bytes as PromiseLike<B> | null | undefined)?.then !== 'function') return bytes as B
  const promise = Promise.resolve(bytes)
  promise.catch(() => {})
  return promise
}

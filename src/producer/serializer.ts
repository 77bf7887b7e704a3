import { describe, InvalidRecordError } from '../errors.js'
import type { Bytes } from '../protocol/record-batch-builder.js'
import type { Headers, ProducerRecord } from './record.js'
import { checkOptions, invalid, isFunction, type Rule, type Rules, SIGNAL, shape } from './rules.js'

/** What a serializer is told beside the data. */
export interface SerializerContext {
  readonly topic: string
  /** Whether it makes the key, not the value. */
  readonly isKey: boolean
}

/**
 * Makes bytes (or a string, written as UTF-8; or null) of data: at once, or later, as one that asks a schema registry does.
 * Records keep the order of the source either way. One that throws or rejects fails its record only.
 *
 * @example const avro: Serializer<Order> = (order, { topic }) => registry.encode(`${topic}-value`, order)
 */
export type Serializer<T> = (data: T, context: SerializerContext) => Bytes | PromiseLike<Bytes>

/** Serializers for what most streams carry. */
export const serializers: {
  /** Strings as UTF-8; what is none as `String()` has it. */
  readonly string: <T>(data: T, context: SerializerContext) => string
  /** JSON. What has none, such as `undefined`, fails. */
  readonly json: <T>(data: T, context: SerializerContext) => string
  /** Strings, Uint8Arrays (so Buffers) and null as they are; anything else fails. The default. */
  readonly bytes: <T>(data: T, context: SerializerContext) => Bytes
} = {
  string: data => String(data),
  json: data => {
    const text = JSON.stringify(data)
    if (text === undefined) throw new TypeError(`${typeof data} has no JSON`)
    return text
  },
  bytes: data => data as Bytes,
}

/**
 * How records are made of what a stream carries. The data itself comes back in the ack, as `ack.record.metadata`.
 *
 * @example orders$.pipe(producer.send({ topic: 'orders', key: order => order.id, value: serializers.json }))
 */
export interface RecordOptions<T> {
  /** Where to: one topic, or one for each. */
  readonly topic: string | ((data: T) => string)
  /** The record's key. Default: none. */
  readonly key?: (data: T, context: SerializerContext) => Bytes | undefined | PromiseLike<Bytes | undefined>
  /** The record's value. Default: the data itself, which must be a string, a Uint8Array or null. */
  readonly value?: Serializer<T>
  readonly headers?: (data: T) => Headers | undefined
  readonly partition?: (data: T) => number | undefined
  /** Milliseconds since 1970. Default: when the producer accepts it. */
  readonly timestamp?: (data: T) => number | undefined
}

/** What every way into the producer takes. */
export interface SendOptions {
  /** Ends the intake; when everything accepted has its end, the stream errors with the signal's reason. */
  readonly signal?: AbortSignal
}

const FUNCTION = shape('a function', isFunction)

const RULES: Rules<RecordOptions<unknown> & SendOptions> = {
  topic: shape(
    'a non-empty string or a function',
    value => isFunction(value) || (typeof value === 'string' && value !== ''),
  ),
  key: FUNCTION,
  value: FUNCTION,
  headers: FUNCTION,
  partition: FUNCTION,
  timestamp: FUNCTION,
  signal: SIGNAL,
}

/**
 * @param more rules of options that only this method has.
 * @throws {InvalidArgumentError} when an option is unknown or of the wrong type, or says how to make a record but not its topic.
 */
export function checkSendOptions<T>(
  method: string,
  options: SendOptions & Partial<RecordOptions<T>>,
  more: { readonly [name: string]: Rule } = {},
): void {
  checkOptions(method, options, { ...RULES, ...more })
  if (options.topic !== undefined) return
  for (const name of ['key', 'value', 'headers', 'partition', 'timestamp'] as const) {
    if (options[name] !== undefined)
      throw invalid(name, options[name], `needs option \`topic\` of ${method}() beside it`)
  }
}

/** Data whose record could not be made: it fails in-band, with a record that has no more than the data. */
export class Unserializable<T> {
  readonly record: ProducerRecord<T>
  readonly error: InvalidRecordError

  constructor(topic: string, data: T, cause: unknown) {
    this.record = { topic, value: null, metadata: data }
    this.error = new InvalidRecordError(`this record was not sent: it could not be serialized: ${describe(cause)}`, {
      cause,
    })
  }
}

export type Made<T> = ProducerRecord<T> | Unserializable<T>

/** Makes a record of data, at once unless a serializer is asynchronous. Never throws, and never rejects. */
export function makeRecord<T>(options: RecordOptions<T>, data: T): Made<T> | Promise<Made<T>> {
  let topic = ''
  try {
    topic = typeof options.topic === 'string' ? options.topic : options.topic(data)
    const key = options.key?.(data, { topic, isKey: true })
    // Nobody else waits for it where `value` throws.
    if (isPromise(key)) key.then(undefined, () => {})
    const value = (options.value ?? serializers.bytes)(data, { topic, isKey: false })
    if (!isPromise(key) && !isPromise(value)) return filled(options, topic, key, value, data)
    return Promise.all([key, value]).then(
      ([key, value]) => filledOrNot(options, topic, key, value, data),
      cause => new Unserializable(topic, data, cause),
    )
  } catch (cause) {
    return new Unserializable(topic, data, cause)
  }
}

function filledOrNot<T>(
  options: RecordOptions<T>,
  topic: string,
  key: Bytes | undefined,
  value: Bytes,
  data: T,
): Made<T> {
  try {
    return filled(options, topic, key, value, data)
  } catch (cause) {
    return new Unserializable(topic, data, cause)
  }
}

function filled<T>(
  { headers, partition, timestamp }: RecordOptions<T>,
  topic: string,
  key: Bytes | undefined,
  value: Bytes,
  data: T,
): ProducerRecord<T> {
  return {
    topic,
    key,
    value,
    headers: headers?.(data),
    partition: partition?.(data),
    timestamp: timestamp?.(data),
    metadata: data,
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}

import type { HeaderPair, ProducerRecord, RecordData } from '../index.js'

type HeaderValue = RecordData | undefined

/** What serializers of `ClientKafka` return: a message as kafkajs takes it. */
export interface KafkaMessage {
  readonly key?: RecordData | undefined
  readonly value: RecordData
  readonly headers?: Readonly<Record<string, HeaderValue | readonly HeaderValue[]>> | undefined
  readonly partition?: number | undefined
  /** Milliseconds since 1970, as a number or its digits. */
  readonly timestamp?: string | number | undefined
}

/** Makes messages as Nest's `KafkaRequestSerializer` does, which is not exported; the user's object stays as it is. */
export const messageSerializer = {
  serialize(data: unknown): KafkaMessage {
    const isMessage = typeof data === 'object' && data !== null && ('key' in data || 'value' in data)
    if (!isMessage) return { value: encode(data) ?? null }
    const { key, value, headers, partition, timestamp } = data as Omit<KafkaMessage, 'key' | 'value'> &
      Readonly<Record<'key' | 'value', unknown>>
    return { key: encode(key), value: encode(value) ?? null, headers, partition, timestamp }
  },
}

/** Returns the record for a message: a header with several values becomes several headers, and a timestamp a number. */
export function toRecord(topic: string, message: KafkaMessage): ProducerRecord {
  const { key, value, headers, partition, timestamp } = message
  return {
    topic,
    key,
    value,
    headers: headers && Object.entries(headers).flatMap(([name, given]) => pairs(name, given)),
    partition,
    timestamp: timestamp === undefined ? undefined : Number(timestamp),
  }
}

/** Strings and bytes as they are, plain objects and arrays as JSON, and anything else by its `toString()`. */
function encode(data: unknown): RecordData | undefined {
  if (data === undefined || data === null || typeof data === 'string' || data instanceof Uint8Array) return data
  if (Array.isArray(data) || isPlain(data) || data.toString === Object.prototype.toString) return JSON.stringify(data)
  return data.toString()
}

function isPlain(data: object): boolean {
  const prototype = Object.getPrototypeOf(data)
  return prototype === null || prototype === Object.prototype
}

function pairs(name: string, given: HeaderValue | readonly HeaderValue[]): HeaderPair[] {
  const values = Array.isArray(given) ? (given as readonly HeaderValue[]) : [given as HeaderValue]
  return values.map(value => [name, value ?? null])
}

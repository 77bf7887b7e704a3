import { Buffer } from 'node:buffer'
import type { HeaderPair, RecordData } from '../../index.js'
import { UsageError } from '../errors.js'
import { type Fields, LineError } from './record.js'
import { follow, type Selector } from './selector.js'

/** Where each field of a record comes from. */
export interface Selectors {
  readonly topic: Selector
  readonly key: Selector | undefined
  readonly value: Selector
  readonly headers: readonly { readonly name: string; readonly selector: Selector }[]
  readonly partition: Selector | undefined
  readonly timestamp: Selector | undefined
  /** The text that stands for null, in a key, a value or a header. */
  readonly nullText: string | undefined
}

/** Looks a selector up in one line: text, bytes, parsed JSON, or undefined if it is not there. */
export type Lookup = (selector: Selector) => unknown

/**
 * Looks selectors up in one line.
 *
 * @param data what paths lead into.
 * @param line its bytes.
 */
export function lookupIn(data: unknown, line: Buffer | undefined): Lookup {
  return selector => {
    if (selector.kind === 'constant') return selector.text
    return selector.kind === 'line' ? line : follow(data, selector.steps)
  }
}

/** @throws {LineError} naming the path that gives no valid field. */
export function fieldsOf(selectors: Selectors, lookup: Lookup): Fields {
  const { topic, key, value, headers, partition, timestamp, nullText } = selectors
  return {
    topic: topicOf(topic, lookup(topic)),
    key: key && dataOf(key, lookup(key), nullText),
    value: isWhole(value, nullText) ? undefined : recordValueOf(value, lookup(value), nullText),
    headers: headers.length === 0 ? undefined : headersOf(headers, lookup, nullText),
    partition: partition && partitionOf(partition, lookup(partition)),
    timestamp: timestamp && timestampOf(timestamp, lookup(timestamp)),
  }
}

/** @throws {UsageError} for a constant that no line could make right. */
export function checkConstants({ topic, partition, timestamp }: Selectors): void {
  try {
    if (topic.kind === 'constant') topicOf(topic, topic.text)
    if (partition?.kind === 'constant') partitionOf(partition, partition.text)
    if (timestamp?.kind === 'constant') timestampOf(timestamp, timestamp.text)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function topicOf(selector: Selector, found: unknown): string {
  const text = found instanceof Buffer ? found.toString() : found
  if (typeof text === 'string' && text !== '') return text
  throw wrong(selector, found, 'the topic', 'text')
}

/** Whether a value is the bytes of the line, whatever they are. */
export function isWhole(value: Selector, nullText: string | undefined): boolean {
  return value.kind === 'line' && nullText === undefined
}

/** A missing value is refused: taken for null, it would remove its key from a compacted topic. */
function recordValueOf(selector: Selector, found: unknown, nullText: string | undefined): RecordData {
  const data = dataOf(selector, found, nullText)
  if (data === undefined) throw wrong(selector, found, 'the value', 'there')
  return data
}

function headersOf(headers: Selectors['headers'], lookup: Lookup, nullText: string | undefined): HeaderPair[] {
  const pairs: HeaderPair[] = []
  for (const { name, selector } of headers) {
    const data = dataOf(selector, lookup(selector), nullText)
    if (data !== undefined) pairs.push([name, data])
  }
  return pairs
}

/** Text and bytes as they are, numbers and booleans as JSON writes them, and so objects and arrays. */
function dataOf(selector: Selector, found: unknown, nullText: string | undefined): RecordData | undefined {
  if (typeof found === 'string') return found === nullText ? null : found
  if (found instanceof Buffer) return nullText !== undefined && found.equals(Buffer.from(nullText)) ? null : found
  if (found === undefined || found === null) return found
  if (hasRounded(found)) throw new LineError(`${textOf(selector)} has an integer beyond 2^53, which would be rounded`)
  return JSON.stringify(found)
}

/** Whether JSON.parse has rounded an integer: a key made of it would be another one's. */
function hasRounded(found: unknown): boolean {
  if (typeof found === 'number') return Number.isInteger(found) && !Number.isSafeInteger(found)
  return typeof found === 'object' && found !== null && Object.values(found).some(hasRounded)
}

const isText = (found: unknown): boolean => typeof found === 'string' || found instanceof Buffer

const DIGITS = /^\d{1,16}$/

function partitionOf(selector: Selector, found: unknown): number | undefined {
  if (found === undefined || found === null) return undefined
  const partition = isText(found) && DIGITS.test(`${found}`) ? Number(found) : found
  if (Number.isInteger(partition) && (partition as number) >= 0 && (partition as number) < 2 ** 31)
    return partition as number
  throw wrong(selector, found, 'a partition', 'an integer from 0')
}

function timestampOf(selector: Selector, found: unknown): number | undefined {
  if (found === undefined || found === null) return undefined
  const time = isText(found) ? parseTime(`${found}`) : found
  if (Number.isSafeInteger(time) && (time as number) >= 0) return time as number
  throw wrong(selector, found, 'a timestamp', 'milliseconds since 1970 or a date such as 2026-01-31T12:00:00Z')
}

function parseTime(text: string): number {
  if (DIGITS.test(text)) return Number(text)
  return /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
}

function wrong(selector: Selector, found: unknown, what: string, rule: string): LineError {
  const is =
    found === undefined ? 'is missing' : `is ${cut(found instanceof Buffer ? `'${found}'` : JSON.stringify(found))}`
  return new LineError(`${textOf(selector)} ${is}, but ${what} must be ${rule}`)
}

function textOf(selector: Selector): string {
  if (selector.kind === 'line') return 'the line'
  return selector.kind === 'constant' ? `'${selector.text}'` : selector.text
}

const cut = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text)

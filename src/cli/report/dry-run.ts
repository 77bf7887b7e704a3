import { Buffer, isUtf8 } from 'node:buffer'
import { printable } from '../../errors.js'
import type { RecordData } from '../../index.js'
import type { InputRecord } from '../parse/record.js'
import { place } from './tally.js'

/** What would be sent, for a person to read. */
export function described(record: InputRecord): string {
  const { topic, partition, key, value, headers, timestamp } = record
  const where = partition ?? (key === undefined || key === null ? 'any' : 'by key')
  const parts = [`${place(record)}  ${topic}[${where}]`]
  if (key !== undefined) parts.push(`key=${shown(key)}`)
  parts.push(`value=${shown(value)}`)
  for (const [name, data] of headers ?? []) parts.push(`${name}:${shown(data)}`)
  if (timestamp !== undefined) parts.push(`at=${new Date(timestamp).toISOString()}`)
  return parts.map(printable).join('  ')
}

/** The same as one line of JSON, whole. Bytes that are no UTF-8 become `{ base64 }`. */
export function asJson(record: InputRecord): string {
  const { topic, partition, key, value, headers, timestamp, number, block } = record
  const json = JSON.stringify({
    ...{ file: block.input, line: number, topic, partition, timestamp },
    key: key === undefined ? undefined : textOf(key),
    value: textOf(value),
    headers: headers?.map(([name, data]) => [name, textOf(data)]),
  })
  // JSON leaves some control characters as they are, and they reach the terminal.
  return json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped)
}

function escaped(letter: string): string {
  return [...Array(letter.length).keys()].map(i => `\\u${letter.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')
}

function textOf(data: RecordData): string | null | { base64: string } {
  if (data === null || typeof data === 'string') return data
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return isUtf8(bytes) ? bytes.toString() : { base64: bytes.toString('base64') }
}

function shown(data: RecordData): string {
  const text = textOf(data)
  if (text === null) return 'null'
  return typeof text === 'string' ? text : `base64 ${text.base64}`
}

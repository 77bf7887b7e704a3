import { readFileSync } from 'node:fs'
import { addOffsetsToTxn } from '../../../src/protocol/messages/add-offsets-to-txn.js'
import { addPartitionsToTxn } from '../../../src/protocol/messages/add-partitions-to-txn.js'
import { apiVersions } from '../../../src/protocol/messages/api-versions.js'
import { createTopics } from '../../../src/protocol/messages/create-topics.js'
import { endTxn } from '../../../src/protocol/messages/end-txn.js'
import { fetch } from '../../../src/protocol/messages/fetch.js'
import { findCoordinator } from '../../../src/protocol/messages/find-coordinator.js'
import { heartbeat } from '../../../src/protocol/messages/heartbeat.js'
import { initProducerId } from '../../../src/protocol/messages/init-producer-id.js'
import { joinGroup } from '../../../src/protocol/messages/join-group.js'
import { leaveGroup } from '../../../src/protocol/messages/leave-group.js'
import { listOffsets } from '../../../src/protocol/messages/list-offsets.js'
import { metadata } from '../../../src/protocol/messages/metadata.js'
import { offsetCommit } from '../../../src/protocol/messages/offset-commit.js'
import { offsetFetch } from '../../../src/protocol/messages/offset-fetch.js'
import { produce } from '../../../src/protocol/messages/produce.js'
import { saslAuthenticate } from '../../../src/protocol/messages/sasl-authenticate.js'
import { saslHandshake } from '../../../src/protocol/messages/sasl-handshake.js'
import { syncGroup } from '../../../src/protocol/messages/sync-group.js'
import { txnOffsetCommit } from '../../../src/protocol/messages/txn-offset-commit.js'
import type { DecodedRecord, RecordBatch } from '../../../src/protocol/records/record-batch.js'
import { type Api, isFlexible } from '../../../src/protocol/wire/api.js'
import { Reader } from '../../../src/protocol/wire/reader.js'
import { Writer } from '../../../src/protocol/wire/writer.js'

/** Every API there is a codec for. */
export const apis: readonly Api<unknown, unknown>[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  apiVersions,
  createTopics,
  initProducerId,
  addPartitionsToTxn,
  addOffsetsToTxn,
  endTxn,
  txnOffsetCommit,
  saslHandshake,
  saslAuthenticate,
] as Api<unknown, unknown>[]

export type Direction = 'request' | 'response'

/** One message in one version, as Kafka's own classes write it. */
export interface Golden {
  readonly title: string
  readonly api: Api<unknown, unknown>
  readonly direction: Direction
  readonly version: number
  /** Frame without size and body. */
  readonly header: Buffer
  readonly body: Buffer
  readonly fields: unknown
  /** Tagged fields are set, which this library skips: the bytes can be read, but not written. */
  readonly tagged: boolean
}

/** One frame, as it went over the wire. */
export interface Captured {
  readonly title: string
  readonly madeBy: string
  readonly api: Api<unknown, unknown>
  readonly direction: Direction
  readonly version: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly frame: Buffer
  readonly fields: unknown
  readonly tagged: boolean
}

export interface GoldenBatch {
  readonly name: string
  readonly fields: Omit<RecordBatch, 'bytes'>
  readonly records: DecodedRecord[]
  readonly bytes: Buffer
}

function load(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'))
}

/** int64 stand as "1n" in the fixtures, bytes as "hex:00" or "repeat:3:ab", uuids as "uuid:00". */
export function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revive(item)]))
  }
  if (typeof value !== 'string') return value
  if (/^-?\d+n$/.test(value)) return BigInt(value.slice(0, -1))
  if (/^(hex|uuid):/.test(value)) return Buffer.from(value.slice(value.indexOf(':') + 1), 'hex')
  const repeat = /^repeat:(\d+):(.*)$/.exec(value)
  return repeat ? Buffer.from(repeat[2]!.repeat(Number(repeat[1]))) : value
}

function apiNamed(name: string): Api<unknown, unknown> {
  const api = apis.find(one => one.name === name)
  if (api === undefined) throw new Error(`no codec for ${name}`)
  return api
}

interface MessagesFile {
  correlationId: number
  clientId: string
  headers: Record<string, Record<Direction, Record<string, string>>>
  cases: {
    api: string
    direction: Direction
    name: string
    tagged?: true
    fields: unknown
    bytes: Record<string, string>
  }[]
}

const messages = load('kafka-clients.json') as MessagesFile
export const goldenCorrelationId: number = messages.correlationId
export const goldenClientId: string = messages.clientId

export const goldens: readonly Golden[] = messages.cases.flatMap(row =>
  Object.entries(row.bytes).flatMap(([range, hex]) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i): Golden => {
      const version = first + i
      return {
        title: `${row.api} ${row.direction} ${version}: ${row.name}`,
        api: apiNamed(row.api),
        direction: row.direction,
        version,
        header: Buffer.from(messages.headers[row.api]![row.direction][version]!, 'hex'),
        body: Buffer.from(hex, 'hex'),
        fields: revive(row.fields),
        tagged: row.tagged ?? false,
      }
    })
  }),
)

type CapturedRow = Omit<Captured, 'title' | 'api' | 'frame' | 'tagged'> & { api: string; frame: string; tagged?: true }

export const conversations: readonly Captured[] = (load('conversations.json') as CapturedRow[]).map((row, index) => ({
  ...row,
  title: `${index}: ${row.madeBy}: ${row.api} ${row.direction} ${row.version}`,
  api: apiNamed(row.api),
  clientId: row.clientId ?? null,
  frame: Buffer.from(row.frame, 'hex'),
  fields: revive(row.fields),
  tagged: row.tagged ?? false,
}))

export const batches: readonly GoldenBatch[] = (
  load('record-batches.json') as { batches: (Omit<GoldenBatch, 'bytes'> & { bytes: string })[] }
).batches.map(row => ({
  name: row.name,
  fields: revive(row.fields) as GoldenBatch['fields'],
  records: revive(row.records) as GoldenBatch['records'],
  bytes: Buffer.from(row.bytes, 'hex'),
}))

export const errorCodes: readonly { code: number; name: string; retriable: boolean }[] = load('error-codes.json') as {
  code: number
  name: string
  retriable: boolean
}[]

/** Reads a body with our decoder and says what it left unread. */
export function decodeBody(
  api: Api<unknown, unknown>,
  direction: Direction,
  version: number,
  body: Uint8Array,
): { fields: unknown; remaining: number } {
  const reader = new Reader(body, isFlexible(api, version))
  const fields = direction === 'request' ? api.decodeRequest(reader, version) : api.decodeResponse(reader, version)
  return { fields, remaining: reader.remaining }
}

/** Writes a body with our encoder. */
export function encodeBody(api: Api<unknown, unknown>, direction: Direction, version: number, fields: unknown): Buffer {
  const writer = new Writer(isFlexible(api, version))
  if (direction === 'request') api.encodeRequest(writer, fields, version)
  else api.encodeResponse(writer, fields, version)
  return writer.toBuffer()
}

/** What is measured: loads, and who bears them. */
import { cert } from '../../support/certificate.js'
import { CODEC_PEERS, KAFKA_CODEC_PEERS, KAFKA_PEERS, PEERS, type Peer, WIDEST, WINDOWS } from './catalog.js'
import type { Load } from './measure.js'

export interface Scenario extends Load {
  readonly id: string
  readonly title: string
  readonly delayMs: number
  /** Every producer gets the same limit for its batches; else each the one up to the limit that suits it best. */
  readonly equalBatches: boolean
  readonly peers: readonly Peer[]
}

/** Where a slow broker is the matter, variants of the same producer tell nothing new, and the floor has no window of its own. */
const DISTINCT = [...PEERS.filter(({ id }) => !/^floor$|^send-one$|-24$|-every$|-pooled$/.test(id)), WIDEST]

/** Those of whom nothing but the cipher is compared. */
const TLS_PEERS = PEERS.filter(({ id, kind }) => ['batches', 'rdkafka'].includes(id) || kind === 'JavaScript')

const fast = (id: string, size: number, title: string): Scenario => ({
  ...{ id, title: `${title} records, no delay, batches of 1 MiB at most`, size, delayMs: 0, lingerMs: 5 },
  ...{ batchBytes: 1 << 20, equalBatches: false, peers: PEERS },
})

const slow = (id: string, batchBytes: number, peers: readonly Peer[], what: string): Scenario => ({
  ...{ id, title: `${what}: 100 B records, answers after 10 ms, batches of ${batchBytes >> 10} KiB`, size: 100 },
  ...{ delayMs: 10, lingerMs: 5, batchBytes, equalBatches: true, peers },
})

export const SCENARIOS: readonly Scenario[] = [
  fast('100B', 100, '100 B'),
  fast('1KB', 1000, '1 KB'),
  slow('100B-10ms-16KiB', 16 << 10, DISTINCT, 'Equal batches'),
  slow('100B-10ms-128KiB', 128 << 10, DISTINCT, 'Equal batches'),
  { ...fast('tls', 1000, 'TLS 1.3: 1 KB'), ca: cert, peers: TLS_PEERS },
  slow('window', 16 << 10, WINDOWS, 'Window 4 against 1'),
]

const codec = (codec: string, megabytes: number | undefined): Scenario => ({
  ...{ id: megabytes === undefined ? codec : `${codec}-paced`, codec, size: 1000, delayMs: 0, lingerMs: 5 },
  title: `${codec}, JSON of 1 KB, ${megabytes === undefined ? 'as much as goes' : `${megabytes} MB/s`}`,
  ...{ batchBytes: 1 << 20, equalBatches: false, ...(megabytes !== undefined && { megabytes }) },
  // librdkafka is built without zstd, unless the machine has its headers.
  peers: CODEC_PEERS.filter(({ id }) => id !== 'rdkafka' || codec !== 'zstd'),
})

export const CODEC_SCENARIOS: readonly Scenario[] = [undefined, 100].flatMap(megabytes =>
  ['none', 'snappy', 'lz4', 'gzip', 'zstd'].map(name => codec(name, megabytes)),
)

/** A real broker, or three: how many there are is in the id. */
const kafka = (nodes: number, id: string, size: number, codec?: string): Scenario => ({
  ...{ id: `${nodes}-${id}`, size, delayMs: 0, lingerMs: 5, batchBytes: 256 << 10, equalBatches: true },
  title:
    `${codec === undefined ? `${size} B` : `${codec}, JSON of ${size} B`}, ` +
    `${nodes === 1 ? 'one broker' : `${nodes} brokers, replication ${nodes}`}`,
  ...(codec !== undefined && { codec }),
  peers: codec === undefined ? KAFKA_PEERS : KAFKA_CODEC_PEERS,
})

export const KAFKA_SCENARIOS: Readonly<Record<1 | 3, readonly Scenario[]>> = {
  1: [
    kafka(1, '100B', 100),
    kafka(1, '1KB', 1000),
    ...['snappy', 'lz4', 'gzip', 'zstd'].map(codec => kafka(1, codec, 1000, codec)),
  ],
  3: [kafka(3, '100B', 100), kafka(3, '1KB', 1000)],
}

/** The bytes of a producer's largest batch. */
export function batchBytesOf(peer: Peer, { batchBytes, equalBatches, size }: Scenario): number {
  return equalBatches ? batchBytes : Math.min(batchBytes, peer.ownBatchBytes?.(size) ?? batchBytes)
}

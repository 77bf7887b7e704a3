/** The producers that are compared: how each is started, and what it needs. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { order } from './orders.mjs'
import { type Need, type Tools, toolPath } from './setup.js'

/** What a program is told, as JSON. */
export interface Settings {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly partitions: number
  readonly records: number
  /** Bytes of a record's value. */
  readonly size: number
  readonly batchBytes: number
  readonly lingerMs: number
  /** Bytes that may wait, where a producer has a limit for them. */
  readonly bufferBytes: number
  readonly maxInFlight: number
  /** Brokers speak TLS; in PEM, the authority of their certificate. */
  readonly ca?: string
  /** Records are JSON, compressed with this codec. */
  readonly codec?: string
  /** So many megabytes a second are enough. */
  readonly megabytes?: number
}

export interface Command {
  readonly argv: readonly string[]
  /** Where the program does not tell it itself. */
  readonly configuration?: string
}

export interface Peer {
  readonly id: string
  readonly name: string
  /** What it is compared as. */
  readonly kind: 'rx-kafka' | 'floor' | 'JavaScript' | 'librdkafka' | 'other'
  readonly needs: readonly Need[]
  command(settings: Settings, tools: Tools): Command
  /** A smaller batch at which it was measured to be faster, by the bytes of a record: used where batches need not be equal. */
  ownBatchBytes?(size: number): number
  /** Where more than the usual time has to pass before it is as fast as it gets. */
  readonly warmUpSeconds?: number
  readonly maxInFlight?: number
}

const here = fileURLToPath(new URL('.', import.meta.url))

/** A program in JavaScript of this folder. */
function javascript(node: 'node' | 'node24', file: string, ...args: string[]): Peer['command'] {
  return (settings, tools) => ({
    argv: [toolPath(tools, node), join(here, file), JSON.stringify(settings), ...args],
  })
}

function franzGo(...args: string[]): Peer['command'] {
  return (settings, tools) => ({ argv: [toolPath(tools, 'franz-go'), JSON.stringify(settings), ...args] })
}

/** What Kafka's own kafka-producer-perf-test.sh starts the JVM with. */
const JVM = ['-Xmx512M', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-XX:InitiatingHeapOccupancyPercent=35']

function java(settings: Settings, tools: Tools): Command {
  const { brokers, topic, records, size, batchBytes, lingerMs, bufferBytes, partitions, codec } = settings
  const payload = join(toolPath(tools, 'cache'), `payload-${codec === undefined ? size : `orders-${size}`}`)
  // What the programs in JavaScript send.
  const lines = codec === undefined ? ['x'.repeat(size)] : Array.from({ length: 4096 }, (_, i) => order(i, size))
  writeFileSync(payload, lines.join('\n'))
  // It makes up random letters for every record unless they come from a file. With few letters that was measured to be the
  // faster way, with many to cost more than to send them.
  const values = size < 500 ? ['--record-size', String(size)] : ['--payload-file', payload]
  const properties = [
    'acks=all',
    'enable.idempotence=true',
    'max.in.flight.requests.per.connection=5',
    `batch.size=${batchBytes}`,
    `linger.ms=${lingerMs}`,
    `buffer.memory=${bufferBytes}`,
    `max.request.size=${partitions * batchBytes}`,
    ...(codec === undefined ? [] : [`compression.type=${codec}`]),
  ]
  const main = ['-cp', join(toolPath(tools, 'java'), '*'), 'org.apache.kafka.tools.ProducerPerformance']
  const what = ['--topic', topic, '--num-records', String(records), ...values, '--throughput', '-1']
  return {
    argv: ['java', ...JVM, ...main, ...what, '--producer-props', `bootstrap.servers=${brokers.join()}`, ...properties],
    configuration: `ProducerPerformance ${values[0]}, ${properties.join(', ')}; JVM ${JVM.join(' ')}`,
  }
}

/** Its default, and the floor's where it is held against that. */
const RX_KAFKA_BATCH = 256 << 10

function rxKafka(
  id: string,
  name: string,
  by: 'send' | 'sendBatches' | 'sendOne',
  node: 'node' | 'node24' = 'node',
): Peer {
  return {
    ...{ id, name, kind: 'rx-kafka', needs: ['packages', 'dist', node] },
    command: javascript(node, 'rx-kafka.mjs', by),
    ownBatchBytes: () => RX_KAFKA_BATCH,
  }
}

export const PEERS: readonly Peer[] = [
  {
    id: 'floor',
    name: 'floor: encode, CRC, socket',
    kind: 'floor',
    needs: ['packages'],
    command: javascript('node', 'floor.mjs'),
    ownBatchBytes: () => RX_KAFKA_BATCH,
  },
  rxKafka('batches', 'rx-kafka sendBatches()', 'sendBatches'),
  rxKafka('send', 'rx-kafka send()', 'send'),
  rxKafka('send-one', 'rx-kafka sendOne(), awaited by 1,000 callers', 'sendOne'),
  rxKafka('batches-24', 'rx-kafka sendBatches(), Node 24', 'sendBatches', 'node24'),
  rxKafka('send-24', 'rx-kafka send(), Node 24', 'send', 'node24'),
  {
    id: 'kafkajs',
    name: 'kafkajs',
    kind: 'JavaScript',
    needs: ['packages'],
    command: javascript('node', 'kafkajs.mjs'),
    ownBatchBytes: () => 64 << 10,
  },
  {
    id: 'kafka-ts',
    name: 'kafka-ts',
    kind: 'JavaScript',
    needs: ['packages'],
    command: javascript('node', 'kafka-ts.mjs'),
    ownBatchBytes: size => (size < 500 ? 128 << 10 : 512 << 10),
  },
  {
    id: 'platformatic',
    name: '@platformatic/kafka, Node 24',
    kind: 'JavaScript',
    needs: ['packages', 'node24'],
    command: javascript('node24', 'platformatic.mjs'),
    ownBatchBytes: size => (size < 500 ? 32 << 10 : 64 << 10),
  },
  {
    id: 'rdkafka',
    name: 'node-rdkafka, reports of failures only',
    kind: 'librdkafka',
    needs: ['packages', 'node-rdkafka'],
    command: javascript('node', 'node-rdkafka.mjs', 'failures'),
  },
  {
    id: 'rdkafka-every',
    name: 'node-rdkafka, a report a record',
    kind: 'librdkafka',
    needs: ['packages', 'node-rdkafka'],
    command: javascript('node', 'node-rdkafka.mjs', 'every'),
  },
  { id: 'franz-go', name: 'franz-go', kind: 'other', needs: ['franz-go'], command: franzGo() },
  {
    id: 'franz-go-pooled',
    name: 'franz-go, records from a pool',
    kind: 'other',
    needs: ['franz-go'],
    command: franzGo('pooled'),
  },
  {
    ...{ id: 'java', name: 'Java ProducerPerformance', kind: 'other', needs: ['java', 'cache'], command: java },
    // Its compiler takes its time: after half a second it writes a fifth of what it does after three.
    warmUpSeconds: 3,
  },
]

/** rx-kafka with other windows than its default. */
const window = (maxInFlight: number): Peer => ({
  ...rxKafka(`window-${maxInFlight}`, `rx-kafka sendBatches(), maxInFlight ${maxInFlight}`, 'sendBatches'),
  maxInFlight,
})

/** Against itself, and, as what franz-go and Java do without being asked, against others. */
export const WINDOWS: readonly Peer[] = [window(1), window(4)]
export const WIDEST: Peer = window(5)

/** rx-kafka now, and as it was built from another commit. */
export function beforeAndNow(dist: string): readonly Peer[] {
  return (['sendBatches', 'send'] as const).flatMap(by => {
    const now = rxKafka(by, `${by}() now`, by)
    return [
      { ...now, id: `${by}-before`, name: `${by}() before`, command: javascript('node', 'rx-kafka.mjs', by, dist) },
      now,
    ]
  })
}

const JAVA = PEERS.find(({ id }) => id === 'java')!

/** The producers of `bench:kafka`. Compressed on Node 24, which has every codec. */
export const KAFKA_PEERS: readonly Peer[] = PEERS.filter(({ id }) =>
  ['batches', 'send', 'franz-go', 'java'].includes(id),
)
export const KAFKA_CODEC_PEERS: readonly Peer[] = [
  rxKafka('batches', 'rx-kafka sendBatches(), Node 24', 'sendBatches', 'node24'),
  JAVA,
]

/** The producers of `bench:codecs`. All run on Node 24, except librdkafka's bindings, which are built for the current Node. */
export const CODEC_PEERS: readonly Peer[] = [
  rxKafka('batches', 'rx-kafka sendBatches(), Node 24', 'sendBatches', 'node24'),
  {
    ...rxKafka('sync', 'the same in the event loop', 'sendBatches', 'node24'),
    command: javascript('node24', 'rx-kafka.mjs', 'sendBatches', 'sync'),
  },
  ...PEERS.filter(({ id }) => id === 'kafkajs' || id === 'platformatic').map(peer => ({
    ...peer,
    needs: ['packages', 'node24'] as const,
    command: javascript('node24', `${peer.id}.mjs`),
  })),
  ...PEERS.filter(({ id }) => id === 'rdkafka'),
]

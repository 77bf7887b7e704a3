import { asyncScheduler, type SchedulerLike } from 'rxjs'
import { bounded } from '../../bounded-scheduler.js'
import { BATCH_HEADER_SIZE } from '../../protocol/records/record-batch.js'
import { readOptions } from '../../read-options.js'
import type { Network } from '../network/network.js'
import { type ClusterSslOptions, tcpNetwork } from '../network/tcp-network.js'
import { type ClusterSaslOptions, Sasl } from '../sasl/sasl.js'
import { MAX_PARTITIONS, type TopicOptions } from './topics.js'

/** Options of {@link startCluster}; without any it is one node at a free port. */
export interface ClusterOptions {
  /** How many brokers, with node ids from 1. Default 1. */
  readonly nodes?: number
  /** Topics to create at the start, by name. Default: none. */
  readonly topics?: Readonly<Record<string, TopicOptions>>
  /** Partitions of a topic that is created without saying how many. Default 3. */
  readonly defaultPartitions?: number
  /** Whether asking for a topic creates it. Default true. */
  readonly autoCreateTopics?: boolean
  /**
   * How long a topic that was created by asking for it is said to have no leader, in ms, as while a real cluster elects
   * them. The answer that creates it says so in any case. Default 0.
   */
  readonly leaderElectionMs?: number
  /** The address to listen at, and to tell clients. Default `127.0.0.1`. */
  readonly host?: string
  /** The first node's port, the others take those that follow. Default 0: any that are free. */
  readonly port?: number
  /** How long after it was carried out each request is answered, in ms. Replies to pipelined requests are delayed together, as by a network. Default 0. */
  readonly replyDelayMs?: number
  /** Connections that had no request and no answer for so many ms are closed (`connections.max.idle.ms`). Default 0: never. */
  readonly connectionsMaxIdleMs?: number
  /** Bytes of the largest record batch (`message.max.bytes`). Default 1048588. */
  readonly maxMessageBytes?: number
  /** Bytes of the largest request (`socket.request.max.bytes`): a larger one ends its connection. Default 104857600. */
  readonly maxRequestBytes?: number
  /**
   * Whether a producer's first batch in a partition must have sequence 0. Kafka 4 wants it of transactional producers
   * only. Default false.
   */
  readonly strictFirstSequence?: boolean
  /**
   * The protocol of transactions that the cluster has agreed upon, which ApiVersions tells from version 3 on: with 2 every transaction
   * has an epoch of its own, and brokers add partitions and groups to it by themselves (KIP-890). 0 as before Kafka 4.0; 1 means the
   * same to clients. As in Kafka, the versions that are offered don't depend on it; at 0 those of KIP-890 get UNSUPPORTED_VERSION.
   * Default 2.
   */
  readonly transactionVersion?: 0 | 1 | 2
  /** How long after a transaction's end was decided its markers are written, in ms. Default 0: at once, before the answer to EndTxn. */
  readonly markerDelayMs?: number
  /**
   * How long a node that takes a transactional id over loads its state, in ms; COORDINATOR_LOAD_IN_PROGRESS meanwhile. Default 0.
   */
  readonly coordinatorLoadMs?: number
  /** Versions to offer, by the API's name, where they are to be fewer than can be spoken: `{ Produce: [3, 7] }` as in Kafka 2.1. */
  readonly apiVersions?: Readonly<Record<string, readonly [min: number, max: number]>>
  /** Clients must authenticate. Default: they need not. */
  readonly sasl?: ClusterSaslOptions
  /** Clients must speak TLS, and are shown this certificate. On TCP only. */
  readonly ssl?: ClusterSslOptions
  /** Whether to keep a trace of everything. Default true; costs memory for as long as the cluster lives. */
  readonly trace?: boolean
  /** The clock and every timer. Default RxJS's asyncScheduler. */
  readonly scheduler?: SchedulerLike
  /** Where to listen. Default TCP. */
  readonly network?: Network
}

export type ResolvedClusterOptions = Required<Omit<ClusterOptions, 'sasl' | 'ssl'>> & {
  readonly sasl: Sasl | undefined
  /** What new connections are shown. */
  readonly ssl: { current: ClusterSslOptions } | undefined
}

const NAMES: { readonly [K in keyof Required<ClusterOptions>]: true } = {
  nodes: true,
  topics: true,
  defaultPartitions: true,
  autoCreateTopics: true,
  leaderElectionMs: true,
  host: true,
  port: true,
  replyDelayMs: true,
  connectionsMaxIdleMs: true,
  maxMessageBytes: true,
  maxRequestBytes: true,
  strictFirstSequence: true,
  transactionVersion: true,
  markerDelayMs: true,
  coordinatorLoadMs: true,
  apiVersions: true,
  sasl: true,
  ssl: true,
  trace: true,
  scheduler: true,
  network: true,
}

/** Reads options, each once. @throws RangeError for one that there is not. */
export function readKnown<T extends object>(
  of: string,
  options: T,
  names: { readonly [K in keyof Required<T>]: true },
): T {
  const read = readOptions(options)
  for (const name of Object.keys(read)) {
    if (!Object.hasOwn(names, name)) {
      throw new RangeError(`there is no option \`${name}\` of ${of}; the options are ${Object.keys(names).join(', ')}`)
    }
  }
  return read
}

/** @throws RangeError that names the option, its value and the rule. */
export function resolveClusterOptions(options: ClusterOptions): ResolvedClusterOptions {
  const given = readKnown('startCluster()', options, NAMES)
  if (given.ssl !== undefined && given.network !== undefined) {
    throw new RangeError("option `ssl` is for TCP: it can't be set beside `network`")
  }
  const ssl = given.ssl === undefined ? undefined : { current: readOptions(given.ssl) }
  const resolved: ResolvedClusterOptions = {
    nodes: given.nodes ?? 1,
    topics: given.topics ?? {},
    defaultPartitions: given.defaultPartitions ?? 3,
    autoCreateTopics: given.autoCreateTopics ?? true,
    leaderElectionMs: given.leaderElectionMs ?? 0,
    host: given.host ?? '127.0.0.1',
    port: given.port ?? 0,
    replyDelayMs: given.replyDelayMs ?? 0,
    connectionsMaxIdleMs: given.connectionsMaxIdleMs ?? 0,
    maxMessageBytes: given.maxMessageBytes ?? 1_048_588,
    maxRequestBytes: given.maxRequestBytes ?? 104_857_600,
    strictFirstSequence: given.strictFirstSequence ?? false,
    transactionVersion: given.transactionVersion ?? 2,
    markerDelayMs: given.markerDelayMs ?? 0,
    coordinatorLoadMs: given.coordinatorLoadMs ?? 0,
    apiVersions: given.apiVersions ?? {},
    trace: given.trace ?? true,
    scheduler: bounded(given.scheduler ?? asyncScheduler),
    ssl,
    network: given.network ?? tcpNetwork(ssl),
    sasl: given.sasl === undefined ? undefined : new Sasl(given.sasl),
  }
  const {
    nodes,
    defaultPartitions,
    leaderElectionMs,
    port,
    replyDelayMs,
    connectionsMaxIdleMs,
    maxMessageBytes,
    maxRequestBytes,
    transactionVersion,
    markerDelayMs,
    coordinatorLoadMs,
  } = resolved
  for (const [name, value, min, max] of [
    ['nodes', nodes, 1, 100],
    ['defaultPartitions', defaultPartitions, 1, MAX_PARTITIONS],
    ['leaderElectionMs', leaderElectionMs, 0, 2 ** 31],
    ['port', port, 0, 65_536 - nodes],
    ['replyDelayMs', replyDelayMs, 0, 2 ** 31 - 1],
    ['connectionsMaxIdleMs', connectionsMaxIdleMs, 0, 2 ** 31 - 1],
    ['maxMessageBytes', maxMessageBytes, BATCH_HEADER_SIZE, 2 ** 30],
    ['maxRequestBytes', maxRequestBytes, 1, 2 ** 31 - 1],
    ['transactionVersion', transactionVersion, 0, 2],
    ['markerDelayMs', markerDelayMs, 0, 2 ** 31 - 1],
    ['coordinatorLoadMs', coordinatorLoadMs, 0, 2 ** 31 - 1],
  ] as const) {
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new RangeError(`option \`${name}\` is ${value}, but it must be an integer from ${min} to ${max}`)
    }
  }
  return resolved
}

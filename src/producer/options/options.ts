import type { ConnectionOptions as TlsOptions } from 'node:tls'
import type { SchedulerLike } from 'rxjs'
import { bounded } from '../../bounded-scheduler.js'
import type { BootstrapList } from '../../cluster/bootstrap.js'
import { InvalidArgumentError } from '../../errors.js'
import type { SaslLogin } from '../../transport/mechanism.js'
import { TcpTransport } from '../../transport/tcp.js'
import type { Transport } from '../../transport/transport.js'
import { RECORD_COST } from '../model/batch.js'
import type { Interceptor } from '../model/interceptor.js'
import type { Logger } from '../model/logger.js'
import type { Partitioner } from '../model/record.js'
import { processScheduler } from '../time/process-scheduler.js'
import { readBrokers } from './broker-addresses.js'
import { type Compression, type CompressorOf, resolveCompression, type TopicCompression } from './compression.js'
import { checkOptions, hasMethod, integer, isFunction, MAX_INT32, oneOf, type Rule, SIGNAL, shape } from './rules.js'
import { resolveSasl, type SaslOptions } from './sasl.js'
import { resolveSsl } from './ssl.js'
import { MIN_REQUEST_SIZE, resolveTies } from './ties.js'

/** Only `brokers` is required. Idempotence is always on. */
export interface ProducerOptions {
  /**
   * The bootstrap list, as `host:port` (default port 9092; IPv6 addresses in brackets). One broker that answers is enough, more are safer.
   * All must belong to one cluster: the producer writes to the cluster of the broker that answers first, and uses no other.
   *
   * Or a function that returns the list, from service discovery for example. It is called when the producer first connects, and again
   * whenever no known broker answers. If it throws, returns no valid list, or takes longer than `connectTimeoutMs`, that is a
   * `BootstrapError`, and it is called again after a back-off.
   *
   * @example brokers: async () => (await resolveSrv('_kafka._tcp.example.com')).map(({ name, port }) => `${name}:${port}`)
   */
  readonly brokers: readonly string[] | (() => readonly string[] | Promise<readonly string[]>)
  /**
   * Returns the address at which to reach a broker, instead of the one that it advertises in metadata: for tunnels, port forwards and
   * proxies. Return undefined to keep the advertised address. Called for every broker in each metadata response, but not for `brokers`,
   * which are used as they are written. With `ssl`, the certificate must still name the advertised host, unless `ssl.servername` is set. If it throws or returns
   * anything else, connections to that broker fail with an error that says so, and are tried again. Default: all are reached where they
   * advertise.
   *
   * @example mapAddress: (host, port, nodeId) => ({ host: 'localhost', port: 19092 + nodeId })
   */
  readonly mapAddress?: (
    host: string,
    port: number,
    nodeId: number,
  ) => { readonly host: string; readonly port: number } | undefined
  /**
   * TLS: true, or options of `node:tls` such as `ca`, `cert` and `key`. Default false.
   *
   * A function that returns the options is called for each new connection, so that renewed certificates are used without a restart. If it
   * throws, the connection is tried again with back-off; if it returns something else, the producer ends with an `AuthenticationError`.
   */
  readonly ssl?: boolean | TlsOptions | (() => TlsOptions | Promise<TlsOptions>)
  /**
   * How the client authenticates. A session with a limited lifetime is renewed before it ends. Default: no authentication.
   *
   * A function that returns the options is called for each authentication, so that a rotated password is used without a restart. If it
   * throws, the connection is tried again with back-off; if it returns something else, the producer ends with an `AuthenticationError`.
   *
   * @example sasl: async () => ({ mechanism: 'scram-sha-512', username: 'app', password: await vault.read('kafka') })
   */
  readonly sasl?: SaslOptions | (() => SaslOptions | Promise<SaslOptions>)
  /** The client's name in brokers' logs and quotas; at most 32767 bytes in UTF-8. Default `rx-kafka`. */
  readonly clientId?: string
  /** Only `'all'`: every in-sync replica has a record before it is acked. Less would break exactly-once. Default `'all'`. */
  readonly acks?: 'all'
  /** How often a rejected batch is sent again, from 1. Only `deliveryTimeoutMs` bounds an unresolved batch. Default 2147483647. */
  readonly retries?: number
  /** Produce requests in flight per broker, 1 to 5: brokers remember five batches of a producer. Default 4. */
  readonly maxInFlight?: number
  /** How long a batch that could be sent waits for more records, in ms; less than `deliveryTimeoutMs`. Default 0. */
  readonly linger?: number
  /**
   * Bytes at which a batch is full; at most `maxRequestSize`. A larger record gets a batch of its own. With compression, the bytes that
   * the batch is expected to take once compressed, by the ratio of the topic's earlier batches. Default 262144, or `maxRequestSize` where
   * that is less.
   */
  readonly batchSize?: number
  /**
   * Bytes of the largest request, and so of the largest record, before compression; keep it at or below the broker's
   * `message.max.bytes`. Default 1000000, or half of `bufferMemory` if that is less; never less than a `batchSize` that is set.
   */
  readonly maxRequestSize?: number
  /**
   * The most bytes that unacked records may occupy: each record's own, plus 500 for the object that its ack returns. At least
   * `maxRequestSize` + 500. Default 33554432, or that sum if it is more.
   */
  readonly bufferMemory?: number
  /**
   * How long a source that can wait waits for buffer memory, in ms; then its stream errors with a `BufferFullError` that names the
   * partition which holds most of it. Default 2147483647: records that hold it expire after `deliveryTimeoutMs`.
   */
  readonly maxBlockMs?: number
  /** What happens when a push source finds the buffer full: the stream errors, or the record fails in-band. Default `'error'`. */
  readonly overflow?: 'error' | 'reject'
  /**
   * What happens to a record of a stalled partition (no leader, or a broker that is unreachable, hangs, throttles or rejects) when
   * such partitions hold three quarters of the buffer. `'wait'`: the producer accepts it, and once the buffer is full, records of
   * partitions that can send wait behind it, in the order of their source. `'reject'`: it fails in-band at once, with a `BufferFullError`
   * that names the partition, and the others go on. A push source with `overflow: 'reject'` always rejects it. Default `'wait'`.
   */
  readonly stalledOverflow?: 'wait' | 'reject'
  /**
   * `'none'`, `'gzip'`, `'snappy'`, `'lz4'` or `'zstd'`; `{ codec, level }` where the codec has levels (gzip 1 to 9, default 6; zstd 1 to
   * 22, default 3); or a function of the topic, called when a topic is first used. lz4 needs the package `lz4-napi`, and zstd needs
   * `@toondepauw/node-zstd` before Node 22.15. Large batches are compressed in libuv's thread pool. Default `'none'`.
   */
  readonly compression?: Compression | TopicCompression
  /**
   * Chooses partitions. Default: by key as Java's producer does (murmur2); without a key, one partition until its batch is full,
   * skipping partitions that make no progress or have more batches to send than others. If a topic is recreated while its records
   * wait, the partitioner is called for them again, with header values as bytes. `partitioners` has those of other clients.
   *
   * @example createProducer({ brokers, partitioner: partitioners.consistentRandom })
   */
  readonly partitioner?: Partitioner
  /**
   * Sees every record before it is sent, and its ack (KIP-42). Several are called in their order. What they throw fails no record.
   * Default: none.
   *
   * @example interceptors: [{ onSend: record => ({ ...record, headers: { ...record.headers, source: 'shop' } }) }]
   */
  readonly interceptors?: readonly Interceptor[]
  /**
   * How long a broker may take to answer a request, in ms; then its connection is closed. Default 30000, or what `linger` leaves of a
   * shorter `deliveryTimeoutMs`.
   */
  readonly requestTimeoutMs?: number
  /**
   * How long a record may take from acceptance to its ack, in ms. At least `linger + requestTimeoutMs`. Default 120000, or that sum if it is
   * more.
   */
  readonly deliveryTimeoutMs?: number
  /**
   * How long a connection may take to open, handshake included, in ms. Every address of a host name is tried within it, IPv6 and IPv4, each
   * but the last for a quarter of it, and for a second at most. Default 10000.
   */
  readonly connectTimeoutMs?: number
  /**
   * How long a connection stays open without a request, in ms; 0: until the broker closes it. Keep it below the broker's
   * `connections.max.idle.ms` (600000): a request that crosses the broker's close is lost, and sent again. Default 540000.
   */
  readonly idleConnectionMs?: number
  /**
   * The first back-off, in ms, from 1; it doubles with every failure. Default 100, or `retryBackoffMaxMs` if that is less.
   */
  readonly retryBackoffMs?: number
  /** The longest back-off, in ms; at least `retryBackoffMs`. Default 1000, or `retryBackoffMs` if that is more. */
  readonly retryBackoffMaxMs?: number
  /** Age at which metadata is refreshed, in ms. Default 300000. */
  readonly metadataMaxAgeMs?: number
  /** How long after its last record a topic's metadata is kept fresh, in ms. Default 300000. */
  readonly metadataMaxIdleMs?: number
  /**
   * How long brokers may answer metadata requests without anything of use, which is an error or no broker that can be reached, in ms. After that
   * the producer begins again with `brokers` (KIP-1102). Records that wait expire first, unless it is less than `deliveryTimeoutMs`.
   * Default 300000.
   */
  readonly metadataRecoveryRebootstrapTriggerMs?: number
  /**
   * Gets a line for each event, with plain fields: an object of pino's shape, or `console`. `info` tells an outage in a few lines. No
   * password or token is ever logged, and text from brokers is escaped. Default: nothing is logged.
   *
   * @example createProducer({ brokers, logger: pino({ name: 'kafka' }) })
   */
  readonly logger?: Logger
  /** How often `producer.metrics$` emits, in ms. Default 1000. */
  readonly metricsIntervalMs?: number
  /** Whether brokers may create missing topics, if their configuration permits. Default true. */
  readonly allowAutoTopicCreation?: boolean
  /** Bytes of the largest accepted response. Default 16777216. */
  readonly maxResponseBytes?: number
  /**
   * Makes the producer transactional: records are sent in transactions, which are stored whole or not at all. A newer producer with the
   * same id takes over, and the older one ends with a `ProducerFencedError`. Default: none.
   *
   * @example createProducer({ brokers, transactionalId: 'orders-copier' })
   */
  readonly transactionalId?: string
  /**
   * How long a transaction may be open, in ms; then its coordinator aborts it. At most the broker's
   * `transaction.max.timeout.ms` (900000). Default 60000.
   */
  readonly transactionTimeoutMs?: number
  /** Closes the producer at once when it is aborted: records without an ack fail. */
  readonly signal?: AbortSignal
  /**
   * The clock and every timer; tests pass one of virtual time. Its `now()` also gives record timestamps. Default: a monotonic clock, timers
   * that do not keep a process alive, and the system's time for records.
   */
  readonly scheduler?: SchedulerLike
  /** How brokers are reached, instead of TCP or TLS; tests pass an in-memory network. Not together with `ssl`. */
  readonly transport?: Transport
  /** Returns numbers from 0 up to 1, for back-off jitter and the first keyless partition. Default Math.random; tests pass a seeded one. */
  readonly random?: () => number
}

export type ResolvedOptions = Required<
  Omit<
    ProducerOptions,
    'brokers' | 'compression' | 'logger' | 'mapAddress' | 'partitioner' | 'signal' | 'ssl' | 'sasl' | 'transactionalId'
  >
> & {
  readonly bootstrap: BootstrapList
  readonly compression: CompressorOf
  readonly mapAddress: ProducerOptions['mapAddress']
  readonly partitioner: Partitioner | undefined
  readonly logger: Logger | undefined
  readonly signal: AbortSignal | undefined
  readonly sasl: SaslLogin | undefined
  readonly transactionalId: string | null
}

/** Whether a value is a non-empty string that a STRING of Kafka's protocol can carry. */
function isKafkaString(value: unknown): boolean {
  if (typeof value !== 'string' || value === '') return false
  return !/\p{Surrogate}/u.test(value) && Buffer.byteLength(value) <= 32767
}

const KAFKA_STRING = 'a non-empty string of valid Unicode that takes at most 32767 bytes in UTF-8'
function isListOfInterceptors(value: unknown): boolean {
  const methods = ['onSend', 'onAck', 'onClose']
  const isInterceptor = (one: unknown): boolean =>
    methods.some(name => hasMethod(name)(one)) &&
    methods.every(name => (one as Record<string, unknown>)[name] === undefined || hasMethod(name)(one))
  return Array.isArray(value) && value.every(isInterceptor)
}

function isLogger(value: unknown): boolean {
  return ['debug', 'info', 'warn', 'error'].every(name => hasMethod(name)(value))
}

/** Options that are checked elsewhere. */
const OWN_RULES = ['brokers', 'compression', 'ssl', 'sasl'] as const

/** Every other option, with its rule. */
const RULES: { readonly [K in keyof Required<Omit<ProducerOptions, (typeof OWN_RULES)[number]>>]: Rule } = {
  mapAddress: shape('a function', isFunction),
  clientId: shape(KAFKA_STRING, isKafkaString),
  acks: {
    holds: value => value === 'all',
    text: "must be 'all': an idempotent producer needs every in-sync replica's confirmation",
  },
  retries: integer(1),
  maxInFlight: integer(1, 5),
  // A request that leaves after the linger needs time to be answered.
  linger: integer(0, MAX_INT32 - 1),
  batchSize: integer(1),
  maxRequestSize: integer(MIN_REQUEST_SIZE),
  bufferMemory: integer(MIN_REQUEST_SIZE + RECORD_COST, Number.MAX_SAFE_INTEGER),
  maxBlockMs: integer(1),
  overflow: oneOf('error', 'reject'),
  stalledOverflow: oneOf('wait', 'reject'),
  partitioner: shape('a function', isFunction),
  interceptors: shape('an array of objects with methods onSend(), onAck() or onClose()', isListOfInterceptors),
  requestTimeoutMs: integer(1),
  deliveryTimeoutMs: integer(1),
  connectTimeoutMs: integer(1),
  idleConnectionMs: integer(0),
  // Without a pause, an attempt that fails at once would be repeated without end.
  retryBackoffMs: integer(1),
  retryBackoffMaxMs: integer(1),
  metadataMaxAgeMs: integer(1),
  metadataMaxIdleMs: integer(1),
  metadataRecoveryRebootstrapTriggerMs: integer(0),
  metricsIntervalMs: integer(1),
  allowAutoTopicCreation: shape('true or false', value => typeof value === 'boolean'),
  maxResponseBytes: integer(1024),
  logger: shape('an object with methods debug(), info(), warn() and error()', isLogger),
  transactionalId: shape(KAFKA_STRING, isKafkaString),
  transactionTimeoutMs: integer(1),
  signal: SIGNAL,
  scheduler: shape('an RxJS scheduler', hasMethod('schedule')),
  transport: shape('a transport with a connect() method', hasMethod('connect')),
  random: shape('a function', isFunction),
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws {InvalidArgumentError} naming the option, its value and the rule that it breaks.
 */
export function resolveOptions(options: ProducerOptions): ResolvedOptions {
  const given = checkOptions('createProducer', options, RULES, OWN_RULES)
  const connectTimeoutMs = given.connectTimeoutMs ?? 10_000
  if (given.transactionTimeoutMs !== undefined && given.transactionalId === undefined) {
    throw new InvalidArgumentError(
      'option `transactionTimeoutMs` needs `transactionalId`, which makes the producer transactional',
    )
  }
  return {
    ...resolveTies(given),
    bootstrap: readBrokers(given.brokers),
    mapAddress: given.mapAddress,
    clientId: given.clientId ?? 'rx-kafka',
    acks: given.acks ?? 'all',
    retries: given.retries ?? MAX_INT32,
    maxInFlight: given.maxInFlight ?? 4,
    maxBlockMs: given.maxBlockMs ?? MAX_INT32,
    overflow: given.overflow ?? 'error',
    stalledOverflow: given.stalledOverflow ?? 'wait',
    compression: resolveCompression(given.compression),
    partitioner: given.partitioner,
    interceptors: [...(given.interceptors ?? [])],
    connectTimeoutMs,
    idleConnectionMs: given.idleConnectionMs ?? 540_000,
    metadataMaxAgeMs: given.metadataMaxAgeMs ?? 300_000,
    metadataMaxIdleMs: given.metadataMaxIdleMs ?? 300_000,
    metadataRecoveryRebootstrapTriggerMs: given.metadataRecoveryRebootstrapTriggerMs ?? 300_000,
    metricsIntervalMs: given.metricsIntervalMs ?? 1_000,
    allowAutoTopicCreation: given.allowAutoTopicCreation ?? true,
    maxResponseBytes: given.maxResponseBytes ?? 16_777_216,
    logger: given.logger,
    transactionalId: given.transactionalId ?? null,
    transactionTimeoutMs: given.transactionTimeoutMs ?? 60_000,
    signal: given.signal,
    scheduler: given.scheduler === undefined ? processScheduler : bounded(given.scheduler),
    transport: resolveTransport(given, connectTimeoutMs),
    random: given.random ?? Math.random,
    sasl: given.sasl === undefined ? undefined : resolveSasl(given.sasl),
  }
}

function resolveTransport({ ssl = false, transport }: ProducerOptions, connectTimeoutMs: number): Transport {
  if (ssl === false) return transport ?? new TcpTransport(connectTimeoutMs)
  if (transport !== undefined) {
    throw new InvalidArgumentError(
      "option `ssl` can't be set beside `transport`, which decides how brokers are reached",
    )
  }
  return resolveSsl(ssl, connectTimeoutMs)
}

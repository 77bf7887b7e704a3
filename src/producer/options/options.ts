import type { ConnectionOptions as TlsOptions } from 'node:tls'
import type { SchedulerLike } from 'rxjs'
import { bounded } from '../../bounded-scheduler.js'
import { InvalidArgumentError } from '../../errors.js'
import type { Compression } from '../../protocol/records/compression.js'
import type { SaslMechanism } from '../../transport/sasl.js'
import { tcp } from '../../transport/tcp.js'
import type { Address, Transport } from '../../transport/transport.js'
import { RECORD_COST } from '../model/batch.js'
import type { Partitioner } from '../model/record.js'
import { processScheduler } from '../time/process-scheduler.js'
import { parseBrokers } from './broker-addresses.js'
import { checkOptions, hasMethod, integer, isFunction, MAX_INT32, oneOf, type Rule, SIGNAL, shape } from './rules.js'
import { resolveSasl, resolveSsl, type SaslOptions } from './security.js'
import { MIN_REQUEST_SIZE, resolveTies } from './ties.js'

/** Only `brokers` is needed. Idempotence is always on: it is what this producer is for. */
export interface ProducerOptions {
  /**
   * Where to begin, as `host:port` (port 9092 if left out; an IPv6 address in brackets); one that answers is enough, more
   * are safer. All of one cluster: the producer writes to that of the broker that answered first, and uses no other.
   */
  readonly brokers: readonly string[]
  /** TLS: true, or options of `node:tls` such as `ca`, `cert` and `key`. Default false. */
  readonly ssl?: boolean | TlsOptions
  /** Who this is, and how to show it. A session of limited time is renewed before it ends. Default: brokers are not told. */
  readonly sasl?: SaslOptions
  /** How brokers name this client in logs and quotas; at most 32767 bytes in UTF-8. Default `rx-kafka`. */
  readonly clientId?: string
  /** Only `'all'`: every in-sync replica has the record before it is acked. Less would break exactly-once. Default `'all'`. */
  readonly acks?: 'all'
  /** How often a batch that brokers reject is sent again, from 1. One that may be stored is bounded by `deliveryTimeoutMs` alone. Default 2147483647. */
  readonly retries?: number
  /** Produce requests in flight per broker, 1 to 5: brokers remember five batches of a producer. Default 4. */
  readonly maxInFlight?: number
  /** How long a batch waits for more records, in ms, when a request could carry it now; less than `deliveryTimeoutMs`. Default 0. */
  readonly linger?: number
  /**
   * Bytes at which a batch is full, before compression; at most `maxRequestSize`. A larger record gets a batch of its own.
   * Default 262144, or `maxRequestSize` where that is less.
   */
  readonly batchSize?: number
  /**
   * Bytes of the largest request, and so of the largest record, before compression; keep it at the broker's
   * `message.max.bytes` or below. Default 1048576, or half of `bufferMemory` where that is less; never less than a
   * `batchSize` that is set.
   */
  readonly maxRequestSize?: number
  /**
   * Bytes that records may take until they have their terminal event: each its own, and 500 more for what comes back in its
   * ack. At least `maxRequestSize` and 500 more. Default 33554432, or that much where it is more.
   */
  readonly bufferMemory?: number
  /**
   * How long a source that can wait waits for room in the buffer, in ms; then its stream errors with a `BufferFullError` that
   * names the partition that holds most of it. Default 2147483647: what holds the buffer is gone after `deliveryTimeoutMs`.
   */
  readonly maxBlockMs?: number
  /** What becomes of a record from a push source that finds the buffer full: the stream errors, or the record fails in-band. Default `'error'`. */
  readonly overflow?: 'error' | 'reject'
  /**
   * What becomes of a record whose partition can't send (nobody leads it, or its broker is unreachable, hangs, asks for a pause or
   * refuses) when such partitions hold three quarters of the buffer. `'wait'`: it is taken, and once the buffer is full, records for
   * partitions that can send wait behind it, in the order of their source. `'reject'`: it fails in-band at once, with a
   * `BufferFullError` that names the partition, and the others go on. A push source with `overflow: 'reject'` always has that.
   * Default `'wait'`.
   */
  readonly stalledOverflow?: 'wait' | 'reject'
  /** `'none'` or `'snappy'`. Default `'none'`. */
  readonly compression?: Compression
  /**
   * Chooses partitions. Default: by key as Java's producer does (murmur2); without key one partition until its batch is full, passing
   * over those that do not move. Records that wait while their topic is deleted and recreated are asked about again, with the values
   * of their headers as bytes.
   */
  readonly partitioner?: Partitioner
  /**
   * How long a broker has to answer a request, in ms; then its connection is closed. Default 30000, or what `linger` leaves of
   * a shorter `deliveryTimeoutMs`.
   */
  readonly requestTimeoutMs?: number
  /**
   * How long a record may take from being accepted to its terminal event, in ms. At least `linger + requestTimeoutMs`.
   * Default 120000, or that sum where it is more.
   */
  readonly deliveryTimeoutMs?: number
  /** How long a connection may take to stand, handshake included, in ms. Default 10000. */
  readonly connectTimeoutMs?: number
  /**
   * The first pause before something is tried again, in ms, from 1; it doubles from there. Default 100, or `retryBackoffMaxMs`
   * where that is less.
   */
  readonly retryBackoffMs?: number
  /** The longest such pause, in ms; at least `retryBackoffMs`. Default 1000, or `retryBackoffMs` where that is more. */
  readonly retryBackoffMaxMs?: number
  /** Age at which metadata is fetched again, in ms. Default 300000. */
  readonly metadataMaxAgeMs?: number
  /** How long after its last record a topic's metadata is kept fresh, in ms. Default 300000. */
  readonly metadataMaxIdleMs?: number
  /** Whether a topic that does not exist may be created by the broker, if it is set up to. Default true. */
  readonly allowAutoTopicCreation?: boolean
  /** Bytes of the largest answer that is accepted. Default 16777216. */
  readonly maxResponseBytes?: number
  /** Closes the producer when it is aborted, at once: what has no end yet fails. */
  readonly signal?: AbortSignal
  /**
   * The clock and every timer; tests give one of virtual time. Its `now()` is also what records are stamped with. Default: a
   * monotonic clock, with timers that do not keep a process alive, and the system's time for records.
   */
  readonly scheduler?: SchedulerLike
  /** How brokers are reached, instead of TCP or TLS. Tests give an in-memory network. Not together with `ssl`. */
  readonly transport?: Transport
  /** Numbers from 0 up to 1, for back-off jitter and the first keyless partition. Default Math.random; tests give a seeded one. */
  readonly random?: () => number
}

export type ResolvedOptions = Required<Omit<ProducerOptions, 'brokers' | 'partitioner' | 'signal' | 'ssl' | 'sasl'>> & {
  readonly bootstrap: readonly Address[]
  readonly partitioner: Partitioner | undefined
  readonly signal: AbortSignal | undefined
  readonly sasl: SaslMechanism | undefined
}

/** What a STRING of Kafka's protocol can carry, and something at all. */
function isKafkaString(value: unknown): boolean {
  if (typeof value !== 'string' || value === '') return false
  return !/\p{Surrogate}/u.test(value) && Buffer.byteLength(value) <= 32767
}

/** Options that are looked at elsewhere. */
const OWN_RULES = ['brokers', 'ssl', 'sasl'] as const

/** Every other option, with its rule. */
const RULES: { readonly [K in keyof Required<Omit<ProducerOptions, (typeof OWN_RULES)[number]>>]: Rule } = {
  clientId: shape('a non-empty string of valid Unicode that takes at most 32767 bytes in UTF-8', isKafkaString),
  acks: {
    holds: value => value === 'all',
    text: "must be 'all': an idempotent producer needs every in-sync replica's confirmation",
  },
  retries: integer(1),
  maxInFlight: integer(1, 5),
  // A request that leaves when the linger is over needs time to be answered.
  linger: integer(0, MAX_INT32 - 1),
  batchSize: integer(1),
  maxRequestSize: integer(MIN_REQUEST_SIZE),
  bufferMemory: integer(MIN_REQUEST_SIZE + RECORD_COST, Number.MAX_SAFE_INTEGER),
  maxBlockMs: integer(1),
  overflow: oneOf('error', 'reject'),
  stalledOverflow: oneOf('wait', 'reject'),
  compression: oneOf('none', 'snappy'),
  partitioner: shape('a function', isFunction),
  requestTimeoutMs: integer(1),
  deliveryTimeoutMs: integer(1),
  connectTimeoutMs: integer(1),
  // Without any pause what fails at once would be tried for ever without one.
  retryBackoffMs: integer(1),
  retryBackoffMaxMs: integer(1),
  metadataMaxAgeMs: integer(1),
  metadataMaxIdleMs: integer(1),
  allowAutoTopicCreation: shape('true or false', value => typeof value === 'boolean'),
  maxResponseBytes: integer(1024),
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
  return {
    ...resolveTies(given),
    bootstrap: parseBrokers(given.brokers),
    clientId: given.clientId ?? 'rx-kafka',
    acks: given.acks ?? 'all',
    retries: given.retries ?? MAX_INT32,
    maxInFlight: given.maxInFlight ?? 4,
    maxBlockMs: given.maxBlockMs ?? MAX_INT32,
    overflow: given.overflow ?? 'error',
    stalledOverflow: given.stalledOverflow ?? 'wait',
    compression: given.compression ?? 'none',
    partitioner: given.partitioner,
    connectTimeoutMs: given.connectTimeoutMs ?? 10_000,
    metadataMaxAgeMs: given.metadataMaxAgeMs ?? 300_000,
    metadataMaxIdleMs: given.metadataMaxIdleMs ?? 300_000,
    allowAutoTopicCreation: given.allowAutoTopicCreation ?? true,
    maxResponseBytes: given.maxResponseBytes ?? 16_777_216,
    signal: given.signal,
    scheduler: given.scheduler === undefined ? processScheduler : bounded(given.scheduler),
    transport: resolveTransport(given),
    random: given.random ?? Math.random,
    sasl: given.sasl === undefined ? undefined : resolveSasl(given.sasl),
  }
}

function resolveTransport({ ssl = false, transport }: ProducerOptions): Transport {
  if (ssl === false) return transport ?? tcp
  if (transport !== undefined) {
    throw new InvalidArgumentError(
      "option `ssl` can't be set beside `transport`, which decides how brokers are reached",
    )
  }
  return resolveSsl(ssl)
}

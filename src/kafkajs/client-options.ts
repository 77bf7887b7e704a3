import type { KafkaConfig, Logger, ProducerConfig, RetryOptions } from 'kafkajs'
import type { ProducerOptions } from '../index.js'
import { KafkaJSNonRetriableError } from './errors.js'
import { loggerFor } from './logger.js'
import { saslOptions } from './sasl.js'
import { socketTransport } from './socket-transport.js'

/** kafkajs's own default is 1000, which a slow start of TLS exceeds. */
const CONNECTION_TIMEOUT = 10_000
const AUTHENTICATION_TIMEOUT = 10_000
const REQUEST_TIMEOUT = 30_000
const MAX_INT32 = 2147483647

/**
 * The largest request, and so the largest message: what a broker accepts (`socket.request.max.bytes`), less some for its head. kafkajs has no
 * limit of its own.
 */
const MAX_REQUEST_SIZE = 100_000_000

/** Records wait in 64 MiB of it: a source is asked for more only while the largest message would still fit. */
const BUFFER_MEMORY = MAX_REQUEST_SIZE + 67_108_864

/** How kafkajs would try again. */
export interface RetryPlan {
  readonly retries: number
  /** Returns the pause before a retry, in ms, counted from 1. */
  pauseMs(retry: number): number
}

/** As kafkajs's defaults. */
export function retryPlan({
  retries = 5,
  initialRetryTime = 300,
  multiplier = 2,
  maxRetryTime = 30_000,
}: RetryOptions): RetryPlan {
  return {
    retries,
    pauseMs: retry => Math.max(1, Math.min(Math.max(1, initialRetryTime) * multiplier ** (retry - 1), maxRetryTime)),
  }
}

/** What both configurations say about retries; the producer's goes first. */
export function mergeRetry({ retry: client }: KafkaConfig, { retry: producer }: ProducerConfig): RetryOptions {
  return { ...client, ...producer }
}

/**
 * Returns the options of the producer that does the work, but for compression and partitioner.
 *
 * @throws {KafkaJSNonRetriableError} for what kafkajs accepts and an idempotent producer cannot do, with what to change.
 */
export function producerOptions(client: KafkaConfig, config: ProducerConfig, logger: Logger): ProducerOptions {
  const { brokers, clientId = 'kafkajs', ssl, sasl, socketFactory } = client
  const { metadataMaxAge, allowAutoTopicCreation, maxInFlightRequests } = config
  return {
    brokers,
    clientId,
    logger: loggerFor(logger),
    maxRequestSize: MAX_REQUEST_SIZE,
    bufferMemory: BUFFER_MEMORY,
    ...times(client, mergeRetry(client, config)),
    ...(socketFactory === undefined ? ssl != null && { ssl } : { transport: socketTransport(socketFactory, ssl) }),
    ...(sasl != null && { sasl: saslOptions(sasl, logger) }),
    ...(metadataMaxAge != null && { metadataMaxAgeMs: metadataMaxAge }),
    ...(allowAutoTopicCreation != null && { allowAutoTopicCreation }),
    ...(maxInFlightRequests != null && { maxInFlight: inFlight(maxInFlightRequests) }),
  }
}

/** Returns what makes the producer transactional. */
export function transactionOptions({
  transactionalId,
  transactionTimeout,
}: ProducerConfig): Pick<ProducerOptions, 'transactionalId' | 'transactionTimeoutMs'> {
  if (transactionalId == null) return {}
  return { transactionalId, ...(transactionTimeout != null && { transactionTimeoutMs: transactionTimeout }) }
}

function inFlight(requests: number): number {
  if (Number.isInteger(requests) && requests >= 1 && requests <= 5) return requests
  throw new KafkaJSNonRetriableError(
    `maxInFlightRequests is ${requests}, but brokers remember five batches of an idempotent producer: set 1 to 5, or leave it out for 4`,
  )
}

type Times = Pick<
  ProducerOptions,
  'connectTimeoutMs' | 'requestTimeoutMs' | 'deliveryTimeoutMs' | 'retries' | 'retryBackoffMs' | 'retryBackoffMaxMs'
>

function times(
  { connectionTimeout, authenticationTimeout, requestTimeout, sasl }: KafkaConfig,
  retry: RetryOptions,
): Times {
  const { retries, initialRetryTime, maxRetryTime } = retry
  const first = initialRetryTime == null ? undefined : ms(initialRetryTime)
  const longest = maxRetryTime == null ? undefined : ms(maxRetryTime)
  const authenticating = sasl == null ? 0 : (authenticationTimeout ?? AUTHENTICATION_TIMEOUT)
  return {
    ...((connectionTimeout != null || authenticationTimeout != null) && {
      connectTimeoutMs: ms((connectionTimeout ?? CONNECTION_TIMEOUT) + authenticating),
    }),
    ...(requestTimeout != null && { requestTimeoutMs: ms(requestTimeout) }),
    ...(first !== undefined && { retryBackoffMs: first }),
    ...(longest !== undefined && { retryBackoffMaxMs: Math.max(longest, first ?? 1) }),
    ...(retries != null && { retries: atLeastOne(retries), deliveryTimeoutMs: deliveryTimeout(retry, requestTimeout) }),
  }
}

function atLeastOne(retries: number): number {
  if (retries >= 1) return ms(retries)
  throw new KafkaJSNonRetriableError(
    'Idempotent producer must allow retries to protect against transient errors, and this one is always idempotent:' +
      ` \`retry.retries\` is ${retries}; set 1 or more, or leave it out. A retry never stores a message twice`,
  )
}

/** As long as kafkajs would try if every attempt failed at once, and one request more. */
function deliveryTimeout(retry: RetryOptions, requestTimeout = REQUEST_TIMEOUT): number {
  const { retries, pauseMs } = retryPlan(retry)
  let total = requestTimeout
  let last = 0
  for (let retry = 1; retry <= retries; retry++) {
    const pause = pauseMs(retry)
    // It stays the same from here on, however many retries there are.
    if (pause === last) return ms(total + pause * (retries - retry + 1))
    total += pause
    last = pause
  }
  return ms(total)
}

/** A duration, or a number of retries, as the producer takes it. */
function ms(value: number): number {
  return Math.min(Math.max(1, Math.ceil(value)), MAX_INT32)
}

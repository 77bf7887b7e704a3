import {
  AuthenticationError,
  BootstrapError,
  BrokerError,
  BufferFullError,
  ConnectionError,
  DeliveryTimeoutError,
  ProducerClosedError,
  ProducerFencedError,
  RequestTimeoutError,
} from '../index.js'
import {
  KafkaJSConnectionError,
  KafkaJSError,
  KafkaJSNonRetriableError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
  KafkaJSRequestTimeoutError,
  KafkaJSSASLAuthenticationError,
} from './errors.js'
import { makeError } from './make-error.js'

/** Codes that Kafka has renamed since kafkajs. */
const KAFKAJS_NAMES: Readonly<Record<number, string>> = {
  [-1]: 'UNKNOWN',
  6: 'NOT_LEADER_FOR_PARTITION',
  14: 'GROUP_LOAD_IN_PROGRESS',
  15: 'GROUP_COORDINATOR_NOT_AVAILABLE',
  16: 'NOT_COORDINATOR_FOR_GROUP',
}

/** How often the producer tried, where it is known. */
export interface Attempts {
  readonly retryCount: number
  readonly retryTime: number
}

/**
 * Returns kafkajs's error for one of this library, which becomes its `cause`. Errors of kafkajs, and of others, stay as they are.
 *
 * @param attempts of what failed in the end, although trying again could have helped.
 */
export function translate(error: unknown, attempts?: Attempts): Error {
  if (!isOurs(error)) return error as Error
  const translated = translateOne(error, attempts)
  const passes = error instanceof ConnectionError || (error instanceof BrokerError && error.retriable)
  if (attempts === undefined || !passes) return translated
  return makeError(KafkaJSNumberOfRetriesExceeded, translated, translated, attempts)
}

function isOurs(error: unknown): error is Error {
  return error instanceof Error && !(error instanceof KafkaJSError)
}

function translateOne(error: Error, attempts: Attempts = { retryCount: 0, retryTime: 0 }): Error {
  const { message, cause } = error
  if (error instanceof BrokerError) return protocolError(error)
  if (error instanceof DeliveryTimeoutError) {
    const reason = cause === undefined ? error : translate(cause)
    return makeError(KafkaJSNumberOfRetriesExceeded, error, reason, attempts)
  }
  if (error instanceof ProducerFencedError) {
    if (cause instanceof BrokerError) return protocolError(cause, message)
    const type = { message, type: 'INVALID_PRODUCER_EPOCH', code: 47, retriable: false }
    return makeError(KafkaJSProtocolError, type, error)
  }
  if (error instanceof RequestTimeoutError) return makeError(KafkaJSRequestTimeoutError, message, error)
  if (error instanceof BootstrapError) {
    const [[broker, failure] = ['', error]] = error.failures
    return connectionError(message, error, failure, broker)
  }
  if (error instanceof ConnectionError) return connectionError(message, error, cause)
  if (error instanceof AuthenticationError) {
    // That of TLS is caused by an error of Node's.
    return systemCode(cause) === undefined
      ? makeError(KafkaJSSASLAuthenticationError, message, error)
      : connectionError(message, error, cause)
  }
  if (error instanceof ProducerClosedError) return makeError(KafkaJSError, 'The producer is disconnected', error)
  if (error instanceof BufferFullError) return makeError(KafkaJSError, message, error)
  return makeError(KafkaJSNonRetriableError, message, error)
}

function protocolError(error: BrokerError, message: string = error.message): Error {
  const { code, codeName, retriable } = error
  const type = { message, type: KAFKAJS_NAMES[code] ?? codeName, code, retriable }
  return makeError(KafkaJSProtocolError, type, error)
}

function connectionError(message: string, error: Error, reason: unknown, broker?: string): Error {
  const code = systemCode(reason)
  const details = { ...(broker !== undefined && { broker }), ...(code !== undefined && { code }) }
  return makeError(KafkaJSConnectionError, message, error, details)
}

/** Returns the code of the error of Node's, such as `ECONNREFUSED`, that is behind an error. */
function systemCode(error: unknown): string | undefined {
  const { code, cause, errors } = (error ?? {}) as { code?: unknown; cause?: unknown; errors?: unknown }
  if (typeof code === 'string') return code
  // Of a host with several addresses.
  const next = Array.isArray(errors) ? errors[0] : cause
  return next === undefined ? undefined : systemCode(next)
}

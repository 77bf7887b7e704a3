import { isError, toPlain } from './json.js'

/**
 * The base of every error of this library. `name` is the name of the class; `cause` is the reason. `JSON.stringify` writes both, with the
 * message and those of `code`, `codeName`, `retriable`, `persisted`, `topic` and `partition` that the error has.
 *
 * @example
 * producer.events$.subscribe(event => { if (event.kind === 'fatal' && event.error instanceof KafkaError) … })
 */
export class KafkaError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }

  /** What `JSON.stringify` writes: without this, it would omit the message. */
  toJSON(): unknown {
    return toPlain(this)
  }
}

/** An option or a call contradicts the documentation. Nothing was sent. */
export class InvalidArgumentError extends KafkaError {}

/** A record cannot be sent as it is: it has no topic, a value of the wrong type, too many bytes … */
export class InvalidRecordError extends KafkaError {}

/**
 * There is no buffer memory for the record: `bufferMemory` bytes wait for brokers, or its partition is stalled and such partitions hold
 * their full share.
 */
export class BufferFullError extends KafkaError {
  /** The topic of the refused record, if there is still memory for records of other partitions. */
  declare readonly topic?: string
  /** Its partition; -1 if the topic has no metadata yet. */
  declare readonly partition?: number

  constructor(message: string, options?: ErrorOptions & { readonly topic?: string; readonly partition?: number }) {
    super(message, options)
    const { topic, partition } = options ?? {}
    if (topic !== undefined && partition !== undefined) Object.assign(this, { topic, partition })
  }
}

/** The producer was closed, or ended by a fatal error, before this. */
export class ProducerClosedError extends KafkaError {}

/** `deliveryTimeoutMs` passed before a broker confirmed the record. */
export class DeliveryTimeoutError extends KafkaError {}

/**
 * A broker no longer knows what it confirmed: the log of a partition has lost acked records, or the broker has lost the producer's state.
 * A producer cannot bring them back; new records are written as before.
 */
export class DataLossError extends KafkaError {}

/**
 * The topic was deleted and recreated after the record was sent and before a broker confirmed it: it may be stored in the old topic or in
 * the new one. It is not sent again, because it could be stored twice. In the event `epochBumped`: the partition's topic was recreated.
 */
export class TopicRecreatedError extends KafkaError {}

/** Another producer has taken over this producer's identity, so brokers could not tell their records apart. Ends the producer. */
export class ProducerFencedError extends KafkaError {}

/**
 * A transaction was aborted: none of its records will be read by consumers that read committed records alone. `cause` says why. The next
 * transaction can begin.
 */
export class TransactionAbortedError extends KafkaError {
  constructor(cause: Error) {
    super(`the transaction was aborted: ${describe(cause)}`, { cause })
  }
}

/** A record or a call came after `commit()` or `abort()` of its transaction. In the `cause` of a {@link TransactionAbortedError}: it was aborted by the user. */
export class TransactionEndedError extends KafkaError {
  /** @param method that ended it. */
  constructor(method: 'commit' | 'abort', message?: string) {
    super(message ?? `${method}() of this transaction was called: begin another one with beginTransaction()`)
  }
}

/** Bytes that violate Kafka's protocol: truncated, with a false length, or not Kafka at all. */
export class MalformedMessageError extends KafkaError {}

/** A connection could not be made, or ended with unanswered requests. */
export class ConnectionError extends KafkaError {}

/**
 * Authentication failed: the broker refused the credentials or the mechanism of `sasl`, or one side does not trust the other's
 * certificate. Retrying with the same credentials cannot succeed, so it ends the producer.
 */
export class AuthenticationError extends KafkaError {}

/** A broker did not answer within `requestTimeoutMs`; its connection is closed, because later responses could not be matched. */
export class RequestTimeoutError extends ConnectionError {}

/** The producer closed a connection that had no request for `idleConnectionMs`: only in the event `disconnected`. The next request opens another. */
export class IdleConnectionError extends ConnectionError {}

/** A broker belongs to another cluster than the first one that answered, so nothing is sent to it. The message names both, with addresses. */
export class OtherClusterError extends ConnectionError {}

/** No address of `brokers` could be reached; the message says what happened at each. */
export class BootstrapError extends ConnectionError {
  /** What happened, by address. */
  readonly failures: ReadonlyMap<string, Error>

  constructor(failures: ReadonlyMap<string, Error>) {
    const lines = [...failures].map(([address, error]) => `  ${address}: ${describe(error)}`)
    super(`no broker of the bootstrap list could be reached (option \`brokers\`):\n${lines.join('\n')}`)
    this.failures = failures
  }
}

/** The broker does not support a version of a Kafka API that this library needs. */
export class UnsupportedVersionError extends KafkaError {}

/** A broker answered with an error code. */
export class BrokerError extends KafkaError {
  /** Kafka's number for it. */
  readonly code: number
  /** Kafka's name for it, such as `NOT_LEADER_OR_FOLLOWER`. */
  readonly codeName: string
  /** Whether Kafka says that the same request may succeed later. */
  readonly retriable: boolean

  constructor(info: { code: number; name: string; retriable: boolean; message: string }, detail?: string | null) {
    super(`${info.name} (${info.code}): ${info.message}${detail ? ` The broker says: ${printable(detail)}` : ''}`)
    this.code = info.code
    this.codeName = info.name
    this.retriable = info.retriable
  }
}

/** The most letters of foreign text in a message. */
const MAX_SHOWN = 1_000

/**
 * Formats text from the network for a message: escapes characters that move the cursor, end the line or reverse the text, and cuts it.
 */
export function printable(text: string): string {
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}… (${text.length} letters in all)` : text
  // Nearly all text is plain; the expression of the classes takes Node milliseconds to compile.
  return /^[\x20-\x7e]*$/.test(cut) ? cut : cut.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escaped)
}

function escaped(letter: string): string {
  const code = letter.codePointAt(0)!.toString(16)
  return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`
}

/**
 * Formats an error for use inside another one. Accepts anything, because anything can be thrown, and never throws. An AggregateError
 * without a message (several addresses of one host) is described by its errors.
 */
export function describe(error: unknown): string {
  return describeOnce(error, new Set())
}

/** Returns an error for whatever user code threw. */
export function toError(thrown: unknown): Error {
  return isError(thrown) ? thrown : new KafkaError(describe(thrown))
}

/** @param told aggregates that were described already: one can contain itself. */
function describeOnce(error: unknown, told: Set<unknown>): string {
  try {
    const { message, name, errors } = (error ?? {}) as { message?: unknown; name?: unknown; errors?: unknown }
    if (typeof message === 'string' && message !== '') return message
    if (!isError(error)) return String(error)
    if (Array.isArray(errors) && errors.length > 0 && !told.has(error)) {
      told.add(error)
      return errors.map(one => describeOnce(one, told)).join('; ')
    }
    return typeof name === 'string' && name !== '' ? name : 'an error without a message'
  } catch {
    return 'an error that cannot be read'
  }
}

/**
 * Makes an error without capturing its stack, which is most of the cost of an error: for errors that are values, one for each of many
 * records. `stack` is the name and the message alone.
 *
 * @example return withoutStack(() => new InvalidRecordError('this record was not sent: …'))
 */
export function withoutStack<E extends Error>(make: () => E): E {
  const limit = Error.stackTraceLimit
  try {
    // Where it was deleted no stack is captured, and to set it would bring it back.
    if (limit !== undefined) Error.stackTraceLimit = 0
  } catch {
    // Frozen, as by --frozen-intrinsics: an error with a stack is better than none.
    return make()
  }
  try {
    return make()
  } finally {
    if (limit !== undefined) Error.stackTraceLimit = limit
  }
}

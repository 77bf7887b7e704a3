import { isError, toPlain } from './json.js'

/**
 * The base of every error that this library makes. `name` is the class's own name; `cause` holds what led to it.
 * `JSON.stringify` gives both, with the message, and whichever of `code`, `codeName`, `retriable`, `persisted`, `topic` and `partition` it has.
 *
 * @example
 * producer.events$.subscribe(event => { if (event.kind === 'fatal' && event.error instanceof KafkaError) … })
 */
export class KafkaError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }

  /** What `JSON.stringify` takes in its place: of an error alone it would leave out the message. */
  toJSON(): unknown {
    return toPlain(this)
  }
}

/** An option, a record or a call that contradicts the documentation. Nothing was sent because of it. */
export class InvalidArgumentError extends KafkaError {}

/** A record that cannot be sent as it is: without a topic, with a value of the wrong type, too large … */
export class InvalidRecordError extends KafkaError {}

/**
 * The record found no place in the buffer: `bufferMemory` bytes are waiting for brokers, or its partition cannot send and holds as
 * much of the buffer as is left for others.
 */
export class BufferFullError extends KafkaError {
  /** The topic whose record had no place, where there is still room for records of others. */
  declare readonly topic?: string
  /** Its partition; -1 where nothing is known of the topic yet. */
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
 * A broker no longer knows what it confirmed earlier: the log of a partition has lost records that were acked, or the
 * broker has lost track of its producer. Nothing that a producer does can bring them back; new records are written as before.
 */
export class DataLossError extends KafkaError {}

/**
 * The topic was deleted and recreated, after the record was sent and before a broker confirmed it: it may have been stored in
 * the old topic, or in the new one. It is not sent again, for it could be stored twice. In the event `epochBumped`: the topic of
 * the partition was recreated.
 */
export class TopicRecreatedError extends KafkaError {}

/** Another producer has taken over this one's identity: what it would write could not be told apart. Ends the producer. */
export class ProducerFencedError extends KafkaError {}

/** Bytes that are not what Kafka's protocol prescribes: truncated, of a false length, or not Kafka at all. */
export class MalformedMessageError extends KafkaError {}

/** A connection that could not be made, or ended with requests unanswered. */
export class ConnectionError extends KafkaError {}

/**
 * One side of a connection does not accept who the other is: the broker refused the credentials or the mechanism of `sasl`,
 * or the certificate of either side is not trusted. Trying again would not help, so it ends the producer.
 */
export class AuthenticationError extends KafkaError {}

/** A broker did not answer within `requestTimeoutMs`; its connection is closed, for what it still sends can't be told apart. */
export class RequestTimeoutError extends ConnectionError {}

/** A broker is of another cluster than the first that answered: nothing is sent to it. The message names both, with addresses. */
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

/** The broker does not speak a version of a Kafka API that this library needs. */
export class UnsupportedVersionError extends KafkaError {}

/** An error code that a broker answered with. */
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

/** Letters of somebody else's text that are shown. */
const MAX_SHOWN = 1_000

/**
 * A text that a broker, or whatever answers in its place, has sent, for use in a message: what would move the cursor, end the
 * line or turn the text around is shown as an escape, and only so much of it.
 */
export function printable(text: string): string {
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}… (${text.length} letters in all)` : text
  return cut.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escaped)
}

function escaped(letter: string): string {
  const code = letter.codePointAt(0)!.toString(16)
  return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`
}

/**
 * The text of an error for use inside another one. Anything can be thrown, so it takes anything, and never throws itself. An
 * AggregateError without a message (several addresses of one host) is told by its errors.
 */
export function describe(error: unknown): string {
  return describeOnce(error, new Set())
}

/** @param told aggregates that were told already: one can hold itself. */
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
 * Makes an error without capturing its stack, which is most of what an error costs: for errors that are values, made for each
 * of many records, on the event loop of whoever sends bad ones. `stack` is then the name and the message alone.
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

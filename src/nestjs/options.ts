import { Logger as NestLogger } from '@nestjs/common'
import { createProducer, InvalidArgumentError, type Logger, type Producer, type ProducerOptions } from '../index.js'

/** The options of `createProducer()`, and how long a shutdown may take. */
export interface RxKafkaProducerOptions extends ProducerOptions {
  /**
   * How long the application's shutdown waits for acks, in ms; then records without one fail. Default: `deliveryTimeoutMs` bounds it. On
   * Kubernetes, choose less than what is left of `terminationGracePeriodSeconds` (30).
   */
  readonly closeTimeoutMs?: number
}

/** A class that gives a producer's options, for `useClass` and `useExisting`. */
export interface RxKafkaOptionsFactory {
  /** Returns the options, or a promise of them. */
  createRxKafkaOptions(): RxKafkaProducerOptions | Promise<RxKafkaProducerOptions>
}

/** A producer, and how to close it. */
export interface OwnedProducer {
  readonly producer: Producer
  close(): Promise<void>
}

/**
 * Creates a producer that logs with Nest's logger, unless the options have another one.
 *
 * @param context that its lines are logged with.
 *
 * @throws {InvalidArgumentError} when an option is unknown, out of range or contradicts another one.
 */
export function createOwnedProducer(options: RxKafkaProducerOptions, context: string): OwnedProducer {
  const { closeTimeoutMs, ...own } = options ?? {}
  if (closeTimeoutMs !== undefined && !(Number.isInteger(closeTimeoutMs) && closeTimeoutMs >= 0))
    throw new InvalidArgumentError(
      `\`closeTimeoutMs\` must be a whole number of ms, at least 0, but it is ${String(closeTimeoutMs)}`,
    )
  const producer = createProducer({ logger: nestLogger(context), ...own })
  const close = (): Promise<void> => producer.close(closeTimeoutMs === undefined ? {} : { timeoutMs: closeTimeoutMs })
  return { producer, close }
}

/** Nest's loggers take the sentence first, and print objects as lines of their own. The sentence has what an operator needs. */
function nestLogger(context: string): Logger {
  const nest = new NestLogger(context)
  return {
    debug: (_fields, message) => nest.debug(message),
    info: (_fields, message) => nest.log(message),
    warn: (_fields, message) => nest.warn(message),
    error: (_fields, message) => nest.error(message),
  }
}

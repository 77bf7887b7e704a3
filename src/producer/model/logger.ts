/**
 * Where the producer logs: an object of pino's shape. Each method is called with an object of plain fields and a sentence. `console` fits, too.
 *
 * @example createProducer({ brokers, logger: pino({ name: 'kafka' }) })
 */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

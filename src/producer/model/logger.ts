/**
 * Where the producer logs: an object of pino's shape. Each method is called with an object of plain fields and a sentence. `console` fits, too.
 *
 * @example createProducer({ brokers, logger: pino({ name: 'kafka' }) })
 */
export interface Logger {
  /** What repeats while something does not work, and what happens all the time. */
  debug(fields: object, message: string): void
  /** What works, or works again. */
  info(fields: object, message: string): void
  /** What does not work, and is tried again. */
  warn(fields: object, message: string): void
  /** What the producer cannot repair: lost records, or its own end. */
  error(fields: object, message: string): void
}

/**
 * Where a producer is in its life:
 *
 * - `starting`: no broker has given a producer id yet. Nothing was sent so far.
 * - `ready`: it sends what it accepts.
 * - `closing`: `close()` was called, and accepted records are still delivered.
 * - `closed`: every record has its ack, and every connection has ended.
 * - `failed`: a fatal error ended it. It accepts nothing more; only another producer can go on.
 */
export type ProducerState = 'starting' | 'ready' | 'closing' | 'closed' | 'failed'

/** How a producer is now: what liveness and readiness probes ask. Survives `JSON.stringify`. docs/health.md has examples. */
export interface ProducerHealth {
  /** Where the producer is in its life. */
  readonly state: ProducerState
  /** What ended the producer, where `state` is `failed`. */
  readonly error: Error | undefined
  /**
   * Brokers with an open connection for Produce requests. A `ready` producer may have none: it connects to a broker when it has records for
   * it, and closes connections that it did not use for `idleConnectionMs`.
   */
  readonly connectedBrokers: number
  /** Bytes of records without an ack. */
  readonly bufferUsedBytes: number
  /** The option `bufferMemory`. */
  readonly bufferTotalBytes: number
  /** How long ago the oldest record without an ack was accepted, in ms; 0: every record has its ack. At most about `deliveryTimeoutMs`. */
  readonly oldestRecordAgeMs: number
  /** Streams that wait for buffer memory; all waiting calls of `sendOne()` count as one. */
  readonly waitingSources: number
}

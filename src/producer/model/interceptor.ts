import type { Ack, ProducerRecord } from './record.js'

/**
 * Sees every record before it is sent, and its ack, as Java's `ProducerInterceptor` does (KIP-42). Its methods are user code on
 * the data path: they should be fast, and must be synchronous.
 *
 * @example
 * const source: Interceptor = {
 *   onSend: record => ({ ...record, headers: { ...record.headers, source: 'shop' } }),
 *   onAck: ack => counter.add(1, { kind: ack.kind }),
 * }
 */
export interface Interceptor {
  /**
   * Returns the record to send: the same one, or another, such as a copy with more headers. Called once for each record, in the order of
   * its source and before it has a partition; with several interceptors, each gets what the one before it returned. When it throws, or
   * returns no record, the record goes on as it was, and the event `interceptorFailed` says why.
   */
  onSend?(record: ProducerRecord): ProducerRecord
  /**
   * Called once for each record that `onSend` has seen, or that failed before, with its terminal event: acked or failed. `ack.record` is
   * what this interceptor's `onSend` returned. Called before the stream gets its own ack. What it throws is an `interceptorFailed` event.
   */
  onAck?(ack: Ack): void
  /** Called once, when the producer has closed or cannot go on: no record follows. */
  onClose?(): void
}

/** The methods of an interceptor. */
export type InterceptorMethod = keyof Interceptor

/** Reports what an interceptor threw, which may be anything. */
export type InterceptorFailed = (method: InterceptorMethod, error: unknown) => void

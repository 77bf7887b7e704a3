import { DeliveryTimeoutError, describe } from '../../errors.js'
import type { Batch, Outcome, ProduceResult } from '../model/batch.js'

/** What a transition of a partition leads to outside, kept until its state is whole. */
export class Decision {
  readonly settled: { readonly batch: Batch; readonly end: Outcome }[] = []
  readonly splits: { readonly batch: Batch; readonly parts: readonly Batch[] }[] = []
  epochBump: Error | undefined
  retry: { readonly failures: number; readonly error: Error } | undefined

  /** The batch is stored. */
  settle(batch: Batch): void {
    if (batch.settled) return // it expired, and was reported as possibly stored
    const verdict = batch.result as Extract<ProduceResult, { kind: 'stored' }>
    this.#add(batch, { kind: 'acked', baseOffset: verdict.baseOffset, logAppendTime: verdict.logAppendTime })
  }

  fail(batch: Batch, error: Error): void {
    this.#add(batch, { kind: 'failed', error, persisted: batch.unresolved ? 'maybe' : 'no' })
  }

  /**
   * The batch has had its time.
   *
   * @param obstacle what kept it from being sent, if anything did.
   */
  expire(batch: Batch, obstacle: Error | undefined): void {
    this.fail(batch, timeoutError(batch, obstacle))
  }

  split(batch: Batch, parts: readonly Batch[]): void {
    this.splits.push({ batch, parts })
  }

  #add(batch: Batch, end: Outcome): void {
    batch.settled = true
    this.settled.push({ batch, end })
  }
}

function timeoutError(batch: Batch, obstacle: Error | undefined): Error {
  const cause = batch.failure ?? obstacle
  const tried =
    batch.attempts === 0
      ? 'it was not sent'
      : `it was sent ${batch.attempts === 1 ? 'once' : `${batch.attempts} times`}`
  const last = cause === undefined ? '' : `; ${describe(cause)}`
  return new DeliveryTimeoutError(
    `partition ${batch.topic}-${batch.partition}: not confirmed within \`deliveryTimeoutMs\`; ${tried}${last}`,
    { cause },
  )
}

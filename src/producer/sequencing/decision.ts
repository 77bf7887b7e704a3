import { DeliveryTimeoutError, describe } from '../../errors.js'
import type { Batch } from '../model/batch.js'
import type { Outcome, ProduceResult } from '../model/outcome.js'
import type { SettledBatch } from '../model/settled-batch.js'

interface Retry {
  readonly failures: number
  readonly error: Error
  /** The partition has another leader. */
  readonly atOnce: boolean
}

/** What follows from something that happened to a partition. `resolver.ts` carries it out, in the order of these fields. */
export interface Decision {
  /** Batches that can't be stored as they are, with the parts that replace them. */
  readonly split: readonly { readonly batch: Batch; readonly parts: readonly Batch[] }[]
  /** Why the partition's sequences restart: in a new epoch, or with a producer id that has yet to arrive. */
  readonly epochBump: Error | undefined
  /** Batches are sent again after the back-off for this many failures in a row, or at once. */
  readonly retryAfter: Retry | undefined
  readonly settled: readonly SettledBatch[]
}

/** Collects a {@link Decision} while the partition changes its state. */
export class DecisionBuilder implements Decision {
  readonly split: { readonly batch: Batch; readonly parts: readonly Batch[] }[] = []
  epochBump: Error | undefined
  retryAfter: Retry | undefined
  readonly settled: SettledBatch[] = []

  /** Acks a stored batch, unless it expired before and was reported as possibly stored. */
  ack(batch: Batch): void {
    if (batch.settled) return
    const result = batch.result as Extract<ProduceResult, { kind: 'stored' }>
    const { baseOffset, logAppendTime, logStartOffset = -1n } = result
    this.#settle(batch, { kind: 'acked', baseOffset, logAppendTime, logStartOffset })
  }

  fail(batch: Batch, error: Error): void {
    this.#settle(batch, { kind: 'failed', error, persisted: batch.unresolved ? 'maybe' : 'no' })
  }

  /**
   * Fails a batch that reached `deliveryTimeoutMs`.
   *
   * @param obstacle what kept it from being sent, if anything did.
   */
  expire(batch: Batch, obstacle: Error | undefined): void {
    this.fail(batch, timeoutError(batch, obstacle))
  }

  replace(batch: Batch, parts: readonly Batch[]): void {
    this.split.push({ batch, parts })
  }

  #settle(batch: Batch, outcome: Outcome): void {
    batch.settled = true
    this.settled.push({ batch, outcome })
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

import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import { type Batch, NO_SEQUENCE } from './batch.js'

/** The largest sequence; 0 follows it (KIP-98). */
const MAX_SEQUENCE = 2147483647

/** The largest epoch of a producer id. */
const MAX_PRODUCER_EPOCH = 32767

/** The sequence that follows `count` records from `sequence` on. */
export function nextSequence(sequence: number, count: number): number {
  const next = sequence + count
  return next > MAX_SEQUENCE ? next - MAX_SEQUENCE - 1 : next
}

/** Numbers the records of one partition. Sequences are taken when a request is built: what never gets that far leaves no gap. */
export class Sequences {
  identity: ProducerIdAndEpoch | undefined
  next = 0
  /** Whether a batch has a sequence of this epoch. */
  used = false

  /** Gives a batch that has no sequence the next one; one that has keeps it, and its bytes. */
  stamp(batch: Batch): void {
    if (batch.baseSequence === NO_SEQUENCE) {
      if (this.identity === undefined) throw new Error('a batch was drawn before there was a producer id')
      batch.number(this.identity, this.next)
      this.next = nextSequence(this.next, batch.count)
      this.used = true
    }
    if (batch.bytes === undefined) batch.stamp()
  }

  /** The sequences from here on were given back. */
  rewindTo(sequence: number): void {
    this.next = sequence
  }

  /**
   * Starts anew at sequence 0, in the next epoch (KIP-360: an idempotent producer counts its epochs by itself; brokers keep
   * them per partition, so no other partition is touched). Without an epoch left it needs a new producer id: the identity
   * is undefined then.
   */
  bump(): void {
    const { identity } = this
    this.next = 0
    this.used = false
    if (identity === undefined) return
    this.identity =
      identity.producerEpoch < MAX_PRODUCER_EPOCH
        ? { producerId: identity.producerId, producerEpoch: identity.producerEpoch + 1 }
        : undefined
  }

  /** Starts anew at sequence 0 with another producer id, which is still to come. */
  renew(): void {
    this.next = 0
    this.used = false
    this.identity = undefined
  }
}

import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'

/** The largest sequence; 0 follows it (KIP-98). */
const MAX_SEQUENCE = 2147483647

/** The largest epoch of a producer id. */
const MAX_PRODUCER_EPOCH = 32767

/** Returns the sequence that follows `count` records from `sequence` on. */
export function nextSequence(sequence: number, count: number): number {
  const next = sequence + count
  return next > MAX_SEQUENCE ? next - MAX_SEQUENCE - 1 : next
}

/** The producer identity and the next sequence of one partition. */
export class Sequences {
  /** Undefined: the partition waits for a producer id. */
  identity: ProducerIdAndEpoch | undefined
  next = 0
  /** Whether a batch has a sequence of this epoch. */
  used = false

  /** Returns the base sequence of `count` records. */
  take(count: number): number {
    const baseSequence = this.next
    this.next = nextSequence(baseSequence, count)
    this.used = true
    return baseSequence
  }

  /** Gives back every sequence from `sequence` on. */
  rewindTo(sequence: number): void {
    this.next = sequence
  }

  /**
   * Restarts at sequence 0 in the next epoch. KIP-360: an idempotent producer counts its epochs itself, and brokers keep them per
   * partition, so no other partition is affected. After the last epoch, `identity` is undefined until a new producer id arrives; so it is
   * with transactions, whose epochs the coordinator counts.
   */
  bump(): void {
    const { identity } = this
    this.renew()
    if (identity === undefined || identity.transactional || identity.producerEpoch === MAX_PRODUCER_EPOCH) return
    this.identity = { producerId: identity.producerId, producerEpoch: identity.producerEpoch + 1 }
  }

  /** Continues with this identity; at sequence 0 if it is another one. */
  adopt(identity: ProducerIdAndEpoch): void {
    if (identity === this.identity) return
    this.renew()
    this.identity = identity
  }

  /** Restarts at sequence 0 with another producer id, which has yet to arrive. */
  renew(): void {
    this.next = 0
    this.used = false
    this.identity = undefined
  }
}

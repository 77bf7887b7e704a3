import type { Outcome } from './outcome.js'

/**
 * The transaction that records belong to, as batching, recovery and acks see it. A batch holds records of one transaction, and is sent only
 * while its partition is part of it.
 */
export class TransactionScope {
  /**
   * Whether its partitions are added by requests to the coordinator, not by the records themselves: so it is where transaction.version is
   * below 2 (KIP-890).
   */
  addsPartitions = false
  /** Records that are acked. */
  acked = 0
  /** Whether a batch of it was sent. */
  sent = false
  /** Why it accepts no more records. */
  closed: Error | undefined
  /** Why its batches are not sent any more: it is being aborted, or the producer ends. What is not in flight fails with this error. */
  dropped: Error | undefined
  /** Its place among the transactions of the producer, which run one after the other. */
  readonly turn: number
  readonly #failed: (error: Error) => void

  /** @param failed called for every record that fails: a transaction is stored whole, or not at all. */
  constructor(turn: number, failed: (error: Error) => void) {
    this.turn = turn
    this.#failed = failed
  }

  /** So many of its records have this outcome. */
  settled(count: number, outcome: Outcome): void {
    if (outcome.kind === 'acked') {
      this.acked += count
      return
    }
    this.#failed(outcome.error)
  }

  /** A record of it was refused before it was part of a batch. */
  refused(error: Error): void {
    this.#failed(error)
  }
}

import type { SchedulerLike } from 'rxjs'

/** For how long Kafka waits before it asks the coordinator again (`add.partitions.to.txn.retry.backoff.ms`). */
const BROKER_BACKOFF_MS = 20

/** A coordinator further away than this has completed a transaction before the next request arrives; to ask costs more than it saves. */
const NEAR_MS = 5

/**
 * When the coordinator was told the end of the last transaction. It answers before the markers are written, and completes the transaction a few
 * round trips between brokers later.
 */
export class Completion {
  readonly #scheduler: SchedulerLike
  #answeredAt = Number.NEGATIVE_INFINITY
  #fastestMs = Number.POSITIVE_INFINITY

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler
  }

  /** Notes when EndTxn is answered, and passes the answer on. */
  async told<T>(end: Promise<T>): Promise<T> {
    const sentAt = this.#scheduler.now()
    const answer = await end
    this.#answeredAt = this.#scheduler.now()
    this.#fastestMs = Math.min(this.#fastestMs, this.#answeredAt - sentAt)
    return answer
  }

  /** Whether it is worth asking: the coordinator may not be done, and asking takes less time than a broker waits for it. */
  get isWorthAsking(): boolean {
    return this.#fastestMs < NEAR_MS && this.#scheduler.now() - this.#answeredAt < BROKER_BACKOFF_MS
  }
}

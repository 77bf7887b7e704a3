import { type SchedulerLike, Subscription } from 'rxjs'

interface IdleOptions {
  readonly scheduler: SchedulerLike
  readonly idleConnectionMs: number
}

/** Tells when a connection has had no request for `idleConnectionMs`; never if that is 0. One timer, which a request does not touch. */
export class IdleLimit {
  readonly #options: IdleOptions
  readonly #isOwed: () => boolean
  readonly #reached: () => void
  #timer: Subscription = Subscription.EMPTY
  #usedAt = 0

  /**
   * @param isOwed whether a request is unanswered: then the connection is not idle.
   * @param reached called once.
   */
  constructor(options: IdleOptions, isOwed: () => boolean, reached: () => void) {
    this.#options = options
    this.#isOwed = isOwed
    this.#reached = reached
  }

  /** Begins to count, if it has not yet. */
  start(): void {
    const { idleConnectionMs, scheduler } = this.#options
    if (idleConnectionMs === 0 || !this.#timer.closed) return
    this.#usedAt = scheduler.now()
    this.#watch(idleConnectionMs)
  }

  /** A request was sent or answered. */
  used(now: number): void {
    this.#usedAt = now
  }

  stop(): void {
    this.#timer.unsubscribe()
  }

  #watch(afterMs: number): void {
    const { idleConnectionMs, scheduler } = this.#options
    this.#timer = scheduler.schedule(() => {
      const left = this.#isOwed() ? idleConnectionMs : this.#usedAt + idleConnectionMs - scheduler.now()
      if (left > 0) this.#watch(left)
      else this.#reached()
    }, afterMs)
  }
}

import type { SchedulerLike, Subscription } from 'rxjs'

/** A timer that is late by more tells of an event loop that was blocked. */
const LATE_MS = 10

/** Bounds how long a connection may take to be made, handshake included. */
export class HandshakeLimit {
  readonly #scheduler: SchedulerLike
  readonly #limitMs: number
  readonly #over: () => void
  #timer: Subscription
  #due: number
  #wasBlocked = false

  /** @param over called when the time is over. */
  constructor(scheduler: SchedulerLike, limitMs: number, over: () => void) {
    this.#scheduler = scheduler
    this.#limitMs = limitMs
    this.#over = over
    this.#due = scheduler.now() + limitMs
    this.#timer = this.#watch()
  }

  /** The broker reads nothing for so long (KIP-219). */
  extend(ms: number): void {
    this.#due += ms
  }

  stop(): void {
    this.#timer.unsubscribe()
  }

  #watch(): Subscription {
    return this.#scheduler.schedule(() => this.#fired(), this.#due - this.#scheduler.now())
  }

  #fired(): void {
    const now = this.#scheduler.now()
    if (!this.#wasBlocked && now > this.#due + LATE_MS) {
      // The handshake could not be gone on with: it gets its time again, once.
      this.#wasBlocked = true
      this.#due = now + this.#limitMs
    }
    if (now < this.#due) this.#timer = this.#watch()
    else this.#over()
  }
}

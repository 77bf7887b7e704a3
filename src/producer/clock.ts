import type { SchedulerLike } from 'rxjs'

/**
 * The scheduler's time, read once for all records that come in one go: to read the system's clock for every record costs
 * as much as to copy it. For timestamps only: virtual time may move on while this stands still.
 */
export class Clock {
  readonly #scheduler: SchedulerLike
  #now = -1

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler
  }

  now(): number {
    if (this.#now < 0) {
      this.#now = this.#scheduler.now()
      queueMicrotask(this.#stale)
    }
    return this.#now
  }

  readonly #stale = (): void => {
    this.#now = -1
  }
}

import type { SchedulerLike } from 'rxjs'
import { processScheduler } from './process-scheduler.js'

/**
 * What records are stamped with: the system's time, or that of a scheduler of the user's own, such as virtual time. Read once
 * for all records that come in one go: to read the system's clock for every record costs as much as to copy it. For
 * timestamps only, which are whole milliseconds: the system's clock may be set, and virtual time may move on while this stands still.
 */
export class Clock {
  readonly #read: () => number
  #now = -1

  constructor(scheduler: SchedulerLike) {
    this.#read = scheduler === processScheduler ? () => Date.now() : () => Math.floor(scheduler.now())
  }

  now(): number {
    if (this.#now < 0) {
      this.#now = this.#read()
      queueMicrotask(this.#stale)
    }
    return this.#now
  }

  readonly #stale = (): void => {
    this.#now = -1
  }
}

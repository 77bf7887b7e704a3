import type { SchedulerLike } from 'rxjs'
import { processScheduler } from './process-scheduler.js'

/**
 * The clock for record timestamps: the system's time, or that of the user's own scheduler, such as virtual time. Read once for all records
 * that are sent in one go: reading the system's clock for every record costs as much as copying the record. Only for timestamps, in whole
 * ms: the system's clock may be set, and virtual time may advance while this clock stands still.
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

import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs'

/**
 * The process's timers and a clock of their own, as RxJS's `asyncScheduler`, but for two things:
 *
 * - `now()` is monotonic: it counts whole ms from the start of the process. The system's clock may be set back or forward at
 *   any time, by NTP or when a virtual machine resumes; no deadline may move with it.
 * - Timers do not keep a process alive: whether a producer does is for its records to say ({@link ProcessHold}).
 */
export const processScheduler: SchedulerLike = {
  now: () => Math.floor(performance.now()),
  schedule<T>(work: (this: SchedulerAction<T>, state: T) => void, delay?: number, state?: T): Subscription {
    return new Action<T>(work as (state?: T) => void).schedule(state, delay)
  },
}

class Action<T> extends Subscription implements SchedulerAction<T> {
  readonly #work: (this: SchedulerAction<T>, state?: T) => void
  #timer: NodeJS.Timeout | undefined

  constructor(work: (this: SchedulerAction<T>, state?: T) => void) {
    super()
    this.#work = work
  }

  schedule(state?: T, delay = 0): Subscription {
    if (this.closed) return this
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#work.call(this, state)
      // The work may have scheduled itself again.
      if (this.#timer === undefined) this.unsubscribe()
    }, delay).unref()
    return this
  }

  override unsubscribe(): void {
    clearTimeout(this.#timer)
    super.unsubscribe()
  }
}

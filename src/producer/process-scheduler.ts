import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs'
import { bounded } from '../bounded-scheduler.js'

/**
 * Time as it is, as RxJS's `asyncScheduler` has it, but its timers do not keep a process alive: whether a producer does is
 * for its records to say ({@link ProcessHold}).
 */
export const processScheduler: SchedulerLike = bounded({
  now: () => Date.now(),
  schedule<T>(work: (this: SchedulerAction<T>, state: T) => void, delay?: number, state?: T): Subscription {
    return new Action<T>(work as (state?: T) => void).schedule(state, delay)
  },
})

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

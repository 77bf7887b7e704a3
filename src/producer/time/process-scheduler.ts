import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs'
import { bounded } from '../../bounded-scheduler.js'

/**
 * The timers of the process with a clock of their own. Differs from RxJS's `asyncScheduler` in three ways:
 *
 * - `now()` is monotonic: it counts whole ms from the start of the process. The system's clock may be set back or forward at
 *   any time, by NTP or when a virtual machine resumes, and no deadline may move with it.
 * - Work runs after sockets have been read. A blocked event loop runs timers first, so a timeout would fire before a response that
 *   arrived long ago is read.
 * - Timers do not keep a process alive: only unacked records do ({@link ProcessHold}).
 */
export const processScheduler: SchedulerLike = bounded({
  now: () => Math.floor(performance.now()),
  schedule<T>(work: (this: SchedulerAction<T>, state: T) => void, delay?: number, state?: T): Subscription {
    return new Action<T>(work as (state?: T) => void).schedule(state, delay)
  },
})

class Action<T> extends Subscription implements SchedulerAction<T> {
  readonly #work: (this: SchedulerAction<T>, state?: T) => void
  #timer: NodeJS.Timeout | undefined
  #turn: NodeJS.Immediate | undefined

  constructor(work: (this: SchedulerAction<T>, state?: T) => void) {
    super()
    this.#work = work
  }

  schedule(state?: T, delay = 0): Subscription {
    if (this.closed) return this
    this.#cancel()
    this.#timer = setTimeout(() => {
      // The event loop reads sockets between its timers and its immediates.
      this.#turn = setImmediate(() => this.#run(state))
    }, delay).unref()
    return this
  }

  override unsubscribe(): void {
    this.#cancel()
    super.unsubscribe()
  }

  #run(state?: T): void {
    this.#timer = undefined
    this.#work.call(this, state)
    // The work may have scheduled itself again.
    if (this.#timer === undefined) this.unsubscribe()
  }

  #cancel(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#turn)
  }
}

import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs'
import { bounded } from '../../bounded-scheduler.js'

/**
 * The process's timers and a clock of their own, as RxJS's `asyncScheduler`, but for three things:
 *
 * - `now()` is monotonic: it counts whole ms from the start of the process. The system's clock may be set back or forward at
 *   any time, by NTP or when a virtual machine resumes; no deadline may move with it.
 * - Work runs after sockets have been read. An event loop that was blocked runs timers first, so that a timeout would be
 *   judged before the answer that has long been there is looked at.
 * - Timers do not keep a process alive: whether a producer does is for its records to say ({@link ProcessHold}).
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

import type { SchedulerAction, SchedulerLike, Subscription } from 'rxjs'

/** The longest that a timer of Node can run, in ms: 24.8 days. It fires a longer one at once, and would do so again and again. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * The scheduler, with no timer longer than Node's longest. Options and answers may hold durations of up to {@link MAX_TIMER_MS},
 * and what is scheduled is often a sum of them, or more than one by its jitter. A timer that is cut short fires early, after
 * 24.8 days: whoever waits for a deadline looks at the clock then, and waits on.
 */
export function bounded(scheduler: SchedulerLike): SchedulerLike {
  return {
    now: () => scheduler.now(),
    schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delayMs = 0, state?: T): Subscription {
      return scheduler.schedule(work, Math.min(delayMs, MAX_TIMER_MS), state)
    },
  }
}

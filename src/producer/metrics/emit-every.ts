import { interval, map, Observable, type SchedulerLike, Subscription } from 'rxjs'

/**
 * Emits what `read` returns at each interval. Has a timer only while it is subscribed to.
 *
 * @param life completes the Observable when it is unsubscribed.
 */
export function emitEvery<T>(
  intervalMs: number,
  scheduler: SchedulerLike,
  life: Subscription,
  read: () => T,
): Observable<T> {
  return new Observable(subscriber => {
    const end = new Subscription(() => subscriber.complete())
    // Called at once if the life is over.
    life.add(end)
    subscriber.add(() => life.remove(end))
    subscriber.add(interval(intervalMs, scheduler).pipe(map(read)).subscribe(subscriber))
  })
}

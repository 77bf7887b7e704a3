import { Observable, Subject } from 'rxjs'

/**
 * The slots of one broker's in-flight window. A request is drained only while a slot is free, so `mergeMap`'s own queue stays empty: a
 * request that waited there could not accept more records, and could not be taken back.
 */
export class Slots {
  readonly #freed = new Subject<void>()
  readonly #count: number
  #free: number

  constructor(count: number) {
    this.#count = count
    this.#free = count
  }

  get free(): number {
    return this.#free
  }

  get inUse(): number {
    return this.#count - this.#free
  }

  /** Emits when a slot becomes free. */
  get freed$(): Observable<void> {
    return this.#freed
  }

  take(): void {
    this.#free--
  }

  /**
   * Frees the slot when `attempt` has completed *and* its subscriber knows. `finalize` would be too early: it runs before `mergeMap`
   * has counted the attempt as done, and the next request would land in `mergeMap`'s queue.
   */
  hold<T>(attempt: Observable<T>): Observable<T> {
    return new Observable(subscriber =>
      attempt.subscribe({
        next: value => subscriber.next(value),
        error: error => subscriber.error(error),
        complete: () => {
          subscriber.complete()
          this.#free++
          this.#freed.next()
        },
      }),
    )
  }
}

import { Observable, type OperatorFunction, Subject } from 'rxjs'

/**
 * The permits of one broker's window. A request is drawn only with a permit in hand, so that `mergeMap` never has to
 * keep one back: what it would queue could fill no further, and could not be taken back.
 */
export class Slots {
  readonly #released = new Subject<void>()
  readonly #count: number
  #free: number

  constructor(count: number) {
    this.#count = count
    this.#free = count
  }

  get free(): number {
    return this.#free
  }

  get taken(): number {
    return this.#count - this.#free
  }

  /** Emits when a permit has come back. */
  get freed$(): Observable<void> {
    return this.#released
  }

  take(): void {
    this.#free--
  }

  /**
   * Gives the permit back once `attempt` has completed *and* whoever subscribed to it knows that. `finalize` would be too
   * early: it runs before `mergeMap` has counted the attempt as done, and the next request would land in its queue.
   */
  hold<T>(attempt: Observable<T>): Observable<T> {
    return new Observable(subscriber =>
      attempt.subscribe({
        next: value => subscriber.next(value),
        error: error => subscriber.error(error),
        complete: () => {
          subscriber.complete()
          this.#free++
          this.#released.next()
        },
      }),
    )
  }
}

/**
 * For every wake-up: draws requests for as long as there is a free permit and something to draw. It is not entered twice:
 * an attempt that ends while it is being made leads to one more round, not to a deeper call.
 *
 * @param draw the next request, or undefined when there is nothing to send.
 */
export function drain<R>(permits: Slots, draw: () => R | undefined): OperatorFunction<void, R> {
  return wake$ =>
    new Observable(subscriber => {
      let drawing = false
      let again = false
      return wake$.subscribe({
        next: () => {
          again = true
          if (drawing) return
          drawing = true
          while (again) {
            again = false
            while (permits.free > 0) {
              const request = draw()
              if (request === undefined) break
              permits.take()
              subscriber.next(request)
            }
          }
          drawing = false
        },
        error: error => subscriber.error(error),
        complete: () => subscriber.complete(),
      })
    })
}

/**
 * Outcomes in the order in which their requests were issued, numbered from 0. `mergeMap` emits them as they complete; one
 * that is early waits here for those before it.
 */
export function inSendOrder<O extends { readonly sendIndex: number }>(): OperatorFunction<O, O> {
  return outcomes$ =>
    new Observable(subscriber => {
      const early = new Map<number, O>()
      let next = 0
      return outcomes$.subscribe({
        next: outcome => {
          early.set(outcome.sendIndex, outcome)
          for (let due = early.get(next); due !== undefined; due = early.get(next)) {
            early.delete(next++)
            subscriber.next(due)
          }
        },
        error: error => subscriber.error(error),
        complete: () => subscriber.complete(),
      })
    })
}

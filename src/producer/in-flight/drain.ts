import { Observable, type OperatorFunction } from 'rxjs'
import type { Slots } from './slots.js'

/**
 * On every wake-up, emits requests while a slot is free and there is something to send. Not re-entrant: an attempt that ends while it
 * is being made causes one more round instead of a nested call.
 *
 * @param next returns the next request, or undefined when there is nothing to send.
 */
export function drain<R>(slots: Slots, next: () => R | undefined): OperatorFunction<void, R> {
  return wake$ =>
    new Observable(subscriber => {
      let draining = false
      let again = false
      return wake$.subscribe({
        next: () => {
          again = true
          if (draining) return
          draining = true
          while (again) {
            again = false
            while (slots.free > 0) {
              const request = next()
              if (request === undefined) break
              slots.take()
              subscriber.next(request)
            }
          }
          draining = false
        },
        error: error => subscriber.error(error),
        complete: () => subscriber.complete(),
      })
    })
}

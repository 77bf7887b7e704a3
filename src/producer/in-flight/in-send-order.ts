import { Observable, type OperatorFunction } from 'rxjs'

/**
 * Emits results in the order in which their requests were sent, by `sendIndex` from 0. `mergeMap` emits them as they complete; a
 * result that arrives early is kept until those before it have been emitted.
 */
export function inSendOrder<R extends { readonly sendIndex: number }>(): OperatorFunction<R, R> {
  return results$ =>
    new Observable(subscriber => {
      const early = new Map<number, R>()
      let next = 0
      return results$.subscribe({
        next: result => {
          early.set(result.sendIndex, result)
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

import { from, Observable, type ObservableInput, type Subscriber } from 'rxjs'

/** How far a source may be read. */
export interface Credit {
  /** Whether one more value may be taken. */
  readonly hasRoom: boolean
  /** Emits when that may have changed. */
  readonly released$: Observable<void>
  /** A source waits for room: what is held back to fill up should go. */
  hurry(): void
}

/** After so many values an iterable is left for a moment, so that a long one does not keep sockets from being served. */
const BURST = 1024

/**
 * The values of a source, which is asked for the next one only while there is room. An Observable can't be asked; it is
 * passed on as it is. Unsubscribing leaves the source's loop, which closes an iterator and destroys a Readable.
 */
export function pull<T>(source: ObservableInput<T>, credit: Credit): Observable<T> {
  if (Symbol.asyncIterator in source)
    return reading(subscriber => readAsync(source as AsyncIterable<T>, credit, subscriber))
  if (Symbol.iterator in source) return reading(subscriber => readSync(source as Iterable<T>, credit, subscriber))
  return from(source)
}

function reading<T>(read: (subscriber: Subscriber<T>) => Promise<void>): Observable<T> {
  return new Observable(subscriber => {
    read(subscriber).then(
      () => subscriber.complete(),
      error => subscriber.error(error),
    )
  })
}

async function readSync<T>(source: Iterable<T>, credit: Credit, subscriber: Subscriber<T>): Promise<void> {
  if (!credit.hasRoom) await room(credit, subscriber)
  let taken = 0
  for (const value of source) {
    if (subscriber.closed) return
    subscriber.next(value)
    if (!credit.hasRoom) await room(credit, subscriber)
    else if (++taken % BURST === 0) await new Promise(resolve => setImmediate(resolve))
  }
}

async function readAsync<T>(source: AsyncIterable<T>, credit: Credit, subscriber: Subscriber<T>): Promise<void> {
  if (!credit.hasRoom) await room(credit, subscriber)
  for await (const value of source) {
    if (subscriber.closed) return
    subscriber.next(value)
    if (!credit.hasRoom) await room(credit, subscriber)
  }
}

/** Resolves when there is room, or nobody wants the values any more. */
function room(credit: Credit, subscriber: Subscriber<unknown>): Promise<void> {
  credit.hurry()
  return new Promise(resolve => {
    const waiting = credit.released$.subscribe({
      next: () => {
        if (!credit.hasRoom) return
        waiting.unsubscribe()
        resolve()
      },
      complete: () => resolve(),
    })
    subscriber.add(() => {
      waiting.unsubscribe()
      resolve()
    })
  })
}

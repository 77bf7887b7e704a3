import { Subscription } from 'rxjs'
import type { BatchAck } from '../model/batch-ack.js'
import type { Ack } from '../model/record.js'
import { onAbort } from '../time/signal.js'
import { type FailureOptions, failuresTo } from './failures.js'
import { type Chunk, feed } from './feed.js'
import type { Intake } from './intake.js'
import type { Open } from './writable.js'

/**
 * Returns a WritableStream for `pipeTo()`. Its `close()` resolves when brokers have confirmed every record.
 *
 * @param open opens the intake.
 */
export function webWritable<I, M>(
  open: Open<I, BatchAck<M>>,
  onFailed: FailureOptions<M>['onFailed'],
): WritableStream<Chunk<I>> {
  const way = new WebIntake(open)
  let fail!: (error: unknown) => void
  return new WritableStream<Chunk<I>>({
    start(controller) {
      fail = error => {
        way.leave(error)
        controller.error(error)
      }
      onAbort(signalOf(controller), reason => way.leave(reason))
      way.start(failuresTo<M>(onFailed, fail), fail)
    },
    write: chunk => way.write(chunk, fail),
    close: () => way.close(),
  })
}

/** The pair of streams that a web stream of records is piped through. */
export interface WebTransform<I, M> {
  readonly writable: WritableStream<Chunk<I>>
  readonly readable: ReadableStream<Ack<M>>
}

/** Returns a pair for `pipeThrough()`: records in, acks out. A reader that stops reading acks stops the intake. */
export function webTransform<I, M>(open: Open<I, Ack<M>>): WebTransform<I, M> {
  const way = new WebIntake(open)
  let acks!: ReadableStreamDefaultController<Ack<M>>
  /** Acks that wait for the reader. */
  let read: () => void = () => {}
  const readable = new ReadableStream<Ack<M>>({
    start(controller) {
      acks = controller
    },
    pull: () => read(),
    cancel: reason => fail(reason),
  })
  let fail!: (error: unknown) => void
  const writable = new WritableStream<Chunk<I>>({
    start(controller) {
      fail = error => {
        way.leave(error)
        controller.error(error)
        // The reader gets every ack before the end.
        if (acks.desiredSize! > 0) acks.error(error)
        else read = () => acks.error(error)
      }
      onAbort(signalOf(controller), reason => {
        way.leave(reason)
        acks.error(reason)
      })
      way.start(ack => acks.enqueue(ack), fail)
    },
    async write(chunk) {
      await way.write(chunk, error => way.end(error))
      if (acks.desiredSize! <= 0) {
        await way.wait(resolve => {
          read = resolve
        })
      }
    },
    async close() {
      await way.close()
      acks.close()
    },
  })
  return { writable, readable }
}

/** Tells of an abort at once: the sink's own `abort()` waits until the write that is under way has ended. */
function signalOf(controller: WritableStreamDefaultController): AbortSignal {
  // Node has it since version 18; the types of version 20 do not.
  return (controller as WritableStreamDefaultController & { readonly signal: AbortSignal }).signal
}

/** An intake as web streams want it: with promises. */
class WebIntake<I, A> {
  readonly #open: Open<I, A>
  #intake: Intake<I> | undefined
  #acks = Subscription.EMPTY
  /** The end of what waits: a stream writes one by one, and closes after that. */
  #reject: (error: unknown) => void = () => {}
  #left: { readonly reason: unknown } | undefined
  #finish: (() => void) | undefined

  constructor(open: Open<I, A>) {
    this.#open = open
  }

  start(acked: (ack: A) => void, failed: (error: unknown) => void): void {
    this.#acks = this.#open(intake => {
      this.#intake = intake
      return undefined
    }).subscribe({
      next: acked,
      error: failed,
      complete: () => this.#finish!(),
    })
  }

  /**
   * Resolves when there is room for more.
   *
   * @param blocked told why there will be none.
   */
  write(chunk: Chunk<I>, blocked: (error: Error) => void): Promise<void> {
    return this.wait(resolve => feed(this.#intake!, chunk, error => (error === undefined ? resolve() : blocked(error))))
  }

  /** Takes no more, and fails when nothing is owed any more. */
  end(error: Error): void {
    this.#intake!.error(error)
  }

  /** Resolves when every record has its end. */
  close(): Promise<void> {
    return this.wait(resolve => {
      this.#finish = resolve
      this.#intake!.complete()
    })
  }

  /** A promise that is rejected when it is left. */
  wait(start: (resolve: () => void) => void): Promise<void> {
    if (this.#left !== undefined) return Promise.reject(this.#left.reason)
    return new Promise((resolve, reject) => {
      this.#reject = reject
      start(resolve)
    })
  }

  /** Takes no more, and wants no more acks; what was accepted is delivered all the same. Whatever waits fails for this reason. */
  leave(reason: unknown): void {
    this.#left ??= { reason }
    this.#acks.unsubscribe()
    this.#reject(reason)
  }
}

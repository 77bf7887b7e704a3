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
  const stream = new WebIntake(open)
  let fail!: (error: unknown) => void
  return new WritableStream<Chunk<I>>({
    start(controller) {
      fail = error => {
        stream.leave(error)
        controller.error(error)
      }
      onAbort(signalOf(controller), reason => stream.leave(reason))
      stream.start(failuresTo<M>(onFailed, fail), fail)
    },
    write: chunk => stream.write(chunk, fail),
    close: () => stream.close(),
  })
}

/** A pair of streams for `pipeThrough()`: records go into `writable`, acks come out of `readable`. */
export interface WebTransform<I, M> {
  /** Takes records, single or in arrays. */
  readonly writable: WritableStream<Chunk<I>>
  /** Gives one ack for each record. */
  readonly readable: ReadableStream<Ack<M>>
}

/** Returns a pair for `pipeThrough()`: records in, acks out. A reader that stops reading acks stops the intake. */
export function webTransform<I, M>(open: Open<I, Ack<M>>): WebTransform<I, M> {
  const stream = new WebIntake(open)
  let acks!: ReadableStreamDefaultController<Ack<M>>
  /** Continues what waits for the reader: a write, or the error after the last ack. */
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
        stream.leave(error)
        controller.error(error)
        // The reader gets every ack before the end.
        if (acks.desiredSize! > 0) acks.error(error)
        else read = () => acks.error(error)
      }
      onAbort(signalOf(controller), reason => {
        stream.leave(reason)
        acks.error(reason)
      })
      stream.start(ack => acks.enqueue(ack), fail)
    },
    async write(chunk) {
      await stream.write(chunk, error => stream.end(error))
      if (acks.desiredSize! <= 0) {
        await stream.wait(resolve => {
          read = resolve
        })
      }
    },
    async close() {
      await stream.close()
      acks.close()
    },
  })
  return { writable, readable }
}

/** Returns the controller's signal, which aborts at once; the sink's own `abort()` waits for the write in progress. */
function signalOf(controller: WritableStreamDefaultController): AbortSignal {
  // Node has it since version 18; the types of version 20 do not.
  return (controller as WritableStreamDefaultController & { readonly signal: AbortSignal }).signal
}

/** Promises around an intake, as a web stream's underlying sink needs them. */
class WebIntake<I, A> {
  readonly #open: Open<I, A>
  #intake: Intake<I> | undefined
  #acks = Subscription.EMPTY
  /** Rejects the one pending promise: a stream writes chunks one by one, then closes. */
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
   * Feeds the chunk, and resolves when there is buffer memory for more.
   *
   * @param blocked called with the reason why there will be none.
   */
  write(chunk: Chunk<I>, blocked: (error: Error) => void): Promise<void> {
    return this.wait(resolve => feed(this.#intake!, chunk, error => (error === undefined ? resolve() : blocked(error))))
  }

  /** Stops the intake; the stream errors when no more acks are owed. */
  end(error: Error): void {
    this.#intake!.error(error)
  }

  /** Ends the intake, and resolves when every record has its ack. */
  close(): Promise<void> {
    return this.wait(resolve => {
      this.#finish = resolve
      this.#intake!.complete()
    })
  }

  /** Returns a promise that {@link leave} rejects. */
  wait(start: (resolve: () => void) => void): Promise<void> {
    if (this.#left !== undefined) return Promise.reject(this.#left.reason)
    return new Promise((resolve, reject) => {
      this.#reject = reject
      start(resolve)
    })
  }

  /** Stops the intake without waiting for acks, and rejects the pending promise. Accepted records are still delivered. */
  leave(reason: unknown): void {
    this.#left ??= { reason }
    this.#acks.unsubscribe()
    this.#reject(reason)
  }
}

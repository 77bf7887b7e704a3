import { ProducerClosedError } from '../errors.js'
import type { BatchAck } from '../producer/acks.js'
import type { Intake } from '../producer/intake.js'
import type { Ack } from '../producer/record.js'
import { type FailureOptions, failuresTo } from './failures.js'
import { type Chunk, feed } from './feed.js'
import type { Open } from './writable.js'

/**
 * A sink for a web stream's `pipeTo()`. `close()` resolves when brokers have confirmed every record.
 *
 * @param open opens the intake.
 */
export function webWritable<I, M>(
  open: Open<I, BatchAck<M>>,
  onFailed: FailureOptions<M>['onFailed'],
): WritableStream<Chunk<I>> {
  const way = new WebIntake(open)
  return new WritableStream<Chunk<I>>({
    start: controller =>
      way.start(
        failuresTo<M>(onFailed, error => controller.error(error)),
        error => controller.error(error),
      ),
    write: chunk => way.write(chunk),
    close: () => way.close(),
    abort: () => way.leave(),
  })
}

/** What a web stream of records can be piped through. */
export interface WebTransform<I, M> {
  readonly writable: WritableStream<Chunk<I>>
  readonly readable: ReadableStream<Ack<M>>
}

/** For a web stream's `pipeThrough()`: records in, acks out. A reader that stops reading acks stops the intake. */
export function webTransform<I, M>(open: Open<I, Ack<M>>): WebTransform<I, M> {
  const way = new WebIntake(open)
  let read: () => void = () => {}
  let sink!: WritableStreamDefaultController
  let acks!: ReadableStreamDefaultController<Ack<M>>
  const fail = (error: unknown): void => {
    acks.error(error)
    sink.error(error)
  }
  const readable = new ReadableStream<Ack<M>>({
    start(controller) {
      acks = controller
    },
    pull: () => read(),
    cancel(reason) {
      way.leave()
      sink.error(reason)
    },
  })
  const writable = new WritableStream<Chunk<I>>({
    start(controller) {
      sink = controller
      way.start(ack => acks.enqueue(ack), fail)
    },
    async write(chunk) {
      await way.write(chunk)
      if (acks.desiredSize! <= 0) {
        await new Promise<void>(resolve => {
          read = resolve
        })
      }
    },
    async close() {
      await way.close()
      acks.close()
    },
    abort(reason) {
      way.leave()
      acks.error(reason)
      read()
    },
  })
  return { writable, readable }
}

/** An intake as web streams want it: with promises. */
class WebIntake<I, A> {
  readonly #open: Open<I, A>
  #intake: Intake<I> | undefined
  #leave: () => void = () => {}
  #ended = false
  #finish: (() => void) | undefined

  constructor(open: Open<I, A>) {
    this.#open = open
  }

  start(acked: (ack: A) => void, failed: (error: unknown) => void): void {
    const acks = this.#open(intake => {
      this.#intake = intake
      return undefined
    }).subscribe({
      next: acked,
      error: failed,
      complete: () => {
        this.#ended = true
        if (this.#finish !== undefined) this.#finish()
        else failed(new ProducerClosedError('the producer was closed under a stream that had not ended'))
      },
    })
    this.#leave = () => acks.unsubscribe()
  }

  /** Resolves when there is room for more; undefined if there is at once. */
  write(chunk: Chunk<I>): Promise<void> | undefined {
    let over = false
    let failure: Error | undefined
    let settle: ((error?: Error) => void) | undefined
    feed(this.#intake!, chunk, error => {
      over = true
      failure = error
      settle?.(error)
    })
    if (over) return failure === undefined ? undefined : Promise.reject(failure)
    return new Promise((resolve, reject) => {
      settle = error => (error === undefined ? resolve() : reject(error))
    })
  }

  /** Resolves when every record has its end. */
  close(): Promise<void> {
    return new Promise(resolve => {
      this.#finish = resolve
      if (this.#ended) resolve()
      else this.#intake!.complete()
    })
  }

  /** Takes no more, and wants no more acks; what was accepted is delivered all the same. */
  leave(): void {
    this.#leave()
  }
}

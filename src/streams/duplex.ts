import { Duplex } from 'node:stream'
import type { Subscription } from 'rxjs'
import { ProducerClosedError } from '../errors.js'
import type { Intake } from '../producer/intake.js'
import type { Ack } from '../producer/record.js'
import { type Chunk, feed } from './feed.js'
import type { Open } from './writable.js'

/** A Node Duplex that says what it gives. */
export interface AckDuplex<M> extends Duplex {
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<Ack<M>>
}

/**
 * Records in, acks out, as a Node stream. A reader that stops reading acks stops the intake: what was accepted by then is
 * all that is still to come.
 */
export class ProducerDuplex<I, M> extends Duplex {
  #intake: Intake<I> | undefined
  readonly #acks: Subscription | undefined
  /** The reader has as many acks as it wants for now. */
  #unread = false
  /** What waits for the reader. */
  #whenRead: (() => void) | undefined
  #ended = false
  #finish: ((error?: Error) => void) | undefined

  constructor(open: Open<I, Ack<M>>) {
    super({ objectMode: true })
    const start = (intake: Intake<I>): undefined => {
      this.#intake = intake
    }
    this.#acks = open(start).subscribe({
      next: ack => {
        if (!this.push(ack)) this.#unread = true
      },
      error: error => this.destroy(error),
      complete: () => this.#settled(),
    })
  }

  override _write(chunk: Chunk<I>, _: unknown, done: (error?: Error) => void): void {
    feed(this.#intake!, chunk, error => {
      if (error === undefined && this.#unread) this.#whenRead = done
      else done(error)
    })
  }

  override _read(): void {
    this.#unread = false
    const resume = this.#whenRead
    this.#whenRead = undefined
    resume?.()
  }

  override _final(done: (error?: Error) => void): void {
    this.#finish = done
    if (!this.#ended) this.#intake!.complete()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // What was accepted is delivered all the same.
    this.#acks?.unsubscribe()
    done(error)
  }

  /** Every record has its end. */
  #settled(): void {
    this.#ended = true
    if (this.#finish === undefined) {
      this.destroy(new ProducerClosedError('the producer was closed under a stream that had not ended'))
      return
    }
    this.push(null)
    this.#finish()
  }
}

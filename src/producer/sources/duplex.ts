import { Duplex } from 'node:stream'
import type { Subscription } from 'rxjs'
import { KafkaError } from '../../errors.js'
import type { Ack } from '../model/record.js'
import { type Chunk, feed } from './feed.js'
import type { Intake } from './intake.js'
import type { Open } from './writable.js'

/** A Node Duplex with the type of its acks. */
export interface AckDuplex<M> extends Duplex {
  /** Reads the acks one by one. */
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<Ack<M>>
}

/**
 * A Node stream: records in, acks out. A reader that stops reading acks stops the intake: only acks of records that were accepted by
 * then follow.
 */
export class ProducerDuplex<I, M> extends Duplex {
  /** Undefined if the stream is refused. */
  #intake: Intake<I> | undefined
  readonly #acks: Subscription | undefined
  /** Whether the reader wants no more acks for now. */
  #unread = false
  /** Continues the write that waits for the reader. */
  #whenRead: (() => void) | undefined
  /** The callback of a write that is not all accepted yet, or waits for the reader. */
  #writing: ((error?: Error) => void) | undefined
  #finish: (() => void) | undefined
  /** How the stream ends when every ack has been read. */
  #failure: Error | undefined

  constructor(open: Open<I, Ack<M>>) {
    // As in ProducerWritable; for acks Node's default.
    super({ objectMode: true, writableHighWaterMark: 2 })
    const start = (intake: Intake<I>): undefined => {
      this.#intake = intake
    }
    this.#acks = open(start).subscribe({
      next: ack => {
        if (!this.push(ack)) this.#unread = true
      },
      error: error => this.#fail(error),
      complete: () => {
        this.push(null)
        this.#finish!()
      },
    })
  }

  override _write(chunk: Chunk<I>, _: unknown, done: (error?: Error) => void): void {
    this.#writing = done
    const intake = this.#intake
    if (intake === undefined) return
    feed(intake, chunk, error => {
      if (error !== undefined) intake.error(error)
      else if (this.#unread) this.#whenRead = () => this.#written()
      else this.#written()
    })
  }

  override read(size?: number): Ack<M> | null {
    const ack = super.read(size)
    if (this.#failure !== undefined && this.readableLength === 0) process.nextTick(() => this.destroy(this.#failure))
    return ack
  }

  override _read(): void {
    this.#unread = false
    const resume = this.#whenRead
    this.#whenRead = undefined
    resume?.()
  }

  override _final(done: (error?: Error) => void): void {
    this.#finish = done
    this.#intake?.complete()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // Accepted records are still delivered.
    this.#acks?.unsubscribe()
    this.#written(error ?? new KafkaError('the stream was destroyed before this was accepted'))
    done(error)
  }

  #written(error?: Error): void {
    const done = this.#writing
    this.#writing = undefined
    done?.(error)
  }

  /** Gives the reader every ack before the end. */
  #fail(error: Error): void {
    this.#failure = error
    // A refused stream errors after the code that made it could add its listeners.
    if (this.readableLength === 0) setImmediate(() => this.destroy(error))
  }
}

import { Writable } from 'node:stream'
import type { Observable, Subscription } from 'rxjs'
import { KafkaError } from '../../errors.js'
import type { BatchAck } from '../model/batch-ack.js'
import { type FailureOptions, failuresTo } from './failures.js'
import { type Chunk, feed } from './feed.js'
import type { Intake } from './intake.js'

/** Opens an intake on subscription, passes it to `start`, and emits the acks of its records. */
export type Open<I, A> = (start: (intake: Intake<I>) => undefined) => Observable<A>

/**
 * A Node stream that writes records to Kafka. `write()` is false exactly while there is no buffer memory (and, after a thousand writes in one go,
 * until the event loop has turned); `finish` means that brokers have confirmed every record.
 */
export class ProducerWritable<I, M> extends Writable {
  /** Undefined if the stream is refused. */
  #intake: Intake<I> | undefined
  readonly #acks: Subscription | undefined
  /** Whether `write()` was false for lack of memory: the stream owes a `drain`. */
  #full = false
  /** The callback of a write that is not all accepted yet. */
  #writing: ((error?: Error) => void) | undefined
  #finish: (() => void) | undefined

  constructor(open: Open<I, BatchAck<M>>, onFailed: FailureOptions<M>['onFailed']) {
    // Chunks that wait here count for no memory: one, and the one that is being written.
    super({ objectMode: true, highWaterMark: 2 })
    const start = (intake: Intake<I>): undefined => {
      this.#intake = intake
    }
    this.#acks = open(start).subscribe({
      next: failuresTo<M>(onFailed, error => this.destroy(error)),
      // A refused stream errors after the code that made it could add its listeners.
      error: error => setImmediate(() => this.destroy(error)),
      complete: () => this.#finish!(),
    })
  }

  override write(chunk: Chunk<I>, ...rest: unknown[]): boolean {
    const wanted = super.write(chunk, ...(rest as []))
    if (this.#hasRoom) return wanted
    this.#full = true
    return false
  }

  override _write(chunk: Chunk<I>, _: unknown, done: (error?: Error) => void): void {
    this.#writing = done
    if (this.#intake !== undefined) feed(this.#intake, chunk, error => this.#fed(error))
  }

  override _writev(chunks: readonly { readonly chunk: Chunk<I> }[], done: (error?: Error) => void): void {
    const values = chunks.flatMap(({ chunk }) => chunk as I)
    this._write(values, undefined, done)
  }

  override _final(done: (error?: Error) => void): void {
    this.#finish = done
    this.#intake?.complete()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // Accepted records are still delivered.
    this.#acks?.unsubscribe()
    this.#fed(error ?? new KafkaError('the stream was destroyed before this was accepted'))
    done(error)
  }

  get #hasRoom(): boolean {
    return this.#intake?.hasRoom ?? true
  }

  #fed(error: Error | undefined): void {
    const drains = this.#full && !this.writableNeedDrain
    this.#full = false
    const done = this.#writing
    // The stream was destroyed meanwhile.
    if (done === undefined) return
    this.#writing = undefined
    done(error)
    // Node emits `drain` only if `write()` was false for its own reasons.
    if (drains && error === undefined) process.nextTick(() => this.destroyed || this.emit('drain'))
  }
}

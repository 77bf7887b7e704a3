import { Observable, type ObservableInput, type OperatorFunction, Subject, type Subscriber, takeUntil } from 'rxjs'
import { BufferFullError, ProducerClosedError } from '../errors.js'
import { prepareCompression } from '../protocol/compression.js'
import { type BatchAck, BatchAcks, RecordAcks, type StreamSink } from './acks.js'
import { DataPath } from './data-path.js'
import type { ProducerEvent } from './events.js'
import { type ProducerOptions, type ResolvedOptions, resolveOptions } from './options.js'
import { pull } from './pull.js'
import type { Ack, ProducerRecord } from './record.js'

/**
 * An idempotent producer: every record it accepts is written exactly once, in order per partition, and gets exactly one
 * terminal event. Connects when the first record comes.
 *
 * @throws {InvalidArgumentError} when an option is unknown, out of range or contradicts another one.
 *
 * @example
 * await using producer = createProducer({ brokers: ['localhost:9092'] })
 * orders$
 *   .pipe(
 *     map(order => ({ topic: 'orders', key: order.id, value: JSON.stringify(order) })),
 *     producer.send(),
 *   )
 *   .subscribe(ack => console.log(ack.kind))
 */
export function createProducer(options: ProducerOptions): Producer {
  return new Producer(resolveOptions(options))
}

/** @see createProducer */
export class Producer implements AsyncDisposable {
  /** What happens beside acks: connections, retries, new epochs, throttling. Completes when the producer has closed. */
  readonly events$: Observable<ProducerEvent>
  readonly #options: ResolvedOptions
  readonly #path: DataPath
  /** The streams that are subscribed to. */
  readonly #streams = new Set<Stream>()
  /** Why nothing is accepted any more. */
  #ended: Error | undefined
  #closing: Promise<void> | undefined

  /** Use {@link createProducer}. */
  constructor(options: ResolvedOptions) {
    // Now rather than with the first batch: the package may be missing on this platform.
    prepareCompression(options.compression)
    this.#options = options
    this.#path = new DataPath(options, error => this.#fail(error))
    this.events$ = this.#path.events$.asObservable()
  }

  /** Bytes of records that have no terminal event yet; at most `bufferMemory`. */
  get bufferedBytes(): number {
    return this.#path.bufferedBytes
  }

  /** Produce requests in flight, by node id of the broker; each at most `maxInFlight`. */
  get inFlight(): ReadonlyMap<number, number> {
    return this.#path.inFlight
  }

  /**
   * An operator that sends each record and emits its ack. Cold: nothing is sent before it is subscribed to.
   *
   * A record that fails is emitted as a `failed` ack, and its neighbours go on. The stream errors when the source does or
   * when the producer can't go on, and only after everything it is owed; it completes when the source has, and every
   * record has its terminal event. Unsubscribing ends the intake; what was accepted is still delivered.
   *
   * Acks of one partition come in the order of its records. A source that emits faster than brokers answer can't be slowed
   * down: see the option `overflow`, and {@link publish}.
   *
   * @example from(records).pipe(producer.send(), filter(ack => ack.kind === 'failed')).subscribe(console.error)
   */
  send<M = unknown>(): OperatorFunction<ProducerRecord<M>, Ack<M>> {
    return source => this.#sending(source, subscriber => new RecordAcks<M>(subscriber))
  }

  /**
   * As {@link send}, with one ack for all records of a stream that were settled together: the fast lane for streams whose
   * single acks nobody looks at.
   *
   * @example records$.pipe(producer.sendBatches(), scan((sum, ack) => sum + ack.count, 0)).subscribe(console.log)
   */
  sendBatches<M = unknown>(): OperatorFunction<ProducerRecord<M>, BatchAck<M>> {
    return source => this.#sending(source, subscriber => new BatchAcks<M>(subscriber))
  }

  /**
   * Sends the records of any source and emits their acks, as {@link send} does. Iterables, async iterables and Node
   * Readables are *pulled*: asked for more only while the buffer has room, so that they may be of any length. Observables
   * push, as in `send()`.
   *
   * @example producer.publish(readRecords('orders.ndjson')).subscribe(ack => console.log(ack.kind))
   */
  publish<M = unknown>(source: ObservableInput<ProducerRecord<M>>): Observable<Ack<M>> {
    return pull(source, this.#path).pipe(this.send<M>())
  }

  /**
   * Sends what still waits to fill a batch, and resolves when every record accepted so far has its terminal event. Never
   * rejects: what failed says so in its own stream.
   */
  flush(): Promise<void> {
    return this.#path.flush()
  }

  /**
   * Takes nothing more from any source, delivers what was accepted, and ends every connection and timer. Open streams get
   * every ack they are owed and complete. Who subscribes later gets a {@link ProducerClosedError}. A second call waits for
   * the first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#endStreams(new ProducerClosedError('the producer was closed'), undefined)
    await this.#path.flush()
    this.#stop({ kind: 'closed' })
  }

  #fail(error: Error): void {
    // In this order: an ack handler may send, and what it sends must not be taken any more.
    this.#endStreams(error, error)
    this.#path.abandon(error)
    this.#stop({ kind: 'fatal', error })
  }

  /** Nothing is accepted from here on, for this reason. Each stream ends, with `error` if given, when it is owed nothing any more. */
  #endStreams(reason: Error, error: Error | undefined): void {
    this.#ended ??= reason
    for (const stream of [...this.#streams]) stream.end(error)
  }

  #stop(last: ProducerEvent): void {
    this.#path.stop()
    this.#path.events$.next(last)
    this.#path.events$.complete()
  }

  #sending<M, T>(
    source: Observable<ProducerRecord<M>>,
    sinkFor: (subscriber: Subscriber<T>) => StreamSink<M, T>,
  ): Observable<T> {
    return new Observable(subscriber => {
      if (this.#ended !== undefined) {
        subscriber.error(this.#ended)
        return
      }
      const sink = sinkFor(subscriber)
      const stop$ = new Subject<void>()
      const end = (error?: Error): void => {
        sink.sourceEnded(error)
        stop$.next()
      }
      const stream = { end }
      this.#streams.add(stream)
      subscriber.add(() => this.#streams.delete(stream))
      subscriber.add(
        source.pipe(takeUntil(stop$)).subscribe({
          next: record => {
            const error = this.#path.accept(record, sink)
            if (error === undefined) sink.taken()
            else if (error instanceof BufferFullError && this.#options.overflow === 'error') end(error)
            else sink.refuse(record, error)
          },
          error: end,
          complete: end,
        }),
      )
    })
  }
}

/** A subscription to `send()` or `sendBatches()`. */
interface Stream {
  /** Takes no more of its source; errors, if an error is given, or completes when nothing is owed any more. */
  end(error?: Error): void
}

import { Observable, type OperatorFunction, type Subscriber, Subscription } from 'rxjs'
import { ProducerClosedError } from '../errors.js'
import { prepareCompression } from '../protocol/compression.js'
import { type BatchAck, BatchAcks, RecordAcks } from './acks.js'
import { DataPath } from './data-path.js'
import type { ProducerEvent } from './events.js'
import { Intake, type IntakeSink } from './intake.js'
import type { ResolvedOptions } from './options.js'
import { checkSource, isPulled, pull, type Source } from './pull.js'
import type { Ack, ProducerRecord } from './record.js'
import { checkOptions, integer, SIGNAL } from './rules.js'
import { checkSendOptions, type RecordOptions, type SendOptions } from './serializer.js'
import { onAbort } from './signal.js'

/** What ends the waiting for the end. */
export interface CloseOptions {
  /** How long what was accepted may still take, in ms; then it fails with a `ProducerClosedError`. Default: `deliveryTimeoutMs` bounds it. */
  readonly timeoutMs?: number
  /** The same, at once. */
  readonly signal?: AbortSignal
}

const FLUSH_RULES = { signal: SIGNAL }
const CLOSE_RULES = { timeoutMs: integer(0), signal: SIGNAL }

/** The producer as a matter of Observables; the one that users have, with Node's and the web's streams, is made from it. */
export class ObservableProducer implements AsyncDisposable {
  /** What happens beside acks: connections, retries, new epochs, throttling. Completes when the producer has closed. */
  readonly events$: Observable<ProducerEvent>
  readonly #options: ResolvedOptions
  readonly #path: DataPath
  /** Of the streams that are open. */
  readonly #intakes = new Set<Pick<Intake, 'close' | 'serialized'>>()
  /** Why nothing is accepted any more. */
  #ended: Error | undefined
  #closing: Promise<void> | undefined
  /** What ends the patience of who closes it. */
  readonly #patience = new Subscription()

  constructor(options: ResolvedOptions) {
    // Now rather than with the first batch: the package may be missing on this platform.
    prepareCompression(options.compression)
    this.#options = options
    this.#path = new DataPath(options, error => this.#fail(error))
    this.events$ = this.#path.events$.asObservable()
    const { signal } = options
    if (signal !== undefined) this.#patience.add(onAbort(signal, () => void this.close({ signal })))
  }

  /** Bytes of records that have no terminal event yet; at most `bufferMemory`. */
  get bufferedBytes(): number {
    return this.#path.bufferedBytes
  }

  /** Produce requests in flight, by node id of the broker; each at most `maxInFlight`. */
  get inFlight(): ReadonlyMap<number, number> {
    return this.#path.inFlight
  }

  /** The same of anything: the options say how a record is made of it. */
  send<T>(options: SendOptions & RecordOptions<T>): OperatorFunction<T, Ack<T>>
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
   * With `topic` the source is one of anything, and the options say how a record is made of it.
   *
   * @throws {InvalidArgumentError} when an option is unknown or of the wrong type.
   *
   * @example from(records).pipe(producer.send(), filter(ack => ack.kind === 'failed')).subscribe(console.error)
   * @example orders$.pipe(producer.send({ topic: 'orders', key: order => order.id, value: serializers.json }))
   */
  send<M = unknown>(options?: SendOptions): OperatorFunction<ProducerRecord<M>, Ack<M>>
  send(options: SendOptions & Partial<RecordOptions<unknown>> = {}): OperatorFunction<unknown, Ack> {
    checkSendOptions('send', options)
    return source =>
      this.taking(
        options,
        undefined,
        subscriber => new RecordAcks(subscriber),
        intake => intake.observe(source),
      )
  }

  /** The same of anything: the options say how a record is made of it. */
  sendBatches<T>(options: SendOptions & RecordOptions<T>): OperatorFunction<T, BatchAck<T>>
  /**
   * As {@link send}, with one ack for all records of a stream that were settled together: the fast lane for streams whose
   * single acks nobody looks at.
   *
   * @example records$.pipe(producer.sendBatches(), scan((sum, ack) => sum + ack.count, 0)).subscribe(console.log)
   */
  sendBatches<M = unknown>(options?: SendOptions): OperatorFunction<ProducerRecord<M>, BatchAck<M>>
  sendBatches(options: SendOptions & Partial<RecordOptions<unknown>> = {}): OperatorFunction<unknown, BatchAck> {
    checkSendOptions('sendBatches', options)
    return source =>
      this.taking(
        options,
        undefined,
        subscriber => new BatchAcks(subscriber),
        intake => intake.observe(source),
      )
  }

  /** The same of anything: the options say how a record is made of it. */
  publish<T>(source: Source<T>, options: SendOptions & RecordOptions<T>): Observable<Ack<T>>
  /**
   * Sends the records of any source and emits their acks, as {@link send} does. Iterables, async iterables, Node Readables
   * and web streams are *pulled*: asked for more only while the buffer has room, so that they may be of any length. One
   * that waits longer than `maxBlockMs` for room gets a {@link BufferFullError}. Observables push, as in `send()`.
   *
   * @throws {InvalidArgumentError} when the source is none, or an option is unknown or of the wrong type.
   *
   * @example producer.publish(readRecords('orders.ndjson')).subscribe(ack => console.log(ack.kind))
   */
  publish<M = unknown>(source: Source<ProducerRecord<M>>, options?: SendOptions): Observable<Ack<M>>
  publish<T>(source: Source<T>, options: SendOptions & Partial<RecordOptions<T>> = {}): Observable<Ack<T>> {
    checkSendOptions('publish', options)
    checkSource(source)
    const overflow = isPulled(source) ? 'wait' : undefined
    return this.taking(
      options,
      overflow,
      subscriber => new RecordAcks<T>(subscriber),
      intake => pull(source, intake),
    )
  }

  /**
   * Sends what still waits to fill a batch, and resolves when every record accepted so far has its terminal event. What
   * failed says so in its own stream: this rejects only with the signal's reason, and ends the waiting, not the records.
   *
   * @example await producer.flush({ signal: AbortSignal.timeout(5_000) })
   */
  flush(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = checkOptions('flush', options, FLUSH_RULES)
    return signal === undefined ? this.#flush() : this.#flushUnless(signal)
  }

  /**
   * Takes nothing more from any source, delivers what was accepted, and ends every connection and timer. Open streams get
   * every ack they are owed and complete. Who subscribes later gets a {@link ProducerClosedError}. A second call waits for
   * the first; its options count too.
   *
   * @example await producer.close({ timeoutMs: 10_000 })
   */
  close(options: CloseOptions = {}): Promise<void> {
    const { timeoutMs, signal } = checkOptions('close', options, CLOSE_RULES)
    this.#closing ??= this.#close()
    if (timeoutMs !== undefined)
      this.#patience.add(
        this.#options.scheduler.schedule(() => this.#giveUp(`\`timeoutMs\` (${timeoutMs}) is over`), timeoutMs),
      )
    if (signal !== undefined)
      this.#patience.add(onAbort(signal, reason => this.#giveUp('its signal was aborted', reason)))
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * The acks of what is put into an intake. It is opened when they are subscribed to, and `start` has the source read into it.
   *
   * @param overflow `wait` if the source will go by {@link Intake.hasRoom}; else the producer's option decides.
   */
  protected taking<I, T>(
    { signal, ...how }: SendOptions & Partial<RecordOptions<I>>,
    overflow: 'wait' | undefined,
    sinkFor: (subscriber: Subscriber<T>) => IntakeSink,
    start: (intake: Intake<I>) => Subscription | undefined,
  ): Observable<T> {
    const options = how.topic === undefined ? undefined : (how as RecordOptions<I>)
    return new Observable(subscriber => {
      const refusal = this.#ended ?? (signal?.aborted ? signal.reason : undefined)
      if (refusal !== undefined) {
        subscriber.error(refusal)
        return
      }
      const sink = sinkFor(subscriber)
      const intake = new Intake<I>(this.#path, sink, overflow ?? this.#options.overflow, options)
      this.#intakes.add(intake)
      subscriber.add(() => {
        intake.stop()
        this.#forget(intake)
      })
      if (signal !== undefined)
        subscriber.add(onAbort(signal, reason => intake.close(reason as Error, reason as Error)))
      subscriber.add(start(intake))
    })
  }

  /** When serializers have nothing of it in hand any more: that is sent too. */
  #forget(intake: Pick<Intake, 'close' | 'serialized'>): void {
    const serialized = intake.serialized()
    if (serialized === undefined) this.#intakes.delete(intake)
    else void serialized.then(() => this.#intakes.delete(intake))
  }

  async #close(): Promise<void> {
    this.#endStreams(new ProducerClosedError('the producer was closed'), undefined)
    await this.#flush()
    this.#patience.unsubscribe()
    this.#stop({ kind: 'closed' })
  }

  /** What has no end yet fails. */
  #giveUp(why: string, cause?: unknown): void {
    this.#path.abandon(
      new ProducerClosedError(`the producer was closed before brokers had answered: ${why}`, { cause }),
    )
  }

  async #flush(): Promise<void> {
    // What serializers have in hand was sent by the user too.
    const serialized = [...this.#intakes].flatMap(intake => intake.serialized() ?? [])
    if (serialized.length > 0) await Promise.all(serialized)
    await this.#path.flush()
  }

  async #flushUnless(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    let abort = Subscription.EMPTY
    const aborted = new Promise<never>((_, reject) => {
      abort = onAbort(signal, reject)
    })
    try {
      await Promise.race([this.#flush(), aborted])
    } finally {
      abort.unsubscribe()
    }
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
    for (const intake of [...this.#intakes]) intake.close(reason, error)
  }

  #stop(last: ProducerEvent): void {
    this.#path.stop()
    this.#path.events$.next(last)
    this.#path.events$.complete()
  }
}

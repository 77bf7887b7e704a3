import { Observable, type OperatorFunction, type Subscriber, Subscription } from 'rxjs'
import { ProducerClosedError } from '../errors.js'
import { prepareCompression } from '../protocol/records/compression.js'
import type { RecordData } from '../protocol/records/record-batch-builder.js'
import { BatchAcks, RecordAcks } from './acks/ack-streams.js'
import { SingleRecords } from './acks/single-records.js'
import { DataPath } from './data-path.js'
import type { BatchAck } from './model/batch-ack.js'
import type { ProducerEvent } from './model/events.js'
import type { Ack, Acked, ProducerRecord } from './model/record.js'
import type { StreamSink } from './model/sinks.js'
import type { ResolvedOptions } from './options/options.js'
import { checkOptions, integer, SIGNAL } from './options/rules.js'
import { checkSendOptions, type RecordMapping, type RecordOptions, type SendOptions } from './records/serializer.js'
import { Intake } from './sources/intake.js'
import { checkSource, isPulled, pull, type Source } from './sources/pull.js'
import { onAbort, unlessAborted } from './time/signal.js'

/** How long to wait for the end. */
export interface CloseOptions {
  /** How long what was accepted may still take, in ms; then it fails with a `ProducerClosedError`. Default: `deliveryTimeoutMs` bounds it. */
  readonly timeoutMs?: number
  /** Ends the waiting: the promise rejects with its reason at once. What was accepted is still delivered, and then all is closed. */
  readonly signal?: AbortSignal
}

const WAIT_RULES = { signal: SIGNAL }
const CLOSE_RULES = { timeoutMs: integer(0), signal: SIGNAL }

type OpenIntake = Pick<Intake, 'close' | 'abandon' | 'serialized'>

/** The producer as a matter of Observables; the one that users have, with Node's and the web's streams, is made from it. */
export class ObservableProducer implements AsyncDisposable {
  /** What happens beside acks: connections, retries, new epochs, throttling. Completes when the producer has closed. */
  readonly events$: Observable<ProducerEvent>
  readonly #options: ResolvedOptions
  readonly #path: DataPath
  readonly #singles: SingleRecords
  /** Of the streams that are open. */
  readonly #intakes = new Set<OpenIntake>()
  /** Why nothing is accepted any more. */
  #ended: Error | undefined
  #closing: Promise<void> | undefined
  /** What ends the patience of who closes it. */
  readonly #patience = new Subscription()

  constructor(options: ResolvedOptions) {
    // Now rather than with the first batch: the package may be missing on this platform.
    prepareCompression(options.compression)
    this.#options = options
    this.#path = new DataPath(options)
    this.#path.fatal$.subscribe({ error: error => this.#fail(error) })
    this.#singles = new SingleRecords(this.#path, options.stalledOverflow === 'reject')
    this.events$ = this.#path.events$.asObservable()
    const { signal } = options
    if (signal !== undefined) this.#patience.add(onAbort(signal, reason => this.#abort(reason)))
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
  /** The same of what may be a record's value as it is. */
  send<T extends RecordData>(options: SendOptions & RecordMapping<T>): OperatorFunction<T, Ack<T>>
  /**
   * An operator that sends each record and emits its ack. Cold: nothing is sent before it is subscribed to.
   *
   * A record that fails is emitted as a `failed` ack, and its neighbours go on. The stream completes when its source has, and
   * every record has its terminal event. It errors when the source does, when the producer cannot go on, or, with a
   * {@link ProducerClosedError}, when the producer is closed while the source still has records; and only after every ack
   * that is owed. Unsubscribing ends the intake, and what was accepted is still delivered. So does the option `signal`,
   * which errors the stream at once.
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
  send(given: SendOptions & Partial<RecordMapping<unknown>> = {}): OperatorFunction<unknown, Ack> {
    const options = checkSendOptions('send', given)
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
  /** The same of what may be a record's value as it is. */
  sendBatches<T extends RecordData>(options: SendOptions & RecordMapping<T>): OperatorFunction<T, BatchAck<T>>
  /**
   * As {@link send}, with one ack for all records of a stream that were settled together: the fast lane for streams whose
   * single acks nobody looks at.
   *
   * @example records$.pipe(producer.sendBatches(), scan((sum, ack) => sum + ack.count, 0)).subscribe(console.log)
   */
  sendBatches<M = unknown>(options?: SendOptions): OperatorFunction<ProducerRecord<M>, BatchAck<M>>
  sendBatches(given: SendOptions & Partial<RecordMapping<unknown>> = {}): OperatorFunction<unknown, BatchAck> {
    const options = checkSendOptions('sendBatches', given)
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
  /** The same of what may be a record's value as it is. */
  publish<T>(
    source: Source<T>,
    options: SendOptions & RecordMapping<T> & ([T] extends [RecordData] ? unknown : RecordOptions<T>),
  ): Observable<Ack<T>>
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
  publish<T>(source: Source<T>, given: SendOptions & Partial<RecordMapping<T>> = {}): Observable<Ack<T>> {
    const options = checkSendOptions('publish', given)
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
    const { signal } = checkOptions('flush', options, WAIT_RULES)
    return unlessAborted(signal, () => this.#flush())
  }

  /**
   * Resolves when a broker of the bootstrap list has answered, has accepted the credentials, and has given a producer id. There
   * is no need to call it: the first record connects too. It tells a wrong address or password before there are records.
   *
   * Rejects with a {@link BootstrapError}, an {@link AuthenticationError} or whatever stands in the way, once every address
   * has been tried; with a {@link ProducerClosedError} when the producer is closed; and with the signal's reason, which ends
   * the waiting, not the trying.
   *
   * @example await producer.connect({ signal: AbortSignal.timeout(10_000) })
   */
  connect(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = checkOptions('connect', options, WAIT_RULES)
    return unlessAborted(signal, async () => {
      if (this.#ended !== undefined) throw this.#ended
      await this.#path.connect()
    })
  }

  /**
   * Sends one record, as an HTTP handler does, and resolves to its ack. Where the buffer has no room, it waits for room, for
   * `maxBlockMs` at the most, in the order of the calls. The record is read before the call returns.
   *
   * Rejects with a {@link RecordFailedError} when the record fails (`error.ack` says why, and whether it may be stored), with
   * a {@link ProducerClosedError} when the producer is closed before the record was accepted, and with the signal's reason:
   * a record that was accepted by then is still delivered.
   *
   * @throws {InvalidArgumentError} when an option is unknown or of the wrong type.
   *
   * @example const { partition, offset } = await producer.sendOne({ topic: 'orders', key: order.id, value: JSON.stringify(order) })
   */
  sendOne<M = unknown>(record: ProducerRecord<M>, options: { readonly signal?: AbortSignal } = {}): Promise<Acked<M>> {
    const { signal } = checkOptions('sendOne', options, WAIT_RULES)
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    return this.#singles.send(record, signal)
  }

  /**
   * Takes nothing more from any source, delivers what was accepted, and ends every connection and timer. An open stream gets
   * every ack it is owed; then it completes if its source has ended, and errors with a {@link ProducerClosedError} if it has
   * not. Later subscribers get a {@link ProducerClosedError}. A second call waits for the first; its options count too.
   *
   * Rejects only with the signal's reason, which ends the waiting: what was accepted is still delivered.
   *
   * @example await producer.close({ timeoutMs: 10_000 })
   */
  close(options: CloseOptions = {}): Promise<void> {
    const { timeoutMs, signal } = checkOptions('close', options, CLOSE_RULES)
    this.#closing ??= this.#close()
    const closing = this.#closing
    if (timeoutMs !== undefined)
      this.#patience.add(
        this.#options.scheduler.schedule(() => this.#giveUp(`\`timeoutMs\` (${timeoutMs}) is over`), timeoutMs),
      )
    return signal === undefined ? closing : unlessAborted(signal, () => closing)
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
    { signal, ...how }: SendOptions & Partial<RecordMapping<I>>,
    overflow: 'wait' | undefined,
    sinkFor: (subscriber: Subscriber<T>) => StreamSink,
    start: (intake: Intake<I>) => Subscription | undefined,
  ): Observable<T> {
    const mapping = how.topic === undefined ? undefined : (how as RecordMapping<I>)
    return new Observable(subscriber => {
      const refusal = this.#ended ?? (signal?.aborted ? signal.reason : undefined)
      if (refusal !== undefined) {
        subscriber.error(refusal)
        return
      }
      const sink = sinkFor(subscriber)
      const full = overflow ?? this.#options.overflow
      sink.yields = full === 'reject' || this.#options.stalledOverflow === 'reject'
      const intake = new Intake<I>(this.#path, sink, full, mapping)
      this.#intakes.add(intake)
      subscriber.add(() => {
        intake.stop()
        this.#forget(intake)
      })
      if (signal !== undefined) subscriber.add(onAbort(signal, reason => subscriber.error(reason)))
      subscriber.add(start(intake))
    })
  }

  /** When serializers have nothing of it in hand any more: that is sent too. */
  #forget(intake: OpenIntake): void {
    const serialized = intake.serialized()
    if (serialized === undefined) this.#intakes.delete(intake)
    else void serialized.then(() => this.#intakes.delete(intake))
  }

  async #close(): Promise<void> {
    const reason = new ProducerClosedError('the producer was closed')
    this.#ended ??= reason
    this.#singles.close(reason)
    for (const intake of [...this.#intakes]) intake.close()
    await this.#flush()
    this.#patience.unsubscribe()
    this.#stop({ kind: 'closed' })
  }

  /** The producer's own signal: nothing is waited for. */
  #abort(reason: unknown): void {
    void this.close()
    this.#giveUp('its signal was aborted', reason)
  }

  /** Fails every record that has no terminal event yet. */
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

  /** Nothing can be accepted any more. Each stream errors when it is owed nothing any more. */
  #fail(error: Error): void {
    // In this order: an ack handler may send, and what it sends must not be taken any more.
    this.#ended ??= error
    this.#singles.close(error)
    for (const intake of [...this.#intakes]) intake.abandon(error)
    this.#path.abandon(error)
    this.#stop({ kind: 'fatal', error })
  }

  #stop(last: ProducerEvent): void {
    this.#path.stop()
    this.#path.events$.next(last)
    this.#path.events$.complete()
  }
}

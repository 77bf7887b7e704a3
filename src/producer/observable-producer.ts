import { Observable, type OperatorFunction, type Subscriber, Subscription } from 'rxjs'
import { ProducerClosedError, toError } from '../errors.js'
import type { RecordData } from '../protocol/records/record-batch-builder.js'
import { BatchAcks, RecordAcks } from './acks/ack-streams.js'
import { InterceptedSink } from './acks/intercepted-sink.js'
import { SingleRecords } from './acks/single-records.js'
import { DataPath } from './data-path.js'
import type { ProducerMetrics } from './metrics/producer-metrics.js'
import type { BatchAck } from './model/batch-ack.js'
import type { ProducerEvent } from './model/events.js'
import type { Ack, Acked, ProducerRecord } from './model/record.js'
import type { StreamSink } from './model/sinks.js'
import type { ResolvedOptions } from './options/options.js'
import { checkOptions, integer, SIGNAL } from './options/rules.js'
import { InterceptingMaker, Interceptors } from './records/interceptors.js'
import { type Maker, MappingMaker } from './records/maker.js'
import { checkSendOptions, type RecordMapping, type RecordOptions, type SendOptions } from './records/serializer.js'
import { Intake } from './sources/intake.js'
import { checkSource, isPulled, pull, type Source } from './sources/pull.js'
import { onAbort, unlessAborted } from './time/signal.js'

/** How long `close()` waits. */
export interface CloseOptions {
  /** How long accepted records may still take, in ms; then they fail with a `ProducerClosedError`. Default: `deliveryTimeoutMs` bounds them. */
  readonly timeoutMs?: number
  /** Rejects the promise with its reason at once. Accepted records are still delivered, and then the producer closes. */
  readonly signal?: AbortSignal
}

const WAIT_RULES = { signal: SIGNAL }
const CLOSE_RULES = { timeoutMs: integer(0), signal: SIGNAL }

type OpenIntake = Pick<Intake, 'close' | 'abandon' | 'serialized'>

/**
 * The producer as Observables and promises: `send`, `publish`, `sendOne`, `flush`, `close`. Owns the life cycle: the data path, open
 * intakes, and how they end. `Producer` in `producer.ts`, the class that users get, adds Node and web streams.
 */
export class ObservableProducer implements AsyncDisposable {
  /** Emits what happens beside acks: connections, retries, epoch bumps, throttling. Completes when the producer has closed. */
  readonly events$: Observable<ProducerEvent>
  /**
   * Emits {@link metrics} every `metricsIntervalMs`, and completes when the producer has closed. Cold: nothing runs while nobody subscribes.
   *
   * @example producer.metrics$.subscribe(metrics => console.log(metrics.recordSendRate))
   */
  readonly metrics$: Observable<ProducerMetrics>
  readonly #options: ResolvedOptions
  readonly #path: DataPath
  readonly #singles: SingleRecords
  readonly #interceptors: Interceptors | undefined
  /** The intakes of all open streams. */
  readonly #intakes = new Set<OpenIntake>()
  /** Why the producer accepts no more records. */
  #ended: Error | undefined
  #closing: Promise<void> | undefined
  /** Ends the waits that bound `close()`. */
  readonly #patience = new Subscription()

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#path = new DataPath(options, this)
    this.#path.fatal$.subscribe({ error: error => this.#fail(error) })
    const { interceptors } = options
    if (interceptors.length > 0)
      this.#interceptors = new Interceptors(interceptors, (method, error) =>
        this.#path.events$.next({ kind: 'interceptorFailed', method, error: toError(error) }),
      )
    this.#singles = new SingleRecords(this.#path, options.stalledOverflow === 'reject', this.#interceptors)
    this.events$ = this.#path.events$.asObservable()
    this.metrics$ = this.#path.metrics$
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

  /**
   * Returns what the producer has done and holds now; survives `JSON.stringify`. It costs as much as there are partitions in use.
   *
   * @example const { recordSendRate, requestLatencyAvg, bufferAvailableBytes } = producer.metrics()
   */
  metrics(): ProducerMetrics {
    return this.#path.metrics()
  }

  /** Same as below for arbitrary data; `options` maps each value to a record. */
  send<T>(options: SendOptions & RecordOptions<T>): OperatorFunction<T, Ack<T>>
  /** Same as below for data that is a record's value as it is: strings, bytes and null. */
  send<T extends RecordData>(options: SendOptions & RecordMapping<T>): OperatorFunction<T, Ack<T>>
  /**
   * Returns an operator that sends each record and emits its ack. Cold: it sends nothing until it is subscribed to.
   *
   * A record that fails is emitted as a `failed` ack, and its neighbours go on. The stream completes when its source has completed and
   * every accepted record has its ack. It errors when the source does, when the producer cannot go on, or, with a
   * {@link ProducerClosedError}, when the producer is closed while the source still has records; and only after every ack that is owed.
   * Unsubscribing stops the intake, and accepted records are still delivered. So does the option `signal`, which errors the stream at
   * once.
   *
   * Acks of one partition are emitted in the order of its records. An Observable that emits faster than brokers answer can't be slowed
   * down: see the option `overflow`, and {@link publish}.
   *
   * With `topic` the source may emit arbitrary data, and the options map each value to a record.
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
      this.openStream(
        options,
        undefined,
        subscriber => new RecordAcks(subscriber),
        intake => intake.observe(source),
      )
  }

  /** Same as below for arbitrary data; `options` maps each value to a record. */
  sendBatches<T>(options: SendOptions & RecordOptions<T>): OperatorFunction<T, BatchAck<T>>
  /** Same as below for data that is a record's value as it is: strings, bytes and null. */
  sendBatches<T extends RecordData>(options: SendOptions & RecordMapping<T>): OperatorFunction<T, BatchAck<T>>
  /**
   * As {@link send}, with one ack for all records of a stream that were settled together: the fast lane for streams that do not read
   * single acks.
   *
   * @example records$.pipe(producer.sendBatches(), scan((sum, ack) => sum + ack.count, 0)).subscribe(console.log)
   */
  sendBatches<M = unknown>(options?: SendOptions): OperatorFunction<ProducerRecord<M>, BatchAck<M>>
  sendBatches(given: SendOptions & Partial<RecordMapping<unknown>> = {}): OperatorFunction<unknown, BatchAck> {
    const options = checkSendOptions('sendBatches', given)
    return source =>
      this.openStream(
        options,
        undefined,
        subscriber => new BatchAcks(subscriber),
        intake => intake.observe(source),
      )
  }

  /** Same as below for arbitrary data; `options` maps each value to a record. */
  publish<T>(source: Source<T>, options: SendOptions & RecordOptions<T>): Observable<Ack<T>>
  /** Same as below for data that is a record's value as it is: strings, bytes and null. */
  publish<T>(
    source: Source<T>,
    options: SendOptions & RecordMapping<T> & ([T] extends [RecordData] ? unknown : RecordOptions<T>),
  ): Observable<Ack<T>>
  /**
   * Sends the records of any source and emits their acks, as {@link send} does. Iterables, async iterables, Node Readables and web
   * streams are *pulled*: asked for more only while there is buffer memory, so they may be of any length. If one waits longer than
   * `maxBlockMs` for memory, the stream errors with a {@link BufferFullError}. Observables push, as in `send()`.
   *
   * @throws {InvalidArgumentError} when `source` is not a source, or an option is unknown or of the wrong type.
   *
   * @example producer.publish(readRecords('orders.ndjson')).subscribe(ack => console.log(ack.kind))
   */
  publish<M = unknown>(source: Source<ProducerRecord<M>>, options?: SendOptions): Observable<Ack<M>>
  publish<T>(source: Source<T>, given: SendOptions & Partial<RecordMapping<T>> = {}): Observable<Ack<T>> {
    const options = checkSendOptions('publish', given)
    checkSource(source)
    const overflow = isPulled(source) ? 'wait' : undefined
    return this.openStream(
      options,
      overflow,
      subscriber => new RecordAcks<T>(subscriber),
      intake => pull(source, intake),
    )
  }

  /**
   * Sends partially filled batches now, ignoring `linger`, and resolves when every record accepted so far has its ack. Failures are
   * reported in their own streams: this promise rejects only with the signal's reason, which ends the wait, not the records.
   *
   * @example await producer.flush({ signal: AbortSignal.timeout(5_000) })
   */
  flush(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = checkOptions('flush', options, WAIT_RULES)
    return unlessAborted(signal, () => this.#flush())
  }

  /**
   * Resolves when a broker of the bootstrap list has answered, has accepted the credentials, and has given a producer id. Calling it is
   * optional: the first record connects too. It reports a wrong address or password before there are records.
   *
   * Rejects with a {@link BootstrapError}, an {@link AuthenticationError} or another reason, once every address has been tried; with a
   * {@link ProducerClosedError} when the producer is closed; and with the signal's reason, which ends the wait, not the attempts.
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
   * Sends one record, as an HTTP handler does, and resolves to its ack. Without buffer memory it waits for some, in the order of the
   * calls, for at most `maxBlockMs`. The record is read before the call returns.
   *
   * Rejects with a {@link RecordFailedError} when the record fails (`error.ack` says why, and whether it may be stored), with
   * a {@link ProducerClosedError} when the producer is closed before it accepts the record, and with the signal's reason: a record
   * that is accepted by then is still delivered.
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
   * Stops every intake, delivers accepted records, and ends every connection and timer. An open stream gets every ack it is owed; then
   * it completes if its source has ended, and errors with a {@link ProducerClosedError} if not. Later subscribers get a
   * {@link ProducerClosedError}. A second call waits for the first, and its options apply too.
   *
   * Rejects only with the signal's reason, which ends the wait: accepted records are still delivered.
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
   * Returns the acks of one stream of records. Cold: each subscription opens an {@link Intake} of its own.
   *
   * @param overflow `wait` if the source observes {@link Intake.hasRoom}; undefined: the producer's option applies.
   * @param createSink creates the sink that turns outcomes into the subscriber's acks.
   * @param start connects the intake to its source.
   */
  protected openStream<I, T>(
    { signal, ...fields }: SendOptions & Partial<RecordMapping<I>>,
    overflow: 'wait' | undefined,
    createSink: (subscriber: Subscriber<T>) => StreamSink,
    start: (intake: Intake<I>) => Subscription | undefined,
  ): Observable<T> {
    const maker: Maker<I> | undefined =
      fields.topic === undefined ? undefined : new MappingMaker(fields as RecordMapping<I>)
    return new Observable(subscriber => {
      const refusal = this.#ended ?? (signal?.aborted ? signal.reason : undefined)
      if (refusal !== undefined) {
        subscriber.error(refusal)
        return
      }
      const sink = createSink(subscriber)
      const whenFull = overflow ?? this.#options.overflow
      sink.failed = error => this.#path.failed(error)
      sink.yields = whenFull === 'reject' || this.#options.stalledOverflow === 'reject'
      const interceptors = this.#interceptors
      const intake =
        interceptors === undefined
          ? new Intake<I>(this.#path, sink, whenFull, maker)
          : new Intake<I>(
              this.#path,
              new InterceptedSink(sink, interceptors),
              whenFull,
              new InterceptingMaker(maker, interceptors),
            )
      this.#intakes.add(intake)
      subscriber.add(() => {
        intake.stop()
        this.#forget(intake)
      })
      if (signal !== undefined) subscriber.add(onAbort(signal, reason => subscriber.error(reason)))
      subscriber.add(start(intake))
    })
  }

  /** Forgets an intake when its serializers are done: their records are sent too. */
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

  /** The producer's own signal was aborted: closes without waiting. */
  #abort(reason: unknown): void {
    void this.close()
    this.#giveUp('its signal was aborted', reason)
  }

  /** Fails every record that has no ack yet. */
  #giveUp(why: string, cause?: unknown): void {
    this.#path.abandon(
      new ProducerClosedError(`the producer was closed before brokers had answered: ${why}`, { cause }),
    )
  }

  async #flush(): Promise<void> {
    // Records that serializers still work on count as sent.
    const serialized = [...this.#intakes].flatMap(intake => intake.serialized() ?? [])
    if (serialized.length > 0) await Promise.all(serialized)
    await this.#path.flush()
  }

  /** The producer cannot go on. Each stream errors when it is owed no more acks. */
  #fail(error: Error): void {
    // In this order: an ack handler may send records, and they must not be accepted any more.
    this.#ended ??= error
    this.#singles.close(error)
    for (const intake of [...this.#intakes]) intake.abandon(error)
    this.#path.abandon(error)
    this.#stop({ kind: 'fatal', error })
  }

  #stop(last: ProducerEvent): void {
    this.#path.stop()
    this.#interceptors?.closed()
    this.#path.events$.next(last)
    this.#path.events$.complete()
  }
}

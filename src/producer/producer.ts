import { Observable, type OperatorFunction, type Subscriber, Subscription } from 'rxjs'
import { InvalidArgumentError, ProducerClosedError, toError } from '../errors.js'
import { SingleRecords } from './acks/single-records.js'
import { DataPath } from './data-path.js'
import type { ProducerHealth, ProducerState } from './metrics/health.js'
import type { ProducerMetrics } from './metrics/producer-metrics.js'
import type { ProducerEvent } from './model/events.js'
import type { Acked, ProducerRecord } from './model/record.js'
import type { StreamSink } from './model/sinks.js'
import type { TransactionScope } from './model/transaction-scope.js'
import { OpenStreams } from './open-streams.js'
import { type ProducerOptions, type ResolvedOptions, resolveOptions } from './options/options.js'
import { checkOptions, integer, SIGNAL } from './options/rules.js'
import { RecordSender, type Start } from './record-sender.js'
import { Interceptors } from './records/interceptors.js'
import type { RecordMapping, SendOptions } from './records/serializer.js'
import { onAbort, unlessAborted } from './time/signal.js'
import { Transaction } from './transaction.js'
import {
  TRANSACTIONALLY_RULES,
  Transactionally,
  type TransactionallyOptions,
  type TransactionOutcome,
  type TransactionProject,
  type TransactionRecords,
} from './transactionally.js'
import type { OpenTransaction } from './transactions/open-transaction.js'
import type { Transactions } from './transactions/transactions.js'

/** How long `close()` waits. */
export interface CloseOptions {
  /** How long accepted records may still take, in ms; then they fail with a `ProducerClosedError`. Default: `deliveryTimeoutMs` bounds them. */
  readonly timeoutMs?: number
  /** Rejects the promise with its reason at once. Accepted records are still delivered, and then the producer closes. */
  readonly signal?: AbortSignal
}

const WAIT_RULES = { signal: SIGNAL }
const CLOSE_RULES = { timeoutMs: integer(0), signal: SIGNAL }

/**
 * Creates an idempotent producer: it writes every accepted record exactly once, in order per partition, and every record gets exactly
 * one ack. Connects when it accepts the first record, or by `connect()`.
 *
 * @throws {InvalidArgumentError} when an option is unknown, out of range or contradicts another one.
 *
 * @example
 * const producer = createProducer({ brokers: ['localhost:9092'] })
 * const acks$ = orders$.pipe(
 *   map(order => ({ topic: 'orders', key: order.id, value: JSON.stringify(order) })),
 *   producer.send(),
 *   tap(ack => console.log(ack.kind)),
 * )
 * await lastValueFrom(acks$, { defaultValue: undefined })
 * await producer.close()
 */
export function createProducer(options: ProducerOptions): Producer {
  return new Producer(resolveOptions(options))
}

/**
 * An idempotent producer: every way to send records, what it tells of itself, and its end. {@link createProducer} makes one.
 *
 * @see createProducer
 */
export class Producer extends RecordSender implements AsyncDisposable {
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
  readonly #streams: OpenStreams
  #closing: Promise<void> | undefined
  /** How it ended: with an error, or closed. */
  #ended: { readonly error: Error | undefined } | undefined
  /** Ends the waits that bound `close()`. */
  readonly #patience = new Subscription()

  constructor(options: ResolvedOptions) {
    super()
    this.#options = options
    this.#path = new DataPath(options, this)
    this.#path.fatal$.subscribe({ error: error => this.#fail(error) })
    const { interceptors } = options
    if (interceptors.length > 0)
      this.#interceptors = new Interceptors(interceptors, (method, error) =>
        this.#path.events$.next({ kind: 'interceptorFailed', method, error: toError(error) }),
      )
    this.#streams = new OpenStreams(options, this.#path, this.#interceptors)
    this.#singles = this.#singleRecords()
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

  /**
   * Returns how the producer is now, for liveness and readiness probes; survives `JSON.stringify`. It costs as much as there are batches
   * without an ack.
   *
   * @example
   * const { state, oldestRecordAgeMs } = producer.health()
   * response.statusCode = state === 'ready' && oldestRecordAgeMs < 30_000 ? 200 : 503
   */
  health(): ProducerHealth {
    const path = this.#path
    const now = path.now()
    let oldest = now
    for (const at of [...path.oldest(), ...this.#streams.oldest()]) if (at !== undefined && at < oldest) oldest = at
    return {
      state: this.#state(),
      error: this.#ended?.error,
      connectedBrokers: path.connectedBrokers,
      bufferUsedBytes: path.bufferedBytes,
      bufferTotalBytes: this.#options.bufferMemory,
      oldestRecordAgeMs: now - oldest,
      waitingSources: path.waitingSources,
    }
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
      if (this.#streams.ended !== undefined) throw this.#streams.ended
      await this.#path.connect()
    })
  }

  /**
   * Begins a transaction, once the ones before it have ended. Its records are stored whole, or not at all.
   *
   * Rejects with a {@link ProducerFencedError} when another producer with the same `transactionalId` has taken over, with a
   * {@link ProducerClosedError} when the producer is closed, and with the signal's reason, which ends the wait.
   *
   * @throws {InvalidArgumentError} when the producer has no `transactionalId`, or an option is unknown or of the wrong type.
   *
   * @example
   * await using transaction = await producer.beginTransaction()
   * await transaction.sendOne({ topic: 'orders', value: 'a' })
   * await transaction.commit()
   */
  beginTransaction(options: { readonly signal?: AbortSignal } = {}): Promise<Transaction> {
    const transactions = this.#transactions('beginTransaction')
    const { signal } = checkOptions('beginTransaction', options, WAIT_RULES)
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#streams.ended !== undefined) return Promise.reject(this.#streams.ended)
    return this.#begun(this.#begin(transactions), signal)
  }

  /**
   * Returns an operator that runs a transaction for each value of its source, one after the other, and emits what became of it.
   *
   * A value is the source of the transaction's records: an Observable, an iterable, an async iterable, a Readable; or `project` makes the
   * records from it, and may store offsets and a position in the same transaction. The transaction is committed when that source has
   * completed and every record is acked; it is aborted when the source errors, or a record fails. While one transaction is being committed,
   * the next one fills its batches, within `bufferMemory`.
   *
   * An aborted transaction ends the stream with a {@link TransactionAbortedError}; with `onAborted: 'continue'` it is emitted in-band.
   * Unsubscribing aborts the transaction whose source has not ended.
   *
   * @throws {InvalidArgumentError} when the producer has no `transactionalId`, or an option is unknown or of the wrong type.
   *
   * @example records$.pipe(windowTime(100), producer.transactionally()).subscribe(({ count }) => console.log(count))
   * @example batches$.pipe(producer.transactionally((batch, transaction) => {
   *   transaction.sendOffsets('copier', [{ topic: batch.topic, partition: batch.partition, offset: batch.nextOffset }])
   *   return batch.records.map(enrich)
   * }))
   */
  transactionally<T extends TransactionRecords>(
    options?: TransactionallyOptions,
  ): OperatorFunction<T, TransactionOutcome<T>>
  /** Same as above; `project` makes the records of a transaction from each value. */
  transactionally<T>(
    project: TransactionProject<T>,
    options?: TransactionallyOptions,
  ): OperatorFunction<T, TransactionOutcome<T>>
  transactionally<T>(
    first: TransactionProject<T> | TransactionallyOptions = {},
    second: TransactionallyOptions = {},
  ): OperatorFunction<T, TransactionOutcome<T>> {
    const transactions = this.#transactions('transactionally')
    const isProject = typeof first === 'function'
    const project: TransactionProject<T> = isProject ? first : value => value as TransactionRecords
    const { onAborted } = checkOptions('transactionally', isProject ? second : first, TRANSACTIONALLY_RULES)
    const producer = { begin: () => this.#begin(transactions), streams: this.#streams }
    return source =>
      new Observable(subscriber => {
        if (this.#streams.ended === undefined)
          return new Transactionally(producer, project, onAborted === 'continue', subscriber).observe(source)
        subscriber.error(this.#streams.ended)
        return undefined
      })
  }

  /**
   * Returns the position that was committed last with `transaction.setPosition()`, by whichever producer had this `transactionalId`; undefined if
   * there is none. Takes over the `transactionalId`, so that no older producer can commit another one.
   *
   * Rejects when the coordinator refuses to tell, as without the permission to read the group whose name is the `transactionalId`: to go on from
   * the beginning then would write everything again. What may pass, such as a coordinator that moves, is waited for.
   *
   * @throws {InvalidArgumentError} when the producer has no `transactionalId`.
   *
   * @example const start = Number(await producer.position() ?? 0)
   */
  position(options: { readonly signal?: AbortSignal } = {}): Promise<string | undefined> {
    const transactions = this.#transactions('position')
    const { signal } = checkOptions('position', options, WAIT_RULES)
    if (this.#streams.ended !== undefined) return Promise.reject(this.#streams.ended)
    return unlessAborted(signal, () => transactions.position())
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

  /** As {@link close}, without a limit of time. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  protected openStream<I, T>(
    options: SendOptions & Partial<RecordMapping<I>>,
    overflow: 'wait' | undefined,
    createSink: (subscriber: Subscriber<T>) => StreamSink,
    start: Start<I>,
  ): Observable<T> {
    return this.#streams.open(options, overflow, createSink, start)
  }

  protected sendSingle<M>(record: ProducerRecord<M>, signal: AbortSignal | undefined): Promise<Acked<M>> {
    const { ended } = this.#streams
    return ended === undefined ? this.#singles.send(record, signal) : Promise.reject(ended)
  }

  protected allow(method: string): void {
    if (this.#path.transactions === undefined) return
    throw new InvalidArgumentError(
      `${method}() would send records outside a transaction, and this producer has a \`transactionalId\`:` +
        ` use beginTransaction(), and ${method}() of the transaction, or transactionally()`,
    )
  }

  /** @throws {InvalidArgumentError} when the producer has no transactions. */
  #transactions(method: string): Transactions {
    const { transactions } = this.#path
    if (transactions !== undefined) return transactions
    throw new InvalidArgumentError(
      `${method}() needs option \`transactionalId\`, which makes the producer transactional`,
    )
  }

  #singleRecords(transaction?: TransactionScope): SingleRecords {
    return new SingleRecords(this.#path, this.#options.stalledOverflow === 'reject', this.#interceptors, transaction)
  }

  #begin(transactions: Transactions): { readonly open: OpenTransaction; readonly transaction: Transaction } {
    const open = transactions.begin()
    const singles = this.#singleRecords(open.scope)
    return { open, transaction: new Transaction(open, transactions, this.#streams, singles) }
  }

  async #begun(
    { open, transaction }: { readonly open: OpenTransaction; readonly transaction: Transaction },
    signal: AbortSignal | undefined,
  ): Promise<Transaction> {
    try {
      await unlessAborted(signal, () => open.until('open', 'aborting'))
    } catch (error) {
      open.abort(error as Error)
      throw error
    }
    if (open.scope.dropped !== undefined) throw open.scope.dropped
    return transaction
  }

  async #close(): Promise<void> {
    const reason = new ProducerClosedError('the producer was closed')
    this.#streams.close(reason)
    this.#singles.close(reason)
    if (this.#path.transactions !== undefined) await this.#path.transactions.close(reason)
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
    const serialized = this.#streams.serialized()
    if (serialized !== undefined) await serialized
    await this.#path.flush()
  }

  /** The producer cannot go on. Each stream errors when it is owed no more acks. */
  #fail(error: Error): void {
    // In this order: an ack handler may send records, and they must not be accepted any more.
    this.#streams.abandon(error)
    this.#singles.close(error)
    this.#path.abandon(error)
    this.#stop({ kind: 'fatal', error })
  }

  #state(): ProducerState {
    if (this.#ended !== undefined) return this.#ended.error === undefined ? 'closed' : 'failed'
    if (this.#closing !== undefined) return 'closing'
    return this.#path.isIdentified ? 'ready' : 'starting'
  }

  #stop(last: ProducerEvent & { readonly kind: 'closed' | 'fatal' }): void {
    // Of a fatal error while the producer was closed both come: the first one tells how it ended.
    this.#ended ??= { error: last.kind === 'fatal' ? last.error : undefined }
    this.#path.stop()
    this.#interceptors?.closed()
    this.#path.events$.next(last)
    this.#path.events$.complete()
  }
}

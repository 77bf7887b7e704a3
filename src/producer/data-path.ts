import { finalize, type Observable, Subject, Subscription } from 'rxjs'
import type { BrokerEvent } from '../cluster/broker.js'
import { Brokers } from '../cluster/brokers.js'
import { Metadata, type MetadataEvent } from '../cluster/metadata.js'
import { AuthenticationError, type BufferFullError, IdleConnectionError, UnsupportedVersionError } from '../errors.js'
import { deliver } from './acks/deliver.js'
import { Accumulator } from './batching/accumulator.js'
import { EventLog } from './event-log.js'
import { firstContact } from './first-contact.js'
import { BrokerWindows } from './in-flight/broker-windows.js'
import { RetrySlots } from './in-flight/retry-slots.js'
import { Throttle } from './in-flight/throttle.js'
import { emitEvery } from './metrics/emit-every.js'
import { Meters } from './metrics/meters.js'
import type { ProducerMetrics } from './metrics/producer-metrics.js'
import { snapshot } from './metrics/snapshot.js'
import { ProducerEvents, type WaitingOn } from './model/events.js'
import type { ProducerRecord } from './model/record.js'
import type { SettledBatch } from './model/settled-batch.js'
import type { AckSink } from './model/sinks.js'
import type { TakenRecord } from './model/taken-record.js'
import { NextRequest } from './next-request.js'
import type { ResolvedOptions } from './options/options.js'
import { reportPlaintext } from './options/plaintext.js'
import { pipeline } from './pipeline.js'
import { Resolver } from './resolver.js'
import { Identification } from './sequencing/identification.js'
import { ProducerIds } from './sequencing/producer-id.js'
import { BufferWait } from './sources/buffer-wait.js'
import { Deadlines } from './time/deadlines.js'
import { ProcessHold } from './time/process-hold.js'
import { processScheduler } from './time/process-scheduler.js'
import { TopicChanges } from './topic-changes.js'
import { type TransactionalPath, Transactions } from './transactions/transactions.js'

/**
 * A producer's {@link pipeline} with everything that it is made of: makes the stages, subscribes them to one another, and ends them.
 * Sources put records in with {@link accept}.
 */
export class DataPath {
  readonly events$: ProducerEvents
  /** Errors once, with the reason why the producer cannot go on. */
  readonly fatal$: Subject<never> = new Subject<never>()
  /** Of a producer with a transactional id. */
  readonly transactions: Transactions | undefined
  /** Emits when memory was released. */
  readonly released$: Subject<void>
  readonly #options: ResolvedOptions
  readonly #producer: object
  readonly #brokers: Brokers
  readonly #metadata: Metadata
  readonly #batching: Accumulator
  readonly #windows: BrokerWindows
  readonly #nextRequest: NextRequest
  readonly #identification: Identification | Transactions
  readonly #topicChanges: TopicChanges
  readonly #resolver: Resolver
  readonly #bufferWait: BufferWait
  readonly #meters: Meters
  readonly #life = new Subscription()
  /** Keeps the process alive while there are records without an ack; not in virtual time. */
  readonly #hold: ProcessHold | undefined
  #identified = false
  /** Calls of `connect()` that wait. */
  #connecting = 0

  /** @param producer whom traced requests are from. */
  constructor(options: ResolvedOptions, producer: object) {
    const { logger, scheduler } = options
    const log = logger && new EventLog(logger, scheduler)
    const events$ = new ProducerEvents(log && (event => log.log(event)))
    this.events$ = events$
    this.#options = options
    this.#producer = producer
    this.#meters = new Meters(options.scheduler)
    const brokers = new Brokers(reportPlaintext(options, event => events$.next(event)))
    const batching = new Accumulator(options)
    const metadata = new Metadata(options, brokers, batching.topics)
    const windows = new BrokerWindows(brokers, options)
    const retries = new RetrySlots(options, this.#life)
    const throttle = new Throttle(options.scheduler, windows, batching.obstacles, events$, this.#life)
    const isNeeded = (): boolean => this.bufferedBytes > 0 || this.#connecting > 0
    const { transactionalId } = options
    this.transactions =
      transactionalId === null
        ? undefined
        : new Transactions(
            { ...options, transactionalId },
            brokers,
            this.#transactionalPath(),
            events$,
            isNeeded,
            this.#life,
          )
    const identification =
      this.transactions ?? new Identification(new ProducerIds(brokers, options), events$, isNeeded, this.#life)
    const topicChanges = new TopicChanges(batching, identification, options.retries)
    this.#brokers = brokers
    this.#batching = batching
    this.#metadata = metadata
    this.#windows = windows
    this.#identification = identification
    this.#topicChanges = topicChanges
    this.#nextRequest = new NextRequest(batching, brokers, metadata, windows, retries, events$)
    this.#resolver = new Resolver({
      batching,
      brokers,
      identification,
      metadata,
      retries,
      throttle,
      topicChanges,
      events$,
    })
    this.#hold = options.scheduler === processScheduler ? new ProcessHold(() => this.bufferedBytes) : undefined
    this.released$ = batching.memory.released$
    this.#bufferWait = new BufferWait(this, options, waitingOn =>
      events$.next({ kind: 'blocked', bufferedBytes: this.bufferedBytes, waitingOn }),
    )
    this.#run()
  }

  /** Bytes of records that have no terminal event yet. */
  get bufferedBytes(): number {
    return this.#batching.memory.bytes
  }

  get hasRoom(): boolean {
    return this.#batching.memory.hasRoom
  }

  get hasRoomForReserved(): boolean {
    return this.#batching.memory.hasRoomForReserved
  }

  /** Produce requests in flight, by node id. */
  get inFlight(): ReadonlyMap<number, number> {
    return new Map([...this.#windows].map(({ nodeId, inFlight }) => [nodeId, inFlight]))
  }

  get metrics$(): Observable<ProducerMetrics> {
    const { metricsIntervalMs, scheduler } = this.#options
    return emitEvery(metricsIntervalMs, scheduler, this.#life, () => this.metrics())
  }

  metrics(): ProducerMetrics {
    return snapshot(this.#meters, this.now(), {
      holding: this.#batching.holding(),
      windows: this.#windows,
      bufferedBytes: this.bufferedBytes,
      waitingSources: this.waitingSources,
      options: this.#options,
    })
  }

  /** How many brokers have an open connection for Produce requests. */
  get connectedBrokers(): number {
    let count = 0
    for (const { broker } of this.#windows) if (broker.connection !== undefined) count++
    return count
  }

  /** Whether a broker has given a producer id. */
  get isIdentified(): boolean {
    return this.#identified
  }

  /** How many sources wait for buffer memory. */
  get waitingSources(): number {
    return this.#bufferWait.waiting
  }

  /** When each of the oldest records was accepted. @see {@link Accumulator.oldest} */
  oldest(): Iterable<number | undefined> {
    return this.#batching.oldest()
  }

  /** A record failed before it was part of a batch. */
  failed(error: Error): void {
    this.#meters.failed(error)
  }

  /** Accepts a record, or returns why not. */
  accept(record: ProducerRecord, sink: AckSink): Error | undefined {
    if (!this.#identification.wanted) this.#identification.request()
    const error = this.#batching.accept(record, sink)
    if (error === undefined) this.#hold?.hold()
    return error
  }

  /** Accepts a record that was read before. @see {@link Accumulator.acceptTaken} */
  acceptTaken(taken: TakenRecord, sink: AckSink, acceptedAt: number | undefined): Error | undefined {
    if (!this.#identification.wanted) this.#identification.request()
    const error = this.#batching.acceptTaken(taken, sink, acceptedAt)
    if (error === undefined) this.#hold?.hold()
    return error
  }

  /** Resolves when a broker has given a producer id. @see {@link firstContact} */
  async connect(): Promise<void> {
    if (this.#identified) return
    this.#connecting++
    const contact = firstContact(this.events$.pipe(finalize(() => this.#connecting--)))
    if (!this.#identification.wanted) this.#identification.request()
    await this.#holding(contact)
  }

  /** Reserves memory for a record that is not encoded yet, or returns why there is none. */
  reserve(): Error | undefined {
    if (!this.#identification.wanted) this.#identification.request()
    const error = this.#batching.memory.reserve()
    if (error === undefined) this.#hold?.hold()
    return error
  }

  unreserve(): void {
    this.#batching.memory.unreserve()
  }

  /** Wakes the sources that wait for buffer memory. */
  memoryReleased(): void {
    this.released$.next()
  }

  now(): number {
    return this.#options.scheduler.now()
  }

  deliveries<T>(expired: (item: T) => void): Deadlines<T> {
    return new Deadlines(this.#options.scheduler, this.#options.deliveryTimeoutMs, expired)
  }

  blocks<T>(expired: (item: T) => void): Deadlines<T> {
    return new Deadlines(this.#options.scheduler, this.#options.maxBlockMs, expired)
  }

  /** Calls back once: when there may be room again, or with the reason why there will be none. */
  whenWritable(resume: (error?: Error) => void, maxBlockMs?: number): Subscription {
    return this.#bufferWait.wait(resume, maxBlockMs)
  }

  /** As {@link whenWritable}, for a record that has memory reserved. */
  whenWritableForReserved(resume: (error?: Error) => void, maxBlockMs?: number): Subscription {
    return this.#bufferWait.wait(resume, maxBlockMs, () => this.hasRoomForReserved)
  }

  blockedTooLong(): BufferFullError {
    return this.#bufferWait.timeout()
  }

  /** Sends partially filled batches now, ignoring `linger`. */
  flushOpenBatches(): void {
    this.#batching.flushOpenBatches()
  }

  waitingOn(): readonly WaitingOn[] {
    return this.#batching.waitingOn()
  }

  flush(): Promise<void> {
    return this.#batching.flush()
  }

  /** Fails everything that is not settled with `error`, and transactions that are not committed. */
  abandon(error: Error): void {
    this.transactions?.abandon(error)
    for (const settled of this.#resolver.abandon(error)) this.#settle(settled)
  }

  /** Ends every connection and timer. */
  stop(): void {
    this.#life.unsubscribe()
    this.#hold?.stop()
    this.#batching.obstacles.stop()
    this.#metadata.close()
    this.#brokers.close()
    this.released$.complete()
  }

  /** Subscribes the stages to one another. What makes the producer end is thrown: it errors `fatal$`. */
  #run(): void {
    const fatal = (error: Error): void => this.fatal$.error(error)
    const { topics, ready, memory } = this.#batching
    memory.released$.subscribe(() => {
      if (this.bufferedBytes === 0) this.#hold?.release()
    })
    topics.metadataNeeds$.subscribe(({ kind, topic }) => {
      if (kind === 'refresh') this.#metadata.refresh([topic])
      else this.#metadata[kind](topic)
    })
    ready.ready$.subscribe(nodeId => this.#windows.open(nodeId).wakeSoon())
    this.#batching.placed$.subscribe(placement => this.transactions?.placed(placement.transaction, placement.partition))
    this.#windows.opened$.subscribe(({ nodeId, closed$ }) => closed$.subscribe(() => this.#meters.left(nodeId)))
    this.#identification.identity$.subscribe({
      next: identity => {
        this.#identified = true
        // A partition of a transactional producer gets it with its transaction.
        if (this.transactions === undefined) this.#topicChanges.identify(identity)
      },
      error: fatal,
    })
    const settled$ = pipeline({
      batching: this.#batching,
      windows: this.#windows,
      nextRequest: this.#nextRequest,
      resolver: this.#resolver,
      topicChanges: this.#topicChanges,
      meters: this.#meters,
      metadata$: this.#metadata.events$,
      producer: this.#producer,
      options: this.#options,
    })
    this.#life.add(settled$.subscribe({ next: settled => this.#settle(settled), error: fatal }))
    this.#life.add(this.#metadata.events$.subscribe(event => this.#learned(event)))
    this.#life.add(this.#brokers.events$.subscribe(event => this.#connectionChanged(event)))
  }

  /** Keeps the process alive for work that no record does it for. */
  async #holding<T>(work: Promise<T>): Promise<T> {
    const hold = this.#options.scheduler === processScheduler ? new ProcessHold(() => 0) : undefined
    hold?.hold()
    try {
      return await work
    } finally {
      hold?.stop()
    }
  }

  #transactionalPath(): TransactionalPath {
    return {
      hold: work => this.#holding(work),
      offer: partition => this.#batching.ready.offer(partition),
      flush: transaction => this.#batching.flushTransaction(transaction),
      drop: (transaction, partitions) => {
        for (const settled of this.#resolver.drop(transaction, partitions)) this.#settle(settled)
      },
    }
  }

  /** The one place that every settled batch passes: memory is released, acks are delivered, flushes and waiting sources go on. */
  #settle(settled: SettledBatch): void {
    this.#batching.deallocate(settled)
    this.#meters.settled(settled)
    deliver(settled)
    this.#batching.completed(settled.batch)
  }

  /** Topics have the metadata by now. */
  #learned(event: MetadataEvent): void {
    if (event.kind === 'metadata') {
      for (const window of this.#windows) {
        this.#nextRequest.findLeaders(window)
        window.wakeSoon()
      }
    }
    this.events$.next(event)
    if (event.kind !== 'metadataFailed') return
    const { error } = event
    // Fatal: the same credentials cannot succeed, or no broker of the bootstrap list speaks a version that this client knows.
    if (error instanceof AuthenticationError || error instanceof UnsupportedVersionError) this.fatal$.error(error)
  }

  #connectionChanged(event: BrokerEvent): void {
    const { obstacles, topics } = this.#batching
    if (event.kind === 'connected') {
      this.#meters.connected(event.nodeId)
      obstacles.connected(event.nodeId)
    } else if (event.kind === 'disconnected' && !(event.error instanceof IdleConnectionError)) {
      obstacles.disconnected(event.nodeId, event.error)
      this.#metadata.refresh(topics.at(event.nodeId))
    }
    this.events$.next(event)
    // Connected, it sends; disconnected, it connects again if it still has something to send.
    this.#windows.get(event.nodeId)?.wake$.next()
    // Fatal: the same credentials cannot succeed.
    if (event.kind === 'disconnected' && event.error instanceof AuthenticationError) this.fatal$.error(event.error)
  }
}

import { finalize, merge, mergeMap, type Observable, Subject, Subscription } from 'rxjs'
import { backoffMs } from '../cluster/backoff.js'
import type { Broker } from '../cluster/broker.js'
import { Brokers } from '../cluster/brokers.js'
import { Metadata } from '../cluster/metadata.js'
import { AuthenticationError, type BufferFullError, DataLossError, UnsupportedVersionError } from '../errors.js'
import type { Connection } from '../transport/connection.js'
import { Accumulator } from './batching/accumulator.js'
import type { AccumulatorEffects } from './batching/accumulator-effects.js'
import { firstContact, Warnings } from './first-contact.js'
import { drain, inSendOrder } from './in-flight/in-flight.js'
import { type DrainedRequest, produceTo, type RequestResult, saysStale } from './in-flight/produce-request.js'
import { RetrySlots } from './in-flight/retry-slots.js'
import { BrokerWindow } from './in-flight/window.js'
import type { AckSink } from './model/batch.js'
import { type ProducerEvent, ProducerEvents, type WaitingOn } from './model/events.js'
import type { Partition } from './model/partition.js'
import type { ProducerRecord } from './model/record.js'
import type { ResolvedOptions } from './options/options.js'
import { tellOfPlaintext } from './options/plaintext.js'
import type { TakenRecord } from './records/taken-record.js'
import { ProducerIds } from './sequencing/producer-id.js'
import { BufferWait } from './sources/buffer-wait.js'
import { Deadlines } from './time/deadlines.js'
import { ProcessHold } from './time/process-hold.js'
import { processScheduler } from './time/process-scheduler.js'

/**
 * The one place where the stages of the data path are joined. A record goes
 *
 *   accept() → Accumulator: partition, encode into the open batch → a broker's window → acks
 *
 * and the window is {@link DataPath.#openWindow}.
 */
export class DataPath {
  readonly events$: Subject<ProducerEvent> = new ProducerEvents()
  /** Emits when memory was released. */
  readonly released$: Subject<void> = new Subject<void>()
  readonly #options: ResolvedOptions
  readonly #brokers: Brokers
  readonly #producerIds: ProducerIds
  readonly #metadata: Metadata
  readonly #accumulator: Accumulator
  readonly #windows = new Map<number, BrokerWindow>()
  readonly #life = new Subscription()
  readonly #retries: RetrySlots
  readonly #room: BufferWait
  /** Time that is not the process's own holds no process. */
  readonly #hold: ProcessHold | undefined
  /** Brokers are asked for a producer id, or have given one. */
  #started = false
  #subscribed = false
  /** A producer id is on its way. */
  #identifying = false
  #identified = false
  /** Who waits for first contact. */
  #connecting = 0
  readonly #warnings = new Warnings(() => this.events$.observed)
  readonly #fatal: (error: Error) => void

  /** @param fatal called when the producer cannot go on. */
  constructor(options: ResolvedOptions, fatal: (error: Error) => void) {
    this.#options = options
    this.#fatal = fatal
    this.#brokers = new Brokers(tellOfPlaintext(options, event => this.events$.next(event)))
    this.#producerIds = new ProducerIds(this.#brokers, options)
    this.#accumulator = new Accumulator(options, this.#effects())
    this.#metadata = new Metadata(options, this.#brokers, this.#accumulator.topics)
    this.#retries = new RetrySlots(options, this.#life)
    this.#hold = options.scheduler === processScheduler ? new ProcessHold(() => this.bufferedBytes) : undefined
    this.#room = new BufferWait(this, options, waitingOn =>
      this.events$.next({ kind: 'blocked', bufferedBytes: this.bufferedBytes, waitingOn }),
    )
  }

  /** Bytes of records that have no terminal event yet. */
  get bufferedBytes(): number {
    return this.#accumulator.memory.bytes
  }

  get hasRoom(): boolean {
    return this.#accumulator.memory.hasRoom
  }

  /** Produce requests in flight, by node id. */
  get inFlight(): ReadonlyMap<number, number> {
    return new Map([...this.#windows].map(([nodeId, { inFlight }]) => [nodeId, inFlight]))
  }

  /** Takes a record, or says why not. */
  accept(record: ProducerRecord, sink: AckSink): Error | undefined {
    if (!this.#started) this.#start()
    const error = this.#accumulator.accept(record, sink)
    if (error === undefined) this.#hold?.hold()
    return error
  }

  /** Takes a record that was read before. @see {@link Accumulator.acceptTaken} */
  acceptTaken(taken: TakenRecord, sink: AckSink, takenAt: number | undefined): Error | undefined {
    if (!this.#started) this.#start()
    const error = this.#accumulator.acceptTaken(taken, sink, takenAt)
    if (error === undefined) this.#hold?.hold()
    return error
  }

  /** Resolves when a broker has given a producer id. @see {@link firstContact} */
  async connect(): Promise<void> {
    if (this.#identified) return
    const { scheduler } = this.#options
    // Nothing else does: there may be no record yet.
    const hold = scheduler === processScheduler ? new ProcessHold(() => 0) : undefined
    hold?.hold()
    this.#connecting++
    const waits$ = this.events$.pipe(finalize(() => this.#connecting--))
    const contact = firstContact(waits$)
    if (!this.#started) this.#start()
    try {
      await contact
    } finally {
      hold?.stop()
    }
  }

  reserve(): Error | undefined {
    if (!this.#started) this.#start()
    const error = this.#accumulator.memory.reserve()
    if (error === undefined) this.#hold?.hold()
    return error
  }

  unreserve(): void {
    this.#accumulator.memory.unreserve()
  }

  /** What waits for room in the buffer may find some. */
  memoryReleased(): void {
    if (this.bufferedBytes === 0) this.#hold?.release()
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
    return this.#room.wait(resume, maxBlockMs)
  }

  get hasRoomForReserved(): boolean {
    return this.#accumulator.memory.hasRoomForReserved
  }

  /** As {@link whenWritable}, for what has its place reserved. */
  whenWritableForReserved(resume: (error?: Error) => void, maxBlockMs?: number): Subscription {
    return this.#room.wait(resume, maxBlockMs, () => this.hasRoomForReserved)
  }

  blockedTooLong(): BufferFullError {
    return this.#room.timeout()
  }

  /** What waits to fill a batch goes at once. */
  flushOpenBatches(): void {
    this.#accumulator.flushOpenBatches()
  }

  waitingOn(): readonly WaitingOn[] {
    return this.#accumulator.waitingOn()
  }

  flush(): Promise<void> {
    return this.#accumulator.flush()
  }

  /** What has no end yet ends with this error. */
  abandon(error: Error): void {
    this.#accumulator.abandon(error)
  }

  /** Ends every connection and timer. */
  stop(): void {
    this.#life.unsubscribe()
    this.#hold?.stop()
    this.#accumulator.obstacles.stop()
    this.#metadata.close()
    this.#brokers.close()
    this.released$.complete()
  }

  /** The in-flight window of one broker. */
  #openWindow(nodeId: number): BrokerWindow {
    const { maxInFlight, requestTimeoutMs } = this.#options
    const window = new BrokerWindow(this.#brokers.get(nodeId), this.#options)
    const { slots, wake$ } = window
    const outcomes$: Observable<RequestResult> = merge(wake$, slots.freed$).pipe(
      drain(slots, () => this.#nextRequest(window)), // a request is built only when it can leave at once
      mergeMap(attempt => slots.hold(produceTo(attempt, requestTimeoutMs)), maxInFlight), // the in-flight window
      inSendOrder(),
    )
    window.life.add(outcomes$.subscribe(outcome => this.#handle(outcome, window)))
    this.#life.add(window.life)
    this.#windows.set(nodeId, window)
    return window
  }

  /** Closes the window of a node that has left the cluster and owes no answer. A node that returns gets a new window. */
  #closeWindow({ broker, life }: BrokerWindow): void {
    const { nodeId } = broker
    life.unsubscribe()
    this.#windows.delete(nodeId)
    this.#disconnect(broker)
    this.#brokers.drop(nodeId)
    this.#retries.left(nodeId)
    this.#accumulator.obstacles.left(nodeId)
  }

  /** Draws and sequences what goes to a broker next; undefined when there is nothing, or no connection to send it by. */
  #nextRequest(window: BrokerWindow): DrainedRequest | undefined {
    const { broker } = window
    if (broker.hasMoved) {
      // Its old address still owes answers, and two connections at once could store batches out of order.
      if (window.inFlight > 0) return undefined
      this.#disconnect(broker)
    } else if (!broker.isKnown && window.inFlight === 0 && !this.#accumulator.hasWork(broker.nodeId)) {
      this.#closeWindow(window)
      return undefined
    }
    const { connection } = broker
    if (connection === undefined || connection.closed) {
      if (this.#accumulator.hasWork(broker.nodeId)) broker.connect()
      this.#findLeaders(broker)
      return undefined
    }
    // A re-authentication is under way: an event tells of its end.
    if (!connection.writable || this.#accumulator.obstacles.isPaused(broker.nodeId)) return undefined
    const { limit } = window
    const parts = this.#accumulator.drain(broker.nodeId, limit.bytes)
    return parts.length === 0 ? undefined : { sendIndex: window.issue(), connection, parts, limit }
  }

  /** Outcomes come in the order in which their requests were issued. Every partition decides for itself what follows. */
  #handle(outcome: RequestResult, window: BrokerWindow): void {
    const { request, results, lost, throttleTimeMs, fatal } = outcome
    if (throttleTimeMs > 0) this.#mute(window, request.connection, throttleTimeMs)
    const stale = request.parts.filter((_, i) => saysStale(results[i]!)).map(({ partition }) => partition.topic)
    if (stale.length > 0) this.#metadata.refresh(new Set(stale))
    request.parts.forEach(({ partition, batch }, i) => {
      partition.answered(batch, results[i]!)
      this.#accumulator.offer(partition)
    })
    this.#accumulator.obstacles.answered(window.broker.nodeId, lost)
    if (fatal !== undefined) this.#fatal(fatal)
  }

  /** KIP-219: the broker does not listen for so long either, so what it has not read yet is answered later. */
  #mute(window: BrokerWindow, connection: Connection, throttleTimeMs: number): void {
    connection.extendDeadlines(throttleTimeMs)
    const { nodeId } = window.broker
    this.#accumulator.obstacles.pauseBegan(nodeId, throttleTimeMs)
    // No clock is asked when it is over: a timer may fire a little before its time by that.
    const timer = this.#options.scheduler.schedule(() => {
      this.#life.remove(timer)
      this.#accumulator.obstacles.pauseEnded(nodeId)
      // The node may have a new window by now.
      this.#windows.get(nodeId)?.wake$.next()
    }, throttleTimeMs)
    this.#life.add(timer)
    this.events$.next({ kind: 'throttled', nodeId, throttleTimeMs })
  }

  #effects(): AccumulatorEffects {
    return {
      topicUsed: topic => this.#metadata.use(topic),
      leaderless: topic => this.#metadata.refresh([topic]),
      topicGivenUp: topic => this.#metadata.drop(topic),
      ready: nodeId => (this.#windows.get(nodeId) ?? this.#openWindow(nodeId)).wakeSoon(),
      released: () => this.memoryReleased(),
      settle: (batch, end) => this.#accumulator.settle(batch, end),
      split: (batch, parts) => this.#accumulator.split(batch, parts),
      pause: (partition, failures, error) => this.#retryLater(partition, failures, error),
      epochBumped: (partition, error) => this.#epochBumped(partition, error),
    }
  }

  #retryLater(partition: Partition, failures: number, error: Error): void {
    const { topic, index } = partition
    this.events$.next({ kind: 'retrying', topic, partition: index, failures, error })
    this.#retries.add(partition.leader, backoffMs(failures, this.#options), () => {
      partition.backOffEnded()
      this.#accumulator.offer(partition)
    })
  }

  #epochBumped(partition: Partition, error: Error): void {
    const { topic, index, sequences } = partition
    if (error instanceof DataLossError) this.events$.next({ kind: 'dataLoss', topic, partition: index, error })
    // It can't go on with this producer id, and waits for another.
    if (sequences.identity === undefined) this.#identify()
    const producerEpoch = sequences.identity?.producerEpoch ?? 0
    this.events$.next({ kind: 'epochBumped', topic, partition: index, producerEpoch, error })
  }

  #start(): void {
    this.#started = true
    if (!this.#subscribed) this.#subscribe()
    this.#identify()
  }

  #subscribe(): void {
    this.#subscribed = true
    this.#life.add(
      this.#metadata.events$.subscribe(event => {
        if (event.kind === 'metadata') {
          for (const topic of event.topics) this.#accumulator.update(topic)
          for (const window of this.#windows.values()) {
            this.#findLeaders(window.broker)
            window.wakeSoon()
          }
        } else this.#accumulator.metadataFailed(event.error)
        this.events$.next(event)
        if (event.kind === 'metadataFailed') {
          this.#warnings.about(event.error)
          this.#refused(event.error)
          // Of every address.
          if (event.error instanceof UnsupportedVersionError) this.#fatal(event.error)
        }
      }),
    )
    this.#life.add(
      this.#brokers.events$.subscribe(event => {
        if (event.kind === 'connected') this.#accumulator.obstacles.connected(event.nodeId)
        else if (event.kind === 'disconnected') {
          this.#accumulator.obstacles.disconnected(event.nodeId, event.error)
          this.#metadata.refresh(this.#accumulator.topics.at(event.nodeId))
        }
        this.events$.next(event)
        // Connected, it sends; disconnected, it wants to be connected again, if it still has something to send.
        this.#windows.get(event.nodeId)?.wake$.next()
        if (event.kind === 'disconnected') this.#refused(event.error)
      }),
    )
  }

  /** Metadata is the reason for this, so it does not ask for metadata. */
  #disconnect(broker: Broker): void {
    const told = broker.disconnect()
    if (told !== undefined) this.events$.next(told)
  }

  /** A broker that has left the cluster leads nothing any more, though the last answer about some topics was that it does. */
  #findLeaders(broker: Broker): void {
    if (!broker.isKnown) this.#metadata.refresh(this.#accumulator.topics.at(broker.nodeId))
  }

  /** Nothing to wait for: brokers do not take this client for who it says it is, or are not to be trusted. */
  #refused(error: Error): void {
    if (error instanceof AuthenticationError) this.#fatal(error)
  }

  /** One for all partitions that wait for one. */
  #identify(): void {
    if (this.#identifying) return
    this.#identifying = true
    const failed = (error: Error): boolean => {
      this.#warnings.about(error)
      this.events$.next({ kind: 'producerIdFailed', error })
      // Nobody waits for it: the next record, or call of connect(), asks again.
      this.#started = this.bufferedBytes > 0 || this.#connecting > 0
      return this.#started
    }
    const identity$ = this.#producerIds.acquire(failed)
    this.#life.add(
      identity$.pipe(finalize(() => (this.#identifying = false))).subscribe({
        next: identity => {
          this.#identified = true
          this.#accumulator.identify(identity)
          this.events$.next({ kind: 'producerId', ...identity })
        },
        error: error => this.#fatal(error),
      }),
    )
  }
}

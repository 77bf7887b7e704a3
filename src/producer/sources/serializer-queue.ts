import { AsyncResource } from 'node:async_hooks'
import { Subject, Subscription } from 'rxjs'
import { DeliveryTimeoutError, InvalidRecordError } from '../../errors.js'
import type { AckSink, StreamSink } from '../model/sinks.js'
import type { TakenRecord } from '../model/taken-record.js'
import type { Maker } from '../records/maker.js'
import { takeRecord } from '../records/read-record.js'
import { type Made, Unserializable } from '../records/serializer.js'
import type { Deadlines } from '../time/deadlines.js'

/** What the queue needs of the data path. */
export interface SerializedBuffer {
  acceptTaken(taken: TakenRecord, sink: AckSink, acceptedAt: number | undefined): Error | undefined
  readonly hasRoom: boolean
  whenWritable(resume: (error?: Error) => void): Subscription
  /** Whether a record with reserved memory would find memory for its bytes, and how to wait for that. */
  readonly hasRoomForReserved: boolean
  whenWritableForReserved(resume: (error?: Error) => void, maxBlockMs?: number): Subscription
  /** Reserves memory for one record that waits, or returns why there is none. */
  reserve(): Error | undefined
  /** Ends a reservation; {@link memoryReleased} wakes others, once for several. */
  unreserve(): void
  memoryReleased(): void
  /** The time by the scheduler's clock. */
  now(): number
  /** Creates deadlines of `deliveryTimeoutMs`. */
  deliveries<T>(expired: (item: T) => void): Deadlines<T>
}

type Kept = TakenRecord | Unserializable<unknown>

/** Data that was accepted, and is not in a batch yet. */
interface Entry<I> {
  readonly data: I
  readonly acceptedAt: number
  /** Whether its serializers were called. */
  started: boolean
  /** Calls user code in the async context in which the data came, for tools that follow it; undefined: nothing is called later. */
  readonly origin: AsyncResource | undefined
  /** Their result. */
  made: Kept | undefined
}

/** The default of `concurrency`. */
const DEFAULT_CONCURRENCY = 16

/**
 * The data of one stream that asynchronous serializers turn into records, a few at a time, in the order of the source. Data that waits
 * counts for `bufferMemory` as a record without its bytes, and waits no longer than `deliveryTimeoutMs`.
 */
export class SerializerQueue<I> {
  /** Emits when data has left the queue. */
  readonly progress$: Subject<void> = new Subject<void>()
  readonly #buffer: SerializedBuffer
  readonly #sink: StreamSink
  readonly #maker: Maker<I>
  readonly #concurrency: number
  readonly #maxBlockMs: number | undefined
  readonly #failed: (error: Error) => void
  readonly #deliveries: Deadlines<Entry<I>>
  readonly #entries: Entry<I>[] = []
  /** The wait for buffer memory of serialized records. */
  #waiting = Subscription.EMPTY

  /**
   * @param waits whether the source waits for memory, and so no longer than `maxBlockMs`. Data of a source that can't wait is bounded
   * by its delivery timeout alone.
   * @param failed called with the reason why the stream ends: no memory in time.
   */
  constructor(
    buffer: SerializedBuffer,
    sink: StreamSink,
    maker: Maker<I>,
    waits: boolean,
    failed: (error: Error) => void,
  ) {
    this.#buffer = buffer
    this.#sink = sink
    this.#maker = maker
    this.#concurrency = maker.concurrency ?? DEFAULT_CONCURRENCY
    this.#maxBlockMs = waits ? undefined : Number.POSITIVE_INFINITY
    this.#failed = failed
    this.#deliveries = buffer.deliveries(entry => this.#expire(entry))
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /** Whether a source that can wait should wait. */
  get isFull(): boolean {
    return this.#entries.length >= this.#concurrency
  }

  /**
   * Accepts data, or returns why there is no memory for it.
   *
   * @param made the pending result of its serializers, if they have been called.
   */
  add(data: I, made?: Promise<Made<unknown>>): Error | undefined {
    const error = this.#buffer.reserve()
    if (error !== undefined) return error
    const started = made !== undefined
    const isLate = !started || this.#maker.intercept !== undefined
    const origin = isLate ? new AsyncResource('rx-kafka.serializer') : undefined
    const entry: Entry<I> = { data, acceptedAt: this.#buffer.now(), started, origin, made: undefined }
    this.#entries.push(entry)
    this.#deliveries.add(entry, entry.acceptedAt)
    this.#sink.accepted()
    if (made === undefined) this.#start()
    else this.#await(entry, made)
    return undefined
  }

  /** When the oldest data was accepted; undefined: the queue is empty. */
  get oldest(): number | undefined {
    return this.#entries[0]?.acceptedAt
  }

  /** Resolves when everything in the queue has left it; undefined if it is empty. */
  emptied(): Promise<void> | undefined {
    const last = this.#entries.at(-1)
    if (last === undefined) return undefined
    return new Promise(resolve => {
      const waiting = this.progress$.subscribe(() => {
        if (this.#entries.includes(last)) return
        waiting.unsubscribe()
        resolve()
      })
    })
  }

  /** Fails everything in the queue. */
  fail(reason: Error): void {
    this.#waiting.unsubscribe()
    const entries = this.#entries.splice(0)
    for (const entry of entries) this.#left(entry)
    for (const { data } of entries) this.#sink.neverBatched(this.#maker.standIn(data), reason)
    this.#moved()
  }

  /** Calls the serializers of the data at the front. */
  #start(): void {
    // By index: a serializer is user code, and may add data.
    for (let i = 0; i < Math.min(this.#concurrency, this.#entries.length); i++) {
      const entry = this.#entries[i]!
      if (entry.started) continue
      entry.started = true
      const made = inContext(entry, () => this.#maker.make(entry.data))
      if (made instanceof Promise) this.#await(entry, made)
      else entry.made = kept(made)
    }
  }

  #await(entry: Entry<I>, made: Promise<Made<unknown>>): void {
    void made.then(record => {
      // It expired, or its stream was closed.
      if (!this.#entries.includes(entry)) return
      entry.made = kept(record)
      this.#drain()
    })
  }

  /** Moves records at the front whose serializers are done into batches. */
  #drain(): void {
    if (!this.#waiting.closed) return
    let drained = false
    for (let entry = this.#entries[0]; entry?.made !== undefined; entry = this.#entries[0]) {
      if (!this.#buffer.hasRoomForReserved) {
        this.#waiting = this.#buffer.whenWritableForReserved(error => this.#resume(error), this.#maxBlockMs)
        break
      }
      this.#entries.shift()
      this.#left(entry)
      inContext(entry, () => this.#accept(entry))
      this.#start()
      drained = true
    }
    if (drained) this.#moved()
  }

  #accept({ made, acceptedAt }: Entry<I>): void {
    const record = this.#intercepted(made!)
    const error =
      record instanceof Unserializable ? record.error : this.#buffer.acceptTaken(record, this.#sink, acceptedAt)
    if (error !== undefined) this.#sink.neverBatched(record.record, error)
  }

  #intercepted(made: Kept): Kept {
    const { intercept } = this.#maker
    if (intercept === undefined || made instanceof Unserializable) return made
    const { topic, key, value, headers, partition, timestamp, record } = made
    return kept(intercept({ topic, key, value, headers, partition, timestamp, metadata: record.metadata }))
  }

  #resume(error: Error | undefined): void {
    this.#waiting.unsubscribe()
    if (error === undefined) this.#drain()
    else this.#failed(error)
  }

  #expire(entry: Entry<I>): void {
    const index = this.#entries.indexOf(entry)
    // It has moved to a batch: another record's expiry released memory.
    if (index === -1) return
    this.#entries.splice(index, 1)
    this.#left(entry)
    const why =
      entry.made === undefined
        ? 'its serializers, or those of records before it, did not settle'
        : 'it was serialized, but there was no buffer memory for it (`bufferMemory`)'
    const error = new DeliveryTimeoutError(`this record was not sent: ${why} within \`deliveryTimeoutMs\``)
    this.#sink.neverBatched(this.#maker.standIn(entry.data), error)
    this.#start()
    this.#drain()
    this.#moved()
  }

  #left(entry: Entry<I>): void {
    this.#deliveries.delete(entry)
    this.#buffer.unreserve()
  }

  #moved(): void {
    this.#buffer.memoryReleased()
    this.progress$.next()
  }
}

/** Gives the record bytes of its own: it may have to wait, and a serializer may reuse its buffer. */
function kept(made: Made<unknown>): Kept {
  if (made instanceof Unserializable) return made
  const taken = takeRecord(made)
  return taken instanceof InvalidRecordError ? new Unserializable(made, taken) : taken
}

function inContext<R>({ origin }: { readonly origin: AsyncResource | undefined }, call: () => R): R {
  return origin === undefined ? call() : origin.runInAsyncScope(call)
}

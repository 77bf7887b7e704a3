import { Subject, Subscription } from 'rxjs'
import { DeliveryTimeoutError, InvalidRecordError } from '../../errors.js'
import type { ProducerRecord } from '../model/record.js'
import type { AckSink, StreamSink } from '../model/sinks.js'
import type { TakenRecord } from '../model/taken-record.js'
import { takeRecord } from '../records/read-record.js'
import { type Made, makeRecord, type RecordMapping, Unserializable } from '../records/serializer.js'
import type { Deadlines } from '../time/deadlines.js'

/** What the queue needs of the data path. */
export interface SerializedBuffer {
  acceptTaken(taken: TakenRecord, sink: AckSink, takenAt: number | undefined): Error | undefined
  readonly hasRoom: boolean
  whenWritable(resume: (error?: Error) => void): Subscription
  /** Whether one that has its place reserved would find room, and how to wait for that. */
  readonly hasRoomForReserved: boolean
  whenWritableForReserved(resume: (error?: Error) => void, maxBlockMs?: number): Subscription
  /** Has one that waits count in the buffer, or says that there is no room for it. */
  reserve(): Error | undefined
  /** It counts no more; {@link memoryReleased} tells others, once for several. */
  unreserve(): void
  memoryReleased(): void
  /** By the scheduler's clock. */
  now(): number
  /** Limits of `deliveryTimeoutMs`. */
  deliveries<T>(expired: (item: T) => void): Deadlines<T>
}

/** Data that was taken, and is not in the buffer yet. */
interface Entry<I> {
  readonly data: I
  readonly takenAt: number
  /** Its serializers were called. */
  started: boolean
  /** What they came to. */
  made: TakenRecord | Unserializable<unknown> | undefined
}

/** Serializers of a stream that run at once, where `concurrency` does not say otherwise. */
const DEFAULT_CONCURRENCY = 16

/**
 * The data of one stream that asynchronous serializers turn into records, a few at a time, in the order of the source. What
 * waits here counts in the buffer as a record does without its bytes, and no longer than `deliveryTimeoutMs`.
 */
export class SerializerQueue<I> {
  /** Emits when something has left the queue. */
  readonly progress$: Subject<void> = new Subject<void>()
  readonly #buffer: SerializedBuffer
  readonly #sink: StreamSink
  readonly #mapping: RecordMapping<I>
  readonly #concurrency: number
  readonly #maxBlockMs: number | undefined
  readonly #failed: (error: Error) => void
  readonly #deliveries: Deadlines<Entry<I>>
  readonly #entries: Entry<I>[] = []
  /** What is serialized waits for room in the buffer. */
  #waiting = Subscription.EMPTY

  /**
   * @param waits whether the source waits for room, and so no longer than `maxBlockMs`. What one that can't wait has given
   * away is bounded by its delivery timeout alone.
   * @param failed told why the stream ends: nothing found room in time.
   */
  constructor(
    buffer: SerializedBuffer,
    sink: StreamSink,
    mapping: RecordMapping<I>,
    waits: boolean,
    failed: (error: Error) => void,
  ) {
    this.#buffer = buffer
    this.#sink = sink
    this.#mapping = mapping
    this.#concurrency = mapping.concurrency ?? DEFAULT_CONCURRENCY
    this.#maxBlockMs = waits ? undefined : Number.POSITIVE_INFINITY
    this.#failed = failed
    this.#deliveries = buffer.deliveries(entry => this.#expire(entry))
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /** Whether a source that can wait should. */
  get isFull(): boolean {
    return this.#entries.length >= this.#concurrency
  }

  /**
   * Takes data, or says that there is no room for it.
   *
   * @param made what its serializers are about to come to, if they have been called.
   */
  add(data: I, made?: Promise<Made<unknown>>): Error | undefined {
    const error = this.#buffer.reserve()
    if (error !== undefined) return error
    const entry: Entry<I> = { data, takenAt: this.#buffer.now(), started: made !== undefined, made: undefined }
    this.#entries.push(entry)
    this.#deliveries.add(entry, entry.takenAt)
    this.#sink.taken()
    if (made === undefined) this.#start()
    else this.#await(entry, made)
    return undefined
  }

  /** Resolves when everything that is in the queue now has left it; undefined if nothing is. */
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

  /** Everything that is in the queue fails for this reason. */
  fail(reason: Error): void {
    this.#waiting.unsubscribe()
    const entries = this.#entries.splice(0)
    for (const entry of entries) this.#left(entry)
    for (const { data } of entries) this.#sink.neverBatched(unmade(this.#mapping, data), reason)
    this.#moved()
  }

  /** Calls serializers for those at the front. */
  #start(): void {
    // By index: a serializer is user code, and may have more added.
    for (let i = 0; i < Math.min(this.#concurrency, this.#entries.length); i++) {
      const entry = this.#entries[i]!
      if (entry.started) continue
      entry.started = true
      const made = makeRecord(this.#mapping, entry.data)
      if (made instanceof Promise) this.#await(entry, made)
      else entry.made = kept(made)
    }
  }

  #await(entry: Entry<I>, made: Promise<Made<unknown>>): void {
    void made.then(record => {
      // It has expired, or its stream was closed.
      if (!this.#entries.includes(entry)) return
      entry.made = kept(record)
      this.#drain()
    })
  }

  /** Those at the front whose serializers are done go into the buffer. */
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
      this.#accept(entry.made, entry.takenAt)
      this.#start()
      drained = true
    }
    if (drained) this.#moved()
  }

  #accept(made: TakenRecord | Unserializable<unknown>, takenAt: number): void {
    const error = made instanceof Unserializable ? made.error : this.#buffer.acceptTaken(made, this.#sink, takenAt)
    if (error !== undefined) this.#sink.neverBatched(made.record, error)
  }

  #resume(error: Error | undefined): void {
    this.#waiting.unsubscribe()
    if (error === undefined) this.#drain()
    else this.#failed(error)
  }

  #expire(entry: Entry<I>): void {
    const index = this.#entries.indexOf(entry)
    // Another one that expired has let it into the buffer.
    if (index === -1) return
    this.#entries.splice(index, 1)
    this.#left(entry)
    const why =
      entry.made === undefined
        ? 'its serializers, or those of records before it, did not settle'
        : 'it was serialized, and found no room in the buffer (`bufferMemory`)'
    const error = new DeliveryTimeoutError(`this record was not sent: ${why} within \`deliveryTimeoutMs\``)
    this.#sink.neverBatched(unmade(this.#mapping, entry.data), error)
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

/** With bytes of its own: it may have to wait, and a serializer may use its buffer again. */
function kept(made: Made<unknown>): TakenRecord | Unserializable<unknown> {
  if (made instanceof Unserializable) return made
  const taken = takeRecord(made)
  return taken instanceof InvalidRecordError ? new Unserializable(made, taken) : taken
}

/** What stands in for a record that was never made. */
export function unmade<I>({ topic }: RecordMapping<I>, data: I): ProducerRecord {
  return { topic: typeof topic === 'string' ? topic : '', value: null, metadata: data }
}

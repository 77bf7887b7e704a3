import { type Observable, type Observer, Subject, Subscription, takeUntil } from 'rxjs'
import { BufferFullError, ProducerClosedError } from '../../errors.js'
import type { ProducerRecord } from '../model/record.js'
import type { AckSink, StreamSink } from '../model/sinks.js'
import type { Maker } from '../records/maker.js'
import { Unserializable } from '../records/serializer.js'
import { type SerializedBuffer, SerializerQueue } from './serializer-queue.js'

/** What an intake needs of the data path. */
export interface IntakeBuffer extends SerializedBuffer {
  /** Accepts a record, or returns why not. */
  accept(record: ProducerRecord, sink: AckSink): Error | undefined
}

/**
 * One stream's way into the data path, from its source to its sink: an observer of the source. Maps data to records, and keeps the
 * order of the source while serializers work.
 */
export class Intake<I = never> implements Observer<I> {
  /** Emits, and completes, when the intake accepts nothing more. */
  readonly stopped$: Subject<void> = new Subject<void>()
  readonly #buffer: IntakeBuffer
  readonly #sink: StreamSink
  readonly #overflow: 'wait' | 'error' | 'reject'
  readonly #maker: Maker<I> | undefined
  /** Data that waits for a serializer, or behind such data. */
  readonly #queue: SerializerQueue<I> | undefined
  #stopped = false
  #given = 0
  #refused = 0

  /**
   * @param overflow what happens to a record without buffer memory; `wait` where the source checks {@link hasRoom} first.
   * @param maker makes records from data; undefined: the data are the records.
   */
  constructor(
    buffer: IntakeBuffer,
    sink: StreamSink,
    overflow: 'wait' | 'error' | 'reject',
    maker: Maker<I> | undefined,
  ) {
    this.#buffer = buffer
    this.#sink = sink
    this.#overflow = overflow
    this.#maker = maker
    if (maker !== undefined)
      this.#queue = new SerializerQueue(buffer, sink, maker, overflow === 'wait', error => this.abandon(error))
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** How many values the source has given. */
  get given(): number {
    return this.#given
  }

  /** Whether a source that can wait may go on. */
  get hasRoom(): boolean {
    return this.#buffer.hasRoom && !this.#queue?.isFull
  }

  /** Calls back once: when there is memory, when the intake has stopped, or with the reason why there will be none. */
  whenWritable(resume: (error?: Error) => void): Subscription {
    const waiting = new Subscription()
    const check = (error?: Error): void => {
      if (waiting.closed) return
      if (error === undefined && !this.#stopped && !this.hasRoom) {
        wait()
        return
      }
      waiting.unsubscribe()
      resume(error)
    }
    const wait = (): void => {
      waiting.add(
        this.#queue?.isFull
          ? this.#queue.progress$.subscribe(() => check())
          : this.#buffer.whenWritable(error => check(error)),
      )
    }
    waiting.add(this.stopped$.subscribe(() => check()))
    wait()
    return waiting
  }

  /** When the oldest data that has not passed its serializer was accepted. */
  get oldest(): number | undefined {
    return this.#queue?.oldest
  }

  /** Resolves when all data so far has passed its serializer. */
  serialized(): Promise<void> | undefined {
    return this.#queue?.emptied()
  }

  /** Subscribes to an Observable, until it or the intake ends. */
  observe(source: Observable<I>): Subscription {
    return source.pipe(takeUntil(this.stopped$)).subscribe(this)
  }

  next(data: I): void {
    if (this.#stopped) return
    this.#given++
    const maker = this.#maker
    if (maker === undefined) {
      this.#accept(data as ProducerRecord)
      return
    }
    const queue = this.#queue!
    // Data behind data that waits for its serializer waits too: order is that of the source.
    const made = queue.isEmpty ? maker.make(data) : undefined
    if (made === undefined || made instanceof Promise) {
      const error = queue.add(data, made)
      if (error !== undefined) this.#refuse(maker.standIn(data), error)
    } else if (made instanceof Unserializable) this.#refuse(made.record, made.error)
    else this.#accept(maker.intercept === undefined ? made : maker.intercept(made))
  }

  /** Ends the intake with the source's error. The stream errors when no more acks are owed. */
  error(error: Error): void {
    // Leaving a source may make it fail, for example a destroyed Readable.
    if (!this.#stopped) this.#end(error)
  }

  /** Ends the intake; the stream completes when no more acks are owed. */
  complete(): void {
    if (!this.#stopped) this.#end(undefined)
  }

  /** Stops the intake because the producer closes, and fails data that serializers still work on. */
  close(): void {
    // If the source has ended, everything was accepted: the stream ends as it would have.
    if (!this.#stopped) {
      const accepted = this.#given - this.#refused
      this.#end(
        new ProducerClosedError(
          `the producer was closed before the source of this stream had ended: ${accepted} of its records had been accepted, and each has its ack; the source's remaining records were not sent`,
        ),
      )
    }
    this.#queue?.fail(
      new ProducerClosedError('this record was not sent: the producer was closed before its serializer had settled'),
    )
  }

  /** Stops the intake, fails data that serializers still work on, and errors the stream when no more acks are owed. */
  abandon(error: Error): void {
    this.#end(error)
    this.#queue?.fail(error)
  }

  /** Stops the intake. Accepted records are still delivered. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.stopped$.next()
    this.stopped$.complete()
  }

  #end(error: Error | undefined): void {
    // In this order: an observer of the source takes the stop for its end.
    this.#sink.sourceEnded(error)
    this.stop()
  }

  #accept(record: ProducerRecord): void {
    const error = this.#buffer.accept(record, this.#sink)
    if (error === undefined) this.#sink.accepted()
    else this.#refuse(record, error)
  }

  #refuse(record: ProducerRecord, error: Error): void {
    this.#refused++
    const full = error instanceof BufferFullError && error.partition === undefined
    if (full && this.#overflow === 'error') {
      this.#sink.unsent?.(record, error)
      this.#end(error)
    } else this.#sink.refuse(record, error)
  }
}

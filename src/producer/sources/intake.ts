import { type Observable, type Observer, Subject, Subscription, takeUntil } from 'rxjs'
import { BufferFullError, ProducerClosedError } from '../../errors.js'
import type { ProducerRecord } from '../model/record.js'
import type { AckSink, StreamSink } from '../model/sinks.js'
import { makeRecord, type RecordMapping, Unserializable } from '../records/serializer.js'
import { type SerializedBuffer, SerializerQueue, unmade } from './serializer-queue.js'

/** What an intake needs of the data path. */
export interface Buffer extends SerializedBuffer {
  /** Takes a record, or says why not. */
  accept(record: ProducerRecord, sink: AckSink): Error | undefined
}

/**
 * One stream's way into the data path, from its source to its sink: an observer of the source. Makes records of what the
 * source gives, if it was told how, and keeps its order while serializers take their time.
 */
export class Intake<I = never> implements Observer<I> {
  /** Emits, and completes, when nothing more is taken. */
  readonly stopped$: Subject<void> = new Subject<void>()
  readonly #buffer: Buffer
  readonly #sink: StreamSink
  readonly #overflow: 'wait' | 'error' | 'reject'
  readonly #mapping: RecordMapping<I> | undefined
  /** What waits for a serializer, or behind what does. */
  readonly #queue: SerializerQueue<I> | undefined
  #stopped = false
  #given = 0
  #refused = 0

  /** @param overflow what becomes of a record that finds no room; `wait` where the source asks {@link hasRoom} first. */
  constructor(
    buffer: Buffer,
    sink: StreamSink,
    overflow: 'wait' | 'error' | 'reject',
    mapping: RecordMapping<I> | undefined,
  ) {
    this.#buffer = buffer
    this.#sink = sink
    this.#overflow = overflow
    this.#mapping = mapping
    if (mapping !== undefined)
      this.#queue = new SerializerQueue(buffer, sink, mapping, overflow === 'wait', error => this.abandon(error))
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** How many the source has given. */
  get given(): number {
    return this.#given
  }

  /** Whether a source that can wait may go on. */
  get hasRoom(): boolean {
    return this.#buffer.hasRoom && !this.#queue?.isFull
  }

  /** Calls back once when there is room, or the intake has stopped, or with the reason why there will be none. */
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

  /** Resolves when what has come so far has been through its serializer. */
  serialized(): Promise<void> | undefined {
    return this.#queue?.emptied()
  }

  /** Takes what an Observable emits, until one of them ends. */
  observe(source: Observable<I>): Subscription {
    return source.pipe(takeUntil(this.stopped$)).subscribe(this)
  }

  next(data: I): void {
    if (this.#stopped) return
    this.#given++
    const mapping = this.#mapping
    if (mapping === undefined) {
      this.#accept(data as ProducerRecord)
      return
    }
    const queue = this.#queue!
    // The order of the source: what comes behind data that waits for its serializer waits too.
    const made = queue.isEmpty ? makeRecord(mapping, data) : undefined
    if (made === undefined || made instanceof Promise) {
      const error = queue.add(data, made)
      if (error !== undefined) this.#refuse(unmade(mapping, data), error)
    } else if (made instanceof Unserializable) this.#refuse(made.record, made.error)
    else this.#accept(made)
  }

  /** The source has failed. The stream errors when nothing is owed any more. */
  error(error: Error): void {
    // One that was left may call that a failure.
    if (!this.#stopped) this.#end(error)
  }

  /** The source has ended. */
  complete(): void {
    if (!this.#stopped) this.#end(undefined)
  }

  /** The producer closes: nothing more is taken, and what serializers still have in hand fails. */
  close(): void {
    // A source that has ended has had everything taken: its stream ends as it would have.
    if (!this.#stopped) {
      const taken = this.#given - this.#refused
      this.#end(
        new ProducerClosedError(
          `the producer was closed before the source of this stream had ended: ${taken} of its records had been taken, and each has its ack; what the source still holds was not sent`,
        ),
      )
    }
    this.#queue?.fail(
      new ProducerClosedError('this record was not sent: the producer was closed before its serializer had settled'),
    )
  }

  /** Nothing more is taken, what serializers still have in hand fails, and the stream errors when nothing is owed any more. */
  abandon(error: Error): void {
    this.#end(error)
    this.#queue?.fail(error)
  }

  /** Nobody wants acks any more. What was taken is still delivered. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.stopped$.next()
    this.stopped$.complete()
  }

  #end(error: Error | undefined): void {
    // In this order: what observes a source takes the stop for its end.
    this.#sink.sourceEnded(error)
    this.stop()
  }

  #accept(record: ProducerRecord): void {
    const error = this.#buffer.accept(record, this.#sink)
    if (error === undefined) this.#sink.taken()
    else this.#refuse(record, error)
  }

  #refuse(record: ProducerRecord, error: Error): void {
    this.#refused++
    const full = error instanceof BufferFullError && error.partition === undefined
    if (full && this.#overflow === 'error') this.#end(error)
    else this.#sink.refuse(record, error)
  }
}

import { type Observable, type Observer, Subject, Subscription, takeUntil } from 'rxjs'
import { BufferFullError } from '../errors.js'
import type { AckSink } from './batch.js'
import type { ProducerRecord } from './record.js'
import { type Made, makeRecord, type RecordOptions, Unserializable } from './serializer.js'

/** What an intake needs of the data path. */
export interface Buffer {
  /** Takes a record, or says why not. */
  accept(record: ProducerRecord, sink: AckSink): Error | undefined
  /** Whether a record of any size that is allowed would find room. */
  readonly hasRoom: boolean
  /** Calls back once, when there may be room again, or with the reason why there never will be. */
  whenRoom(resume: (error?: Error) => void): Subscription
}

/** Where the ends of a stream's records go. */
export interface IntakeSink extends AckSink {
  /** A record was taken: it is owed its end. */
  taken(): void
  /** A record fails without having been taken. */
  refuse(record: ProducerRecord, error: Error): void
  /** Nothing more comes; an error is passed on when nothing is owed any more. */
  sourceEnded(error?: Error): void
}

/** What a serializer has in hand, or what waits behind that. */
interface InHand<I> {
  readonly data: I
  made: Made<unknown> | undefined
}

/** Records that serializers have in hand, at the most, for one stream. */
const MAX_SERIALIZING = 1_000

/**
 * One stream's way into the data path, from its source to its sink: an observer of the source. Makes records of what the
 * source gives, if it was told how, and keeps its order while serializers take their time.
 */
export class Intake<I = never> implements Observer<I> {
  /** Emits, and completes, when nothing more is taken. */
  readonly stopped$: Subject<void> = new Subject<void>()
  readonly #buffer: Buffer
  readonly #sink: IntakeSink
  readonly #overflow: 'wait' | 'error' | 'reject'
  readonly #options: RecordOptions<I> | undefined
  /** What waits for a serializer, or behind what does. */
  readonly #serializing: InHand<I>[] = []
  /** Who waits for serializers: for room, or for all that they have in hand. */
  readonly #serialized$ = new Subject<void>()
  /** Those that are serialized wait for room. */
  #waiting = Subscription.EMPTY
  #stopped = false
  #given = 0

  /** @param overflow what becomes of a record that finds no room; `wait` where the source asks {@link hasRoom} first. */
  constructor(
    buffer: Buffer,
    sink: IntakeSink,
    overflow: 'wait' | 'error' | 'reject',
    options: RecordOptions<I> | undefined,
  ) {
    this.#buffer = buffer
    this.#sink = sink
    this.#overflow = overflow
    this.#options = options
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
    return this.#serializing.length < MAX_SERIALIZING && this.#buffer.hasRoom
  }

  /** Calls back once when there is room, or the intake has stopped, or with the reason why there will be none. */
  whenRoom(resume: (error?: Error) => void): Subscription {
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
        this.#buffer.hasRoom
          ? this.#serialized$.subscribe(() => check())
          : this.#buffer.whenRoom(error => check(error)),
      )
    }
    waiting.add(this.stopped$.subscribe(() => check()))
    wait()
    return waiting
  }

  /** Resolves when what has come so far has been through its serializer. */
  serialized(): Promise<void> | undefined {
    const last = this.#serializing.at(-1)
    if (last === undefined) return undefined
    return new Promise(resolve => {
      const waiting = this.#serialized$.subscribe(() => {
        if (this.#serializing.includes(last)) return
        waiting.unsubscribe()
        resolve()
      })
    })
  }

  /** Takes what an Observable emits, until one of them ends. */
  observe(source: Observable<I>): Subscription {
    return source.pipe(takeUntil(this.stopped$)).subscribe(this)
  }

  next(data: I): void {
    if (this.#stopped) return
    this.#given++
    if (this.#options === undefined) {
      this.#accept(data as ProducerRecord)
      return
    }
    const made = makeRecord(this.#options, data)
    if (!(made instanceof Promise) && this.#serializing.length === 0) this.#take(made)
    else this.#queue(data, made)
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

  /**
   * Nothing more is taken from the source, and what serializers still have in hand fails for this reason.
   *
   * @param error what the stream ends with, when nothing is owed any more; undefined: it completes.
   */
  close(reason: Error, error: Error | undefined): void {
    this.#waiting.unsubscribe()
    const inHand = this.#serializing.splice(0)
    this.#end(error)
    for (const { data } of inHand) this.#sink.unplaced(this.#unmade(data), reason)
    this.#serialized$.next()
  }

  /** Nobody wants acks any more. */
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

  #queue(data: I, made: Made<unknown> | Promise<Made<unknown>>): void {
    if (this.#serializing.length >= MAX_SERIALIZING) {
      const error = new BufferFullError(
        `this record was not sent: serializers have ${MAX_SERIALIZING} records of its stream in hand; use \`publish()\`, which reads its source only as fast as they are`,
      )
      this.#refuse(this.#unmade(data), error)
      return
    }
    const entry: InHand<I> = { data, made: undefined }
    this.#serializing.push(entry)
    this.#sink.taken()
    if (!(made instanceof Promise)) {
      entry.made = made
      return
    }
    void made.then(record => {
      entry.made = record
      this.#drain()
    })
  }

  /** Those at the front whose serializers are done. */
  #drain(): void {
    if (!this.#waiting.closed) return
    let drained = false
    for (let made = this.#serializing[0]?.made; made !== undefined; made = this.#serializing[0]?.made) {
      if (this.#overflow === 'wait' && !this.#buffer.hasRoom) {
        this.#waiting = this.#buffer.whenRoom(error => this.#resume(error))
        break
      }
      this.#serializing.shift()
      drained = true
      if (made instanceof Unserializable) this.#sink.unplaced(made.record, made.error)
      else this.#acceptLate(made)
    }
    if (drained) this.#serialized$.next()
  }

  #resume(error: Error | undefined): void {
    this.#waiting.unsubscribe()
    if (error === undefined) this.#drain()
    else this.close(error, error)
  }

  /** It was taken already, and is owed its end. */
  #acceptLate(record: ProducerRecord): void {
    const error = this.#buffer.accept(record, this.#sink)
    if (error === undefined) return
    this.#sink.unplaced(record, error)
    if (error instanceof BufferFullError && this.#overflow === 'error') this.#end(error)
  }

  /** What stands in for a record that was never made. */
  #unmade(data: I): ProducerRecord {
    const topic = this.#options?.topic
    return { topic: typeof topic === 'string' ? topic : '', value: null, metadata: data }
  }

  #take(made: Made<unknown>): void {
    if (made instanceof Unserializable) this.#sink.refuse(made.record, made.error)
    else this.#accept(made)
  }

  #accept(record: ProducerRecord): void {
    const error = this.#buffer.accept(record, this.#sink)
    if (error === undefined) this.#sink.taken()
    else this.#refuse(record, error)
  }

  #refuse(record: ProducerRecord, error: Error): void {
    if (error instanceof BufferFullError && this.#overflow === 'error') this.#end(error)
    else this.#sink.refuse(record, error)
  }
}

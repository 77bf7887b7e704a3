import { Observable, type Subscriber, Subscription } from 'rxjs'
import { InterceptedSink } from './acks/intercepted-sink.js'
import type { DataPath } from './data-path.js'
import type { StreamSink } from './model/sinks.js'
import type { TransactionScope } from './model/transaction-scope.js'
import type { ResolvedOptions } from './options/options.js'
import type { Start } from './record-sender.js'
import { InterceptingMaker, type Interceptors } from './records/interceptors.js'
import { type Maker, MappingMaker } from './records/maker.js'
import type { RecordMapping, SendOptions } from './records/serializer.js'
import { Intake } from './sources/intake.js'
import { onAbort } from './time/signal.js'

/** What ends with the producer. */
type Ending = Pick<Intake, 'stopped' | 'close' | 'abandon' | 'serialized' | 'oldest'>

interface OpenStream {
  readonly intake: Ending
  readonly transaction: TransactionScope | undefined
}

/** The open streams of a producer: opens an intake for each subscription, and ends them with the producer or their transaction. */
export class OpenStreams {
  readonly #options: Pick<ResolvedOptions, 'overflow' | 'stalledOverflow'>
  readonly #path: DataPath
  readonly #interceptors: Interceptors | undefined
  readonly #open = new Set<OpenStream>()
  #ended: Error | undefined

  constructor(
    options: Pick<ResolvedOptions, 'overflow' | 'stalledOverflow'>,
    path: DataPath,
    interceptors: Interceptors | undefined,
  ) {
    this.#options = options
    this.#path = path
    this.#interceptors = interceptors
  }

  /** Why the producer accepts no more records. */
  get ended(): Error | undefined {
    return this.#ended
  }

  /** @see {@link RecordSender.openStream} */
  open<I, T>(
    { signal, ...fields }: SendOptions & Partial<RecordMapping<I>>,
    overflow: 'wait' | undefined,
    createSink: (subscriber: Subscriber<T>) => StreamSink,
    start: Start<I>,
    transaction?: TransactionScope,
  ): Observable<T> {
    const maker: Maker<I> | undefined =
      fields.topic === undefined ? undefined : new MappingMaker(fields as RecordMapping<I>)
    return new Observable(subscriber => {
      const refusal = this.#ended ?? transaction?.closed ?? (signal?.aborted ? signal.reason : undefined)
      if (refusal !== undefined) {
        subscriber.error(refusal)
        return
      }
      const sink = createSink(subscriber)
      const whenFull = overflow ?? this.#options.overflow
      sink.failed = error => this.#path.failed(error)
      sink.yields = whenFull === 'reject' || this.#options.stalledOverflow === 'reject'
      sink.transaction = transaction
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
      const stream = { intake, transaction }
      this.#open.add(stream)
      subscriber.add(() => {
        intake.stop()
        this.#forget(stream)
      })
      if (signal !== undefined) subscriber.add(onAbort(signal, reason => subscriber.error(reason)))
      subscriber.add(start(intake))
    })
  }

  /** Ends something with the producer, unless the Subscription ends before. */
  add(intake: Ending): Subscription {
    const stream = { intake, transaction: undefined }
    this.#open.add(stream)
    return new Subscription(() => this.#open.delete(stream))
  }

  /** How many streams of the transaction have sources that have not ended. */
  sourcesIn(transaction: TransactionScope): number {
    let count = 0
    for (const stream of this.#open) if (stream.transaction === transaction && !stream.intake.stopped) count++
    return count
  }

  /** Accepts no more streams, and stops the intakes of those that are open. @param reason for later subscribers. */
  close(reason: Error): void {
    this.#ended ??= reason
    for (const { intake } of [...this.#open]) intake.close()
  }

  /** As {@link close}; the streams error when they are owed no more acks. */
  abandon(error: Error): void {
    this.#ended ??= error
    for (const { intake } of [...this.#open]) intake.abandon(error)
  }

  /** Stops the intakes of one transaction: its streams error when they are owed no more acks. */
  abandonTransaction(transaction: TransactionScope, error: Error): void {
    for (const stream of [...this.#open]) if (stream.transaction === transaction) stream.intake.abandon(error)
  }

  /** When the oldest data of each stream that has not passed its serializer was accepted. */
  *oldest(): Iterable<number | undefined> {
    for (const { intake } of this.#open) yield intake.oldest
  }

  /** Resolves when all data so far has passed its serializer; undefined: it has. */
  serialized(transaction?: TransactionScope): Promise<unknown> | undefined {
    const waiting = [...this.#open].flatMap(stream =>
      transaction === undefined || stream.transaction === transaction ? (stream.intake.serialized() ?? []) : [],
    )
    return waiting.length > 0 ? Promise.all(waiting) : undefined
  }

  /** Forgets a stream when its serializers are done: their records are sent too. */
  #forget(stream: OpenStream): void {
    const serialized = stream.intake.serialized()
    if (serialized === undefined) this.#open.delete(stream)
    else void serialized.then(() => this.#open.delete(stream))
  }
}

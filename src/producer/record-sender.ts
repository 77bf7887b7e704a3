import type { Writable } from 'node:stream'
import type { Observable, OperatorFunction, Subscriber, Subscription } from 'rxjs'
import type { RecordData } from '../protocol/records/record-batch-builder.js'
import { BatchAcks, RecordAcks } from './acks/ack-streams.js'
import type { BatchAck } from './model/batch-ack.js'
import type { Ack, Acked, ProducerRecord } from './model/record.js'
import type { StreamSink } from './model/sinks.js'
import { checkOptions, isFunction, SIGNAL, shape } from './options/rules.js'
import { checkSendOptions, type RecordMapping, type RecordOptions, type SendOptions } from './records/serializer.js'
import { type AckDuplex, ProducerDuplex } from './sources/duplex.js'
import type { FailureOptions } from './sources/failures.js'
import type { Chunk } from './sources/feed.js'
import type { Intake } from './sources/intake.js'
import { checkSource, isPulled, pull, type Source } from './sources/pull.js'
import { type WebTransform, webTransform, webWritable } from './sources/web.js'
import { ProducerWritable } from './sources/writable.js'

/** Connects an intake to its source. */
export type Start<I> = (intake: Intake<I>) => Subscription | undefined

/**
 * Every way to send records: as Observables, promises, Node streams and web streams. A producer has them, and a transaction. Each stream is
 * one `openStream()`, each single record one `sendSingle()`.
 */
export abstract class RecordSender {
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
    this.allow('send')
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
    this.allow('sendBatches')
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
    this.allow('publish')
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
  sendOne<M = unknown>(record: ProducerRecord<M>, options?: { readonly signal?: AbortSignal }): Promise<Acked<M>> {
    this.allow('sendOne')
    // Reading no options at all was a tenth of what a record costs here.
    const signal = options === undefined ? undefined : checkOptions('sendOne', options, WAIT_RULES).signal
    if (signal?.aborted) return Promise.reject(signal.reason)
    return this.sendSingle(record, signal)
  }

  /** Same as below for arbitrary data; `options` maps each value to a record. */
  writable<T>(options: SendOptions & FailureOptions<T> & RecordOptions<T>): Writable
  /** Same as below for data that is a record's value as it is: strings, bytes and null. */
  writable<T extends RecordData = RecordData>(options: SendOptions & FailureOptions<T> & RecordMapping<T>): Writable
  /**
   * Returns a Node Writable for records, single or in arrays; with `topic` for arbitrary data. `write()` is false while there is no
   * buffer memory, and `drain` follows. The stream finishes when brokers have confirmed every record. A record that fails destroys it,
   * unless `onFailed` handles failures. Records that a destroyed stream has accepted are still delivered, without acks.
   *
   * @throws {InvalidArgumentError} when an option is unknown or of the wrong type.
   *
   * @example await pipeline(createReadStream('lines'), split2(), producer.writable({ topic: 'lines' }))
   */
  writable<M = unknown>(options?: SendOptions & FailureOptions<M>): Writable
  writable(options: SendOptions & FailureOptions<never> & Partial<RecordMapping<unknown>> = {}): Writable {
    this.allow('writable')
    const { onFailed, ...how } = checkSendOptions('writable', options, FAILURE_RULES)
    return new ProducerWritable(start => this.#batches(how, start), onFailed)
  }

  /** Same as below for arbitrary data; `options` maps each value to a record. */
  duplex<T>(options: SendOptions & RecordOptions<T>): AckDuplex<T>
  /** Same as below for data that is a record's value as it is: strings, bytes and null. */
  duplex<T extends RecordData = RecordData>(options: SendOptions & RecordMapping<T>): AckDuplex<T>
  /**
   * Returns a Node Duplex: records in as with {@link writable}, one ack out for each. Failed records are acks too. A reader that stops
   * reading acks stops the intake.
   *
   * @throws {InvalidArgumentError} when an option is unknown or of the wrong type.
   *
   * @example for await (const ack of records.pipe(producer.duplex())) console.log(ack.kind)
   */
  duplex<M = unknown>(options?: SendOptions): AckDuplex<M>
  duplex(options: SendOptions & Partial<RecordMapping<unknown>> = {}): AckDuplex<unknown> {
    this.allow('duplex')
    const how = checkSendOptions('duplex', options)
    return new ProducerDuplex(start => this.#records(how, start))
  }

  /** Same as below for arbitrary data; `options` maps each value to a record. */
  webWritable<T>(options: SendOptions & FailureOptions<T> & RecordOptions<T>): WritableStream<Chunk<T>>
  /** Same as below for data that is a record's value as it is: strings, bytes and null. */
  webWritable<T extends RecordData = RecordData>(
    options: SendOptions & FailureOptions<T> & RecordMapping<T>,
  ): WritableStream<Chunk<T>>
  /**
   * Returns a web WritableStream, for `readable.pipeTo()`; otherwise as {@link writable}.
   *
   * @throws {InvalidArgumentError} when an option is unknown or of the wrong type.
   *
   * @example await response.body.pipeThrough(new TextDecoderStream()).pipeTo(producer.webWritable({ topic: 'pages' }))
   */
  webWritable<M = unknown>(options?: SendOptions & FailureOptions<M>): WritableStream<Chunk<ProducerRecord<M>>>
  webWritable(
    options: SendOptions & FailureOptions<never> & Partial<RecordMapping<unknown>> = {},
  ): WritableStream<unknown> {
    this.allow('webWritable')
    const { onFailed, ...how } = checkSendOptions('webWritable', options, FAILURE_RULES)
    return webWritable(start => this.#batches(how, start), onFailed)
  }

  /** Same as below for arbitrary data; `options` maps each value to a record. */
  webTransform<T>(options: SendOptions & RecordOptions<T>): WebTransform<T, T>
  /** Same as below for data that is a record's value as it is: strings, bytes and null. */
  webTransform<T extends RecordData = RecordData>(options: SendOptions & RecordMapping<T>): WebTransform<T, T>
  /**
   * Returns a pair of web streams, for `readable.pipeThrough()`: records in, acks out, as {@link duplex}.
   *
   * @throws {InvalidArgumentError} when an option is unknown or of the wrong type.
   *
   * @example for await (const ack of records.pipeThrough(producer.webTransform())) console.log(ack.kind)
   */
  webTransform<M = unknown>(options?: SendOptions): WebTransform<ProducerRecord<M>, M>
  webTransform(options: SendOptions & Partial<RecordMapping<unknown>> = {}): WebTransform<unknown, unknown> {
    this.allow('webTransform')
    const how = checkSendOptions('webTransform', options)
    return webTransform(start => this.#records(how, start))
  }

  #batches<I>(how: SendOptions & Partial<RecordMapping<I>>, start: Start<I>): Observable<BatchAck<never>> {
    return this.openStream(how, 'wait', subscriber => new BatchAcks<never>(subscriber), start)
  }

  #records<I>(how: SendOptions & Partial<RecordMapping<I>>, start: Start<I>): Observable<Ack<never>> {
    return this.openStream(how, 'wait', subscriber => new RecordAcks<never>(subscriber), start)
  }

  /** Called by every method. @throws {InvalidArgumentError} when it must not be used here. */
  protected abstract allow(method: string): void

  /**
   * Returns the acks of one stream of records. Cold: each subscription opens an {@link Intake} of its own.
   *
   * @param overflow `wait` if the source observes {@link Intake.hasRoom}; undefined: the producer's option applies.
   * @param createSink creates the sink that turns outcomes into the subscriber's acks.
   */
  protected abstract openStream<I, T>(
    options: SendOptions & Partial<RecordMapping<I>>,
    overflow: 'wait' | undefined,
    createSink: (subscriber: Subscriber<T>) => StreamSink,
    start: Start<I>,
  ): Observable<T>

  /** Sends one record, and resolves to its ack. */
  protected abstract sendSingle<M>(record: ProducerRecord<M>, signal: AbortSignal | undefined): Promise<Acked<M>>
}

const FAILURE_RULES = { onFailed: shape('a function', isFunction) }
const WAIT_RULES = { signal: SIGNAL }

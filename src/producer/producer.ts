import type { Writable } from 'node:stream'
import type { Observable } from 'rxjs'
import type { RecordData } from '../protocol/records/record-batch-builder.js'
import { BatchAcks, RecordAcks } from './acks/ack-streams.js'
import type { BatchAck } from './model/batch-ack.js'
import type { Ack, ProducerRecord } from './model/record.js'
import { ObservableProducer } from './observable-producer.js'
import { type ProducerOptions, resolveOptions } from './options/options.js'
import { isFunction, shape } from './options/rules.js'
import { checkSendOptions, type RecordMapping, type RecordOptions, type SendOptions } from './records/serializer.js'
import { type AckDuplex, ProducerDuplex } from './sources/duplex.js'
import type { FailureOptions } from './sources/failures.js'
import type { Chunk } from './sources/feed.js'
import type { Intake } from './sources/intake.js'
import { type WebTransform, webTransform, webWritable } from './sources/web.js'
import { ProducerWritable } from './sources/writable.js'

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
 * The public face. Inherits Observables, promises and the life cycle from `ObservableProducer`; adds Node and web streams, each a wrapper
 * of {@link openStream}.
 *
 * @see createProducer
 */
export class Producer extends ObservableProducer {
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
    const how = checkSendOptions('webTransform', options)
    return webTransform(start => this.#records(how, start))
  }

  #batches<I>(how: SendOptions & Partial<RecordMapping<I>>, start: Start<I>): Observable<BatchAck<never>> {
    return this.openStream(how, 'wait', subscriber => new BatchAcks<never>(subscriber), start)
  }

  #records<I>(how: SendOptions & Partial<RecordMapping<I>>, start: Start<I>): Observable<Ack<never>> {
    return this.openStream(how, 'wait', subscriber => new RecordAcks<never>(subscriber), start)
  }
}

type Start<I> = (intake: Intake<I>) => undefined

const FAILURE_RULES = { onFailed: shape('a function', isFunction) }

import type { Observable, Subscriber } from 'rxjs'
import { InvalidArgumentError, TransactionEndedError } from '../errors.js'
import type { SingleRecords } from './acks/single-records.js'
import type { Acked, ProducerRecord } from './model/record.js'
import type { StreamSink } from './model/sinks.js'
import type { OpenStreams } from './open-streams.js'
import { RecordSender, type Start } from './record-sender.js'
import type { RecordMapping, SendOptions } from './records/serializer.js'
import { type GroupMetadata, readGroup, readOffsets, type TopicPartitionOffset } from './transactions/offsets.js'
import type { OpenTransaction } from './transactions/open-transaction.js'
import type { Transactions } from './transactions/transactions.js'

/** The most bytes of an offset's metadata that brokers accept by default (`offset.metadata.max.bytes`). */
const MOST_POSITION_BYTES = 4_096

/**
 * A transaction: its records and offsets are stored whole, or not at all. Records are sent as with a producer, and while it is open; it is
 * left by {@link commit} or {@link abort}, and `await using` aborts one that is left without.
 *
 * A record that fails aborts it at once. Acks of an aborted transaction say that a record was appended; consumers that read committed records
 * alone do not see it.
 *
 * @example
 * await using transaction = await producer.beginTransaction()
 * await lastValueFrom(transaction.publish(records))
 * await transaction.sendOffsets('copier', [{ topic: 'orders', partition: 0, offset: 42n }])
 * await transaction.commit()
 */
export class Transaction extends RecordSender implements AsyncDisposable {
  readonly #open: OpenTransaction
  readonly #transactions: Transactions
  readonly #streams: OpenStreams
  readonly #singles: SingleRecords

  constructor(open: OpenTransaction, transactions: Transactions, streams: OpenStreams, singles: SingleRecords) {
    super()
    this.#open = open
    this.#transactions = transactions
    this.#streams = streams
    this.#singles = singles
    open.signal.addEventListener('abort', () => this.#ended(open.signal.reason), { once: true })
  }

  /** Is aborted, with the error that {@link commit} would reject with, as soon as the transaction can't be committed any more. */
  get signal(): AbortSignal {
    return this.#open.signal
  }

  /**
   * Stores in this transaction how far a consumer group has read: it will have read these records if, and only if, the transaction is
   * committed. The commit waits for it.
   *
   * @param group a group id, or what the consumer says of itself: then a consumer that has lost its partitions can't commit.
   * @param offsets of the next record to read, for each partition.
   *
   * Rejects with the broker's error, which also aborts the transaction.
   *
   * @throws {InvalidArgumentError} when a field is missing, unknown or of the wrong type.
   *
   * @example await transaction.sendOffsets({ groupId, memberId, generationId }, [{ topic, partition, offset: '43' }])
   */
  sendOffsets(group: string | GroupMetadata, offsets: Iterable<TopicPartitionOffset>): Promise<void> {
    const [member, read] = [readGroup(group), readOffsets(offsets)]
    const { closed } = this.#open.scope
    if (closed !== undefined) return Promise.reject(closed)
    return read.length === 0 ? Promise.resolve() : this.#transactions.sendOffsets(this.#open, member, read)
  }

  /**
   * Stores in this transaction where the source of its records stands; `producer.position()` reads it back, after a crash as well. The last
   * call counts.
   *
   * It lives in Kafka's group offsets, in a group with the name of the `transactionalId`, for as long as brokers keep those after the last
   * commit (`offsets.retention.minutes`, 7 days by default). It takes the permission to read the group, and the topic that is written to.
   *
   * @param text a byte offset, a cursor, a change number: at most 4,096 bytes.
   *
   * @throws {InvalidArgumentError} when it is no string, or too long; {@link TransactionEndedError} after `commit()` or `abort()`. Does nothing
   * in a transaction that was aborted for another reason, which its commit tells.
   *
   * @example transaction.setPosition(String(bytesRead))
   */
  setPosition(text: string): void {
    if (typeof text !== 'string') throw new InvalidArgumentError(`setPosition() expects a string, got ${typeof text}`)
    const bytes = Buffer.byteLength(text)
    if (bytes > MOST_POSITION_BYTES) {
      throw new InvalidArgumentError(
        `setPosition() got ${bytes} bytes, and brokers store at most ${MOST_POSITION_BYTES} (their \`offset.metadata.max.bytes\`)`,
      )
    }
    const { closed } = this.#open.scope
    if (closed instanceof TransactionEndedError) throw closed
    if (closed === undefined) this.#open.position = text
  }

  /**
   * Waits for the acks of all its records, then commits it. Resolves when the coordinator has promised to.
   *
   * Rejects with a {@link TransactionAbortedError} when it was aborted instead, with a {@link ProducerFencedError} when another producer has
   * taken over, and with an {@link InvalidArgumentError} when a source of it has not ended: the transaction stays open then.
   *
   * @example await transaction.commit()
   */
  async commit(): Promise<void> {
    const { scope } = this.#open
    if (this.#open.is('gathering', 'open') && scope.closed === undefined) {
      const sources = this.#streams.sourcesIn(scope)
      if (sources > 0) {
        throw new InvalidArgumentError(
          `commit() was called while ${sources === 1 ? 'a source' : `${sources} sources`} of the transaction had not ended:` +
            ' wait for the acks of every stream first, or abort()',
        )
      }
      scope.closed = new TransactionEndedError('commit')
      await this.#streams.serialized(scope)
      await this.#singles.accepted()
      if (this.#open.is('gathering', 'open')) this.#open.step('commit')
    }
    await this.#open.committed()
  }

  /**
   * Aborts it: drops what was not sent, waits for what is in flight, and has the coordinator mark the rest as aborted. Does nothing where it
   * has ended.
   *
   * While {@link commit} is under way, it aborts as long as records are sent, and `commit()` rejects. Once the coordinator is asked to commit, it
   * waits, and rejects with a {@link TransactionEndedError} if the transaction is committed.
   *
   * @example await transaction.abort()
   */
  async abort(): Promise<void> {
    const open = this.#open
    const late = open.is('committing')
    const error = new TransactionEndedError('abort')
    open.abort(error)
    // It was not aborted before, nor is it being committed.
    if (open.cause === error) open.scope.closed = error
    await open.until('committed', 'aborted')
    if (late && open.is('committed'))
      throw new TransactionEndedError('commit', 'abort() came too late: the transaction is committed')
  }

  /** Aborts it if {@link commit} was not called; waits until it has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#open.scope.closed === undefined) await this.abort()
    else await this.#open.until('committed', 'aborted')
  }

  protected openStream<I, T>(
    options: SendOptions & Partial<RecordMapping<I>>,
    overflow: 'wait' | undefined,
    createSink: (subscriber: Subscriber<T>) => StreamSink,
    start: Start<I>,
  ): Observable<T> {
    return this.#streams.open(options, overflow, createSink, start, this.#open.scope)
  }

  protected sendSingle<M>(record: ProducerRecord<M>, signal: AbortSignal | undefined): Promise<Acked<M>> {
    const refusal = this.#streams.ended ?? this.#open.scope.closed
    return refusal === undefined ? this.#singles.send(record, signal) : Promise.reject(refusal)
  }

  protected allow(): void {}

  /** It can't be committed: its sources stop, and records that wait for memory are refused. */
  #ended(reason: Error): void {
    this.#streams.abandonTransaction(this.#open.scope, reason)
    this.#singles.close(reason)
  }
}

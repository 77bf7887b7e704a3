import type { Subscriber } from 'rxjs'
import type { BatchAck } from '../model/batch-ack.js'
import type { Outcome } from '../model/outcome.js'
import type { Ack, ProducerRecord } from '../model/record.js'
import type { SettledRecords, StreamSink } from '../model/sinks.js'
import type { TransactionScope } from '../model/transaction-scope.js'
import { batchAckOf, refusedBatchAck } from './batch-acks.js'
import { ackOf, FailedRecord } from './record-acks.js'

/**
 * The sink of one stream. Counts the records that are owed an ack, and ends the stream when its source has ended and no more acks are
 * owed; a source's error waits for that too.
 */
abstract class AckStream<M, T> implements StreamSink {
  yields = false
  transaction: TransactionScope | undefined
  failed: ((error: Error) => void) | undefined
  protected readonly subscriber: Subscriber<T>
  #owed = 0
  #sourceEnded = false
  #error: Error | undefined

  constructor(subscriber: Subscriber<T>) {
    this.subscriber = subscriber
  }

  /** Counts an accepted record, which is owed an ack. */
  accepted(): void {
    this.#owed++
  }

  settled(batch: SettledRecords, from: number, to: number, outcome: Outcome): void {
    this.transaction?.settled(to - from, outcome)
    this.deliver(batch, from, to, outcome)
    // Not before: the first ack of several may end the source.
    this.#owed -= to - from
    this.#finish()
  }

  neverBatched(record: ProducerRecord, error: Error): void {
    this.refuse(record, error)
    this.#owed--
    this.#finish()
  }

  /** A record failed that was never in a batch. */
  refuse(record: ProducerRecord, error: Error): void {
    this.transaction?.refused(error)
    this.failed?.(error)
    this.deliverRefusal(record as ProducerRecord<M>, error)
  }

  sourceEnded(error?: Error): void {
    this.#sourceEnded = true
    // While acks are owed, the producer may end after the source has.
    this.#error ??= error
    this.#finish()
  }

  /** Emits the ack of a record that was never in a batch. */
  protected abstract deliverRefusal(record: ProducerRecord<M>, error: Error): void

  protected abstract deliver(batch: SettledRecords, from: number, to: number, outcome: Outcome): void

  #finish(): void {
    if (!this.#sourceEnded || this.#owed > 0) return
    if (this.#error === undefined) this.subscriber.complete()
    else this.subscriber.error(this.#error)
  }
}

/** One ack a record, for `send()`. */
export class RecordAcks<M> extends AckStream<M, Ack<M>> {
  protected deliverRefusal(record: ProducerRecord<M>, error: Error): void {
    this.subscriber.next(new FailedRecord(error, 'no', 0, record))
  }

  protected deliver(batch: SettledRecords, from: number, to: number, outcome: Outcome): void {
    const { subscriber } = this
    for (let i = from; i < to && !subscriber.closed; i++)
      subscriber.next(ackOf<M>(batch, batch.records[i]!, i, outcome))
  }
}

/** One ack a batch, for `sendBatches()`. */
export class BatchAcks<M> extends AckStream<M, BatchAck<M>> {
  protected deliverRefusal(record: ProducerRecord<M>, error: Error): void {
    this.subscriber.next(refusedBatchAck<M>(record, error))
  }

  protected deliver(batch: SettledRecords, from: number, to: number, outcome: Outcome): void {
    this.subscriber.next(batchAckOf<M>(batch, from, to, outcome))
  }
}

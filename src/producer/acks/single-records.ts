import { Subscription } from 'rxjs'
import { type BufferFullError, toError } from '../../errors.js'
import type { Outcome } from '../model/outcome.js'
import type { Ack, Acked, ProducerRecord } from '../model/record.js'
import { RecordFailedError } from '../model/record-failed-error.js'
import type { AckSink, SettledRecords } from '../model/sinks.js'
import type { TakenRecord } from '../model/taken-record.js'
import type { TransactionScope } from '../model/transaction-scope.js'
import type { Interceptors } from '../records/interceptors.js'
import { takeRecord } from '../records/read-record.js'
import type { Deadlines } from '../time/deadlines.js'
import { onAbort } from '../time/signal.js'
import { InterceptedAckSink } from './intercepted-sink.js'
import { ackOf, FailedRecord } from './record-acks.js'

/** What single records need of the data path. */
export interface SingleBuffer {
  accept(record: ProducerRecord, sink: AckSink): Error | undefined
  acceptTaken(taken: TakenRecord, sink: AckSink, acceptedAt: number | undefined): Error | undefined
  readonly hasRoom: boolean
  /** Calls back once: when there may be memory again, or with the reason why there will be none. */
  whenWritable(resume: (error?: Error) => void, maxBlockMs: number): Subscription
  /** Returns the error of a record that has waited for `maxBlockMs`. */
  blockedTooLong(): BufferFullError
  /** Creates deadlines of `maxBlockMs`. */
  blocks<T>(expired: (item: T) => void): Deadlines<T>
  now(): number
  /** A record failed before it was part of a batch. */
  failed(error: Error): void
}

/** The records of `sendOne()`, with a promise for each. Records without buffer memory wait for it, in the order of the calls. */
export class SingleRecords {
  readonly #buffer: SingleBuffer
  readonly #yields: boolean
  readonly #transaction: TransactionScope | undefined
  readonly #interceptors: Interceptors | undefined
  readonly #waiting: Single[] = []
  readonly #blocks: Deadlines<Single>
  #room = Subscription.EMPTY

  /**
   * @param yields whether records may be refused while their partition is stalled.
   * @param transaction that the records belong to.
   */
  constructor(buffer: SingleBuffer, yields: boolean, interceptors?: Interceptors, transaction?: TransactionScope) {
    this.#transaction = transaction
    this.#buffer = buffer
    this.#yields = yields
    this.#interceptors = interceptors
    this.#blocks = buffer.blocks(single => this.#refuse(single, buffer.blockedTooLong()))
  }

  send<M>(record: ProducerRecord<M>, signal: AbortSignal | undefined): Promise<Acked<M>> {
    return new Promise((resolve, reject) => {
      const single = new Single(
        record,
        this.#yields,
        this.#transaction,
        this.#buffer,
        resolve as (ack: Acked) => void,
        reject,
      )
      if (this.#interceptors !== undefined) single.intercept(this.#interceptors)
      if (signal !== undefined) single.abort = onAbort(signal, reason => this.#leave(single, reason))
      const waits = this.#waiting.length > 0 || !this.#buffer.hasRoom
      const error = waits ? this.#queue(single) : this.#buffer.accept(single.sent, single.sink)
      if (error !== undefined) single.fail(error)
    })
  }

  /** Resolves when no record waits for memory. */
  async accepted(): Promise<void> {
    while (this.#waiting.length > 0) {
      await new Promise<unknown>(resolve => this.#buffer.whenWritable(resolve, Number.POSITIVE_INFINITY))
    }
  }

  /** Rejects the records that wait for memory. */
  close(error: Error): void {
    this.#room.unsubscribe()
    for (const single of this.#waiting.splice(0)) {
      this.#blocks.delete(single)
      single.drop(error)
    }
  }

  #queue(single: Single): Error | undefined {
    const taken = takeRecord(single.sent)
    if (taken instanceof Error) return taken
    single.taken = taken
    this.#waiting.push(single)
    this.#blocks.add(single, this.#buffer.now())
    if (this.#room.closed) this.#wait()
    return undefined
  }

  #wait(): void {
    // One wait for all; each record has its own `maxBlockMs`.
    this.#room = this.#buffer.whenWritable(error => {
      this.#room.unsubscribe()
      if (error === undefined) this.#drain()
      else this.close(error)
    }, Number.POSITIVE_INFINITY)
  }

  #drain(): void {
    // The memory is that of its records, which are being dropped.
    const dropped = this.#transaction?.dropped
    if (dropped !== undefined) this.close(dropped)
    while (this.#waiting.length > 0 && this.#buffer.hasRoom) {
      const single = this.#waiting.shift()!
      this.#blocks.delete(single)
      const error = this.#buffer.acceptTaken(single.taken!, single.sink, undefined)
      if (error !== undefined) single.fail(error)
    }
    if (this.#waiting.length > 0) this.#wait()
  }

  #refuse(single: Single, error: Error): void {
    this.#remove(single)
    single.fail(error)
  }

  /** Rejects the promise of a caller that stops waiting. An accepted record is still delivered. */
  #leave(single: Single, reason: unknown): void {
    if (this.#remove(single)) single.drop(reason)
    else single.reject(reason)
  }

  /** Returns whether the record was still waiting. */
  #remove(single: Single): boolean {
    const index = this.#waiting.indexOf(single)
    if (index === -1) return false
    this.#waiting.splice(index, 1)
    this.#blocks.delete(single)
    if (this.#waiting.length === 0) this.#room.unsubscribe()
    return true
  }
}

/** One record, with the promise of its ack. */
class Single implements AckSink {
  /** The user's object. */
  readonly record: ProducerRecord
  /** What interceptors made of it. */
  sent: ProducerRecord
  /** Where its ack goes: here, by way of the interceptors. */
  sink: AckSink = this
  readonly yields: boolean
  readonly transaction: TransactionScope | undefined
  /** The record's fields, if it has to wait. */
  taken: TakenRecord | undefined
  abort = Subscription.EMPTY
  readonly #buffer: Pick<SingleBuffer, 'failed'>
  readonly #resolve: (ack: Acked) => void
  readonly #reject: (reason: unknown) => void

  constructor(
    record: ProducerRecord,
    yields: boolean,
    transaction: TransactionScope | undefined,
    buffer: Pick<SingleBuffer, 'failed'>,
    resolve: (ack: Acked) => void,
    reject: (reason: unknown) => void,
  ) {
    this.record = record
    this.sent = record
    this.yields = yields
    this.transaction = transaction
    this.#buffer = buffer
    this.#resolve = resolve
    this.#reject = reject
  }

  settled(batch: SettledRecords, from: number, _to: number, outcome: Outcome): void {
    this.transaction?.settled(1, outcome)
    this.#end(ackOf(batch, batch.records[from]!, from, outcome))
  }

  intercept(interceptors: Interceptors): void {
    this.sent = interceptors.intercept(this.record)
    this.sink = new InterceptedAckSink(this, interceptors)
  }

  neverBatched(_record: ProducerRecord, error: Error): void {
    this.transaction?.refused(error)
    this.#buffer.failed(error)
    this.#end(new FailedRecord(error, 'no', 0, this.record))
  }

  /** Rejects the promise of a record that was not sent. */
  fail(error: Error): void {
    this.sink.neverBatched(this.sent, error)
  }

  /** Rejects the promise of a record that waited in vain with the reason, which is no ack. Interceptors get their ack all the same. */
  drop(reason: unknown): void {
    this.reject(reason)
    this.fail(toError(reason))
  }

  reject(reason: unknown): void {
    this.abort.unsubscribe()
    this.#reject(reason)
  }

  #end(ack: Ack): void {
    if (ack.kind !== 'acked') {
      this.reject(new RecordFailedError(ack))
      return
    }
    this.abort.unsubscribe()
    this.#resolve(ack)
  }
}

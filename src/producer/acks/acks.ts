import { type InspectOptionsStylized, inspect } from 'node:util'
import type { Subscriber } from 'rxjs'
import { toPlain } from '../../json.js'
import type { AckSink, Batch } from '../model/batch.js'
import type { Outcome } from '../model/outcome.js'
import type { Ack, Failed, ProducerRecord } from '../model/record.js'
import { topicOf } from '../model/record-topic.js'
import { AckedRecord, FailedRecord } from './record-acks.js'

/**
 * The acks of records of one stream that were sent, and settled, together. Cheaper than an {@link Ack} a record: what is
 * the same for all of them is there once, and an ack is made when it is asked for.
 *
 * @example for (const ack of batchAck) if (ack.kind === 'acked') console.log(ack.offset)
 */
export interface BatchAck<M = unknown> extends Iterable<Ack<M>> {
  readonly kind: Ack['kind']
  readonly topic: string
  /** -1 for a record that failed before it had a partition. */
  readonly partition: number
  /** How many records. */
  readonly count: number
  /** The offset of the first record; -1 when it is not known, or nothing was written. */
  readonly baseOffset: bigint
  /** Calls `action` with each record's ack, in order. */
  forEach(action: (ack: Ack<M>) => void): void
}

/**
 * What a stream of records is owed. It counts what was taken and has no end yet, and ends when its source has ended and
 * nothing is owed any more; a source's error waits for that too.
 */
abstract class StreamSink<M, T> implements AckSink {
  yields = false
  protected readonly subscriber: Subscriber<T>
  #owed = 0
  #sourceEnded = false
  #error: Error | undefined

  constructor(subscriber: Subscriber<T>) {
    this.subscriber = subscriber
  }

  /** A record was taken: it is owed its end. */
  taken(): void {
    this.#owed++
  }

  settled(batch: Batch, from: number, to: number, end: Outcome): void {
    this.deliver(batch, from, to, end)
    // Not before: who gets the first ack of several may end the source.
    this.#owed -= to - from
    this.#finish()
  }

  neverBatched(record: ProducerRecord, error: Error): void {
    this.refuse(record as ProducerRecord<M>, error)
    this.#owed--
    this.#finish()
  }

  /** The record fails without having been in a batch. */
  abstract refuse(record: ProducerRecord<M>, error: Error): void

  sourceEnded(error?: Error): void {
    this.#sourceEnded = true
    // While something is owed, the producer may end after the source has.
    this.#error ??= error
    this.#finish()
  }

  protected abstract deliver(batch: Batch, from: number, to: number, end: Outcome): void

  #finish(): void {
    if (!this.#sourceEnded || this.#owed > 0) return
    if (this.#error === undefined) this.subscriber.complete()
    else this.subscriber.error(this.#error)
  }
}

/** One ack a record, for `send()`. */
export class RecordAcks<M> extends StreamSink<M, Ack<M>> {
  refuse(record: ProducerRecord<M>, error: Error): void {
    this.subscriber.next(new FailedRecord(error, 'no', 0, record))
  }

  protected deliver(batch: Batch, from: number, to: number, end: Outcome): void {
    const { subscriber } = this
    for (let i = from; i < to && !subscriber.closed; i++) subscriber.next(ackOf<M>(batch, batch.records, i, end))
  }
}

/** One ack a batch, for `sendBatches()`. */
export class BatchAcks<M> extends StreamSink<M, BatchAck<M>> {
  refuse(record: ProducerRecord<M>, error: Error): void {
    this.subscriber.next(new RefusedBatchAck<M>(record, error))
  }

  protected deliver(batch: Batch, from: number, to: number, end: Outcome): void {
    this.subscriber.next(new SettledBatchAck<M>(batch, from, to, end))
  }
}

/** @param records of the batch, which lets go of them when all are told. */
export function ackOf<M>(batch: Batch, records: readonly ProducerRecord[], index: number, end: Outcome): Ack<M> {
  const record = records[index] as ProducerRecord<M>
  if (end.kind === 'failed') return new FailedRecord(end.error, end.persisted, batch.attempts, record)
  return new AckedRecord(
    batch.topic,
    batch.partition,
    end.baseOffset < 0n ? -1n : end.baseOffset + BigInt(index),
    end.logAppendTime < 0 ? batch.timestampOf(index) : end.logAppendTime,
    record,
  )
}

class SettledBatchAck<M> implements BatchAck<M> {
  readonly #batch: Batch
  readonly #records: readonly ProducerRecord[]
  readonly #from: number
  readonly #to: number
  readonly #end: Outcome

  constructor(batch: Batch, from: number, to: number, end: Outcome) {
    this.#batch = batch
    this.#records = batch.records
    this.#from = from
    this.#to = to
    this.#end = end
  }

  get kind(): Ack['kind'] {
    return this.#end.kind
  }

  get topic(): string {
    return this.#batch.topic
  }

  get partition(): number {
    return this.#batch.partition
  }

  get count(): number {
    return this.#to - this.#from
  }

  get baseOffset(): bigint {
    const end = this.#end
    return end.kind === 'acked' && end.baseOffset >= 0n ? end.baseOffset + BigInt(this.#from) : -1n
  }

  forEach(action: (ack: Ack<M>) => void): void {
    for (let i = this.#from; i < this.#to; i++) action(ackOf<M>(this.#batch, this.#records, i, this.#end))
  }

  *[Symbol.iterator](): Iterator<Ack<M>> {
    for (let i = this.#from; i < this.#to; i++) yield ackOf<M>(this.#batch, this.#records, i, this.#end)
  }

  toJSON(): unknown {
    return toPlain(this.#summary())
  }

  [inspect.custom](depth: number, options: InspectOptionsStylized): string {
    return inspectSummary(this.#summary(), depth, options)
  }

  #summary(): object {
    return { ...summary(this), ...(this.#end.kind === 'failed' && { ...this.#end, attempts: this.#batch.attempts }) }
  }
}

/** A single record that was never part of a batch. */
class RefusedBatchAck<M> implements BatchAck<M> {
  readonly kind = 'failed' as const
  readonly partition = -1
  readonly count = 1
  readonly baseOffset: bigint = -1n
  readonly #ack: Failed<M>

  constructor(record: ProducerRecord<M>, error: Error) {
    this.#ack = new FailedRecord(error, 'no', 0, record)
  }

  /** Read when asked for, and with care: what was refused may be anything. */
  get topic(): string {
    return topicOf(this.#ack.record)
  }

  forEach(action: (ack: Ack<M>) => void): void {
    action(this.#ack)
  }

  *[Symbol.iterator](): Iterator<Ack<M>> {
    yield this.#ack
  }

  toJSON(): unknown {
    return toPlain(this.#summary())
  }

  [inspect.custom](depth: number, options: InspectOptionsStylized): string {
    return inspectSummary(this.#summary(), depth, options)
  }

  #summary(): object {
    const { error, persisted, attempts } = this.#ack
    return { ...summary(this), error, persisted, attempts }
  }
}

/*
 * JSON and the console see no getters and nothing private, so a batch ack gives them a summary. By functions, not by a class
 * that both extend: `super()` would double what a batch ack costs.
 */

function summary({ kind, topic, partition, count, baseOffset }: BatchAck): object {
  return { kind, topic, partition, count, baseOffset }
}

function inspectSummary(summary: object, depth: number, options: InspectOptionsStylized): string {
  return `BatchAck ${depth < 0 ? '{…}' : inspect(summary, options)}`
}

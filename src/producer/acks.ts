import type { Subscriber } from 'rxjs'
import type { AckSink, Batch, Settlement } from './batch.js'
import type { Ack, ProducerRecord } from './record.js'

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

  settled(batch: Batch, from: number, to: number, end: Settlement): void {
    this.deliver(batch, from, to, end)
    // Not before: who gets the first ack of several may end the source.
    this.#owed -= to - from
    this.#finish()
  }

  unplaced(record: ProducerRecord, error: Error): void {
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

  protected abstract deliver(batch: Batch, from: number, to: number, end: Settlement): void

  #finish(): void {
    if (!this.#sourceEnded || this.#owed > 0) return
    if (this.#error === undefined) this.subscriber.complete()
    else this.subscriber.error(this.#error)
  }
}

/** One ack a record, for `send()`. */
export class RecordAcks<M> extends StreamSink<M, Ack<M>> {
  refuse(record: ProducerRecord<M>, error: Error): void {
    this.subscriber.next({ kind: 'failed', error, persisted: 'no', attempts: 0, record })
  }

  protected deliver(batch: Batch, from: number, to: number, end: Settlement): void {
    const { subscriber } = this
    for (let i = from; i < to && !subscriber.closed; i++) subscriber.next(ackOf<M>(batch, batch.records, i, end))
  }
}

/** One ack a batch, for `sendBatches()`. */
export class BatchAcks<M> extends StreamSink<M, BatchAck<M>> {
  refuse(record: ProducerRecord<M>, error: Error): void {
    this.subscriber.next(new RefusedBatchAck<M>(record, error))
  }

  protected deliver(batch: Batch, from: number, to: number, end: Settlement): void {
    this.subscriber.next(new SettledBatchAck<M>(batch, from, to, end))
  }
}

/** @param records of the batch, which lets go of them when all are told. */
export function ackOf<M>(batch: Batch, records: readonly ProducerRecord[], index: number, end: Settlement): Ack<M> {
  const record = records[index] as ProducerRecord<M>
  switch (end.kind) {
    case 'acked':
      return {
        kind: 'acked',
        topic: batch.topic,
        partition: batch.partition,
        offset: end.baseOffset < 0n ? -1n : end.baseOffset + BigInt(index),
        timestamp: end.logAppendTime < 0 ? batch.timestampOf(index) : end.logAppendTime,
        record,
      }
    case 'failed':
      return { kind: 'failed', error: end.error, persisted: end.persisted, attempts: batch.attempts, record }
    case 'omitted':
      return { kind: 'omitted', cause: end.cause, record }
  }
}

class SettledBatchAck<M> implements BatchAck<M> {
  readonly #batch: Batch
  readonly #records: readonly ProducerRecord[]
  readonly #from: number
  readonly #to: number
  readonly #end: Settlement

  constructor(batch: Batch, from: number, to: number, end: Settlement) {
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
}

/** A single record that was never part of a batch. */
class RefusedBatchAck<M> implements BatchAck<M> {
  readonly kind = 'failed' as const
  readonly topic: string
  readonly partition = -1
  readonly count = 1
  readonly baseOffset: bigint = -1n
  readonly #ack: Ack<M>

  constructor(record: ProducerRecord<M>, error: Error) {
    this.topic = String((record as ProducerRecord | null | undefined)?.topic ?? '')
    this.#ack = { kind: 'failed', error, persisted: 'no', attempts: 0, record }
  }

  forEach(action: (ack: Ack<M>) => void): void {
    action(this.#ack)
  }

  *[Symbol.iterator](): Iterator<Ack<M>> {
    yield this.#ack
  }
}

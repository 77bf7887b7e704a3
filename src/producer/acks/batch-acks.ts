import { type InspectOptionsStylized, inspect } from 'node:util'
import { toPlain } from '../../json.js'
import type { BatchAck } from '../model/batch-ack.js'
import type { Outcome } from '../model/outcome.js'
import type { Ack, Failed, ProducerRecord } from '../model/record.js'
import { topicOf } from '../model/record-topic.js'
import type { SettledRecords } from '../model/sinks.js'
import { ackOf, FailedRecord } from './record-acks.js'

/** Returns the ack of the records `from` up to `to` of a settled batch. */
export function batchAckOf<M>(batch: SettledRecords, from: number, to: number, outcome: Outcome): BatchAck<M> {
  return new SettledBatchAck<M>(batch, from, to, outcome)
}

/** Returns the ack of a single record that was never part of a batch. */
export function refusedBatchAck<M>(record: ProducerRecord<M>, error: Error): BatchAck<M> {
  return new RefusedBatchAck<M>(record, error)
}

class SettledBatchAck<M> implements BatchAck<M> {
  readonly #batch: SettledRecords
  readonly #records: readonly ProducerRecord[]
  readonly #from: number
  readonly #to: number
  readonly #outcome: Outcome

  constructor(batch: SettledRecords, from: number, to: number, outcome: Outcome) {
    this.#batch = batch
    this.#records = batch.records
    this.#from = from
    this.#to = to
    this.#outcome = outcome
  }

  get kind(): Ack['kind'] {
    return this.#outcome.kind
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
    const outcome = this.#outcome
    return outcome.kind === 'acked' && outcome.baseOffset >= 0n ? outcome.baseOffset + BigInt(this.#from) : -1n
  }

  get logAppendTime(): number {
    const outcome = this.#outcome
    return outcome.kind === 'acked' ? outcome.logAppendTime : -1
  }

  get logStartOffset(): bigint {
    const outcome = this.#outcome
    return (outcome.kind === 'acked' ? outcome.logStartOffset : undefined) ?? -1n
  }

  forEach(action: (ack: Ack<M>) => void): void {
    for (let i = this.#from; i < this.#to; i++) action(ackOf<M>(this.#batch, this.#records[i]!, i, this.#outcome))
  }

  *[Symbol.iterator](): Iterator<Ack<M>> {
    for (let i = this.#from; i < this.#to; i++) yield ackOf<M>(this.#batch, this.#records[i]!, i, this.#outcome)
  }

  toJSON(): unknown {
    return toPlain(this.#summary())
  }

  [inspect.custom](depth: number, options: InspectOptionsStylized): string {
    return inspectSummary(this.#summary(), depth, options)
  }

  #summary(): object {
    return {
      ...summary(this),
      ...(this.#outcome.kind === 'failed' && { ...this.#outcome, attempts: this.#batch.attempts }),
    }
  }
}

/** The ack of a single record that was never part of a batch. */
class RefusedBatchAck<M> implements BatchAck<M> {
  readonly kind = 'failed' as const
  readonly partition = -1
  readonly count = 1
  readonly baseOffset: bigint = -1n
  readonly logAppendTime = -1
  readonly logStartOffset: bigint = -1n
  readonly #ack: Failed<M>

  constructor(record: ProducerRecord<M>, error: Error) {
    this.#ack = new FailedRecord(error, 'no', 0, record)
  }

  /** Read on demand, and with care: a refused record may be anything. */
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
 * JSON and the console see neither getters nor private fields, so a batch ack gives them a summary. With functions instead of a common
 * base class: `super()` would double the cost of a batch ack.
 */

function summary({ kind, topic, partition, count, baseOffset }: BatchAck): object {
  return { kind, topic, partition, count, baseOffset }
}

function inspectSummary(summary: object, depth: number, options: InspectOptionsStylized): string {
  return `BatchAck ${depth < 0 ? '{…}' : inspect(summary, options)}`
}

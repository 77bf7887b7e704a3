import { toPlain } from '../../json.js'
import type { Outcome } from '../model/outcome.js'
import type { Ack, Acked, Failed, ProducerRecord } from '../model/record.js'
import type { SettledRecords } from '../model/sinks.js'

/*
 * Acks are classes so that toJSON() exists once, on the prototype: every record makes an ack. Their fields are plain, only declared, and
 * assigned in one order, so that an ack costs as much as a literal.
 */

class AckedRecord<M> implements Acked<M> {
  declare readonly kind: 'acked'
  declare readonly topic: string
  declare readonly partition: number
  declare readonly offset: bigint
  declare readonly timestamp: number
  declare readonly record: ProducerRecord<M>

  constructor(topic: string, partition: number, offset: bigint, timestamp: number, record: ProducerRecord<M>) {
    this.kind = 'acked'
    this.topic = topic
    this.partition = partition
    this.offset = offset
    this.timestamp = timestamp
    this.record = record
  }

  toJSON(): unknown {
    return toPlain({ ...this })
  }
}

export class FailedRecord<M> implements Failed<M> {
  declare readonly kind: 'failed'
  declare readonly error: Error
  declare readonly persisted: 'no' | 'maybe'
  declare readonly attempts: number
  declare readonly record: ProducerRecord<M>

  constructor(error: Error, persisted: 'no' | 'maybe', attempts: number, record: ProducerRecord<M>) {
    this.kind = 'failed'
    this.error = error
    this.persisted = persisted
    this.attempts = attempts
    this.record = record
  }

  toJSON(): unknown {
    return toPlain({ ...this })
  }
}

/**
 * Returns the ack of one record of a batch.
 *
 * @param record of the batch, which drops its records after their acks are delivered.
 */
export function ackOf<M>(batch: SettledRecords, record: ProducerRecord, index: number, outcome: Outcome): Ack<M> {
  const own = record as ProducerRecord<M>
  if (outcome.kind === 'failed') return new FailedRecord(outcome.error, outcome.persisted, batch.attempts, own)
  return new AckedRecord(
    batch.topic,
    batch.partition,
    outcome.baseOffset < 0n ? -1n : outcome.baseOffset + BigInt(index),
    outcome.logAppendTime < 0 ? batch.timestampOf(index) : outcome.logAppendTime,
    own,
  )
}

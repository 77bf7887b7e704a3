import type { Ack } from './record.js'

/**
 * The acks of records of one stream that were settled together. Cheaper than an {@link Ack} for each record: common fields exist once, and
 * single acks are made on demand.
 *
 * @example for (const ack of batchAck) if (ack.kind === 'acked') console.log(ack.offset)
 */
export interface BatchAck<M = unknown> extends Iterable<Ack<M>> {
  /** What became of all these records. */
  readonly kind: Ack['kind']
  /** The topic's name. */
  readonly topic: string
  /** The partition; -1 for a record that failed before it had one. */
  readonly partition: number
  /** How many records. */
  readonly count: number
  /** The offset of the first record; -1 when it is not known, or nothing was written. */
  readonly baseOffset: bigint
  /** When the broker appended them, in ms since 1970, if the topic uses LogAppendTime; else -1. */
  readonly logAppendTime: number
  /** The first offset that the partition still had when they were appended; -1 when it is not known, as before Kafka 1.0. */
  readonly logStartOffset: bigint
  /** Calls `action` with each record's ack, in order. */
  forEach(action: (ack: Ack<M>) => void): void
}

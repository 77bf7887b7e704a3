import type { HeaderPair, RecordData } from '../../protocol/records/record-batch-builder.js'

/** Header values are strings (written as UTF-8), bytes or null. */
export type Headers = Readonly<Record<string, RecordData>> | Iterable<HeaderPair>

/**
 * A record to write.
 *
 * The producer reads each field exactly once, when it accepts the record. From then on the bytes are its own, so the object and its
 * buffers may be reused at once.
 *
 * @example { topic: 'orders', key: order.id, value: JSON.stringify(order), headers: { source: 'web' } }
 */
export interface ProducerRecord<M = unknown> {
  /** The topic's name. */
  readonly topic: string
  /** Records of one key go to one partition, the one that Java's producer chooses. Default: no key. */
  readonly key?: RecordData | undefined
  /** `null` is a tombstone: in a compacted topic it removes the key. */
  readonly value: RecordData
  /** Default: none. A name may occur several times in pairs. */
  readonly headers?: Headers | undefined
  /** The partition to write to. Default: chosen by key, or the partition whose batch is being filled. */
  readonly partition?: number | undefined
  /** Milliseconds since 1970. Default: the time at which the producer accepts the record. */
  readonly timestamp?: number | undefined
  /** Your own data; the ack returns it as `ack.record.metadata`. */
  readonly metadata?: M | undefined
}

/** The ack of a record that is written. */
export interface Acked<M = unknown> {
  /** Every in-sync replica has the record. */
  readonly kind: 'acked'
  /** The topic's name. */
  readonly topic: string
  /** The partition that it was written to. */
  readonly partition: number
  /** The record's offset; -1 when the broker knows that the record is stored, but not where (DUPLICATE_SEQUENCE_NUMBER). */
  readonly offset: bigint
  /** Milliseconds since 1970: the record's own, or the broker's if the topic uses LogAppendTime. */
  readonly timestamp: number
  /** The object that you sent. */
  readonly record: ProducerRecord<M>
}

/** The ack of a record that is not written, or whose fate is unknown. */
export interface Failed<M = unknown> {
  /** The record was not confirmed. */
  readonly kind: 'failed'
  /** Why it failed. */
  readonly error: Error
  /** `maybe`: it was sent and never definitely answered, so it may be readable. `no`: it is not. */
  readonly persisted: 'no' | 'maybe'
  /** How many requests carried it. */
  readonly attempts: number
  /** The object that you sent. */
  readonly record: ProducerRecord<M>
}

/** The one terminal event of a record. `JSON.stringify` accepts it, whatever the record holds; offsets become strings. */
export type Ack<M = unknown> = Acked<M> | Failed<M>

/**
 * Chooses a partition from 0 to `partitionCount - 1`; undefined leaves the choice to the default. Called once for each record, and
 * again if its topic is recreated before the record is sent. `hasLeader` tells whether a partition has a leader at present: records of one
 * that has none wait for it.
 *
 * @example (record, count, hasLeader) => (hasLeader(0) ? 0 : count - 1)
 */
export type Partitioner = (
  record: ProducerRecord,
  partitionCount: number,
  hasLeader: (partition: number) => boolean,
) => number | undefined

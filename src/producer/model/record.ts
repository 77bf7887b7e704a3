import type { HeaderPair, RecordData } from '../../protocol/records/record-batch-builder.js'

/** Header values are strings (written as UTF-8), bytes or null. */
export type Headers = Readonly<Record<string, RecordData>> | Iterable<HeaderPair>

/**
 * A record to be written.
 *
 * Each field is read exactly once, when the producer takes the record. From then on the bytes are the producer's own, so the
 * object and its buffers may be used again at once.
 *
 * @example { topic: 'orders', key: order.id, value: JSON.stringify(order), headers: { source: 'web' } }
 */
export interface ProducerRecord<M = unknown> {
  readonly topic: string
  /** Records of one key go to one partition, the one that Java's producer would choose. Without: none. */
  readonly key?: RecordData | undefined
  /** `null` is a tombstone: in a compacted topic it removes the key. */
  readonly value: RecordData
  readonly headers?: Headers | undefined
  /** The partition to write to. Without: chosen by key, or the partition whose batch is being filled. */
  readonly partition?: number | undefined
  /** Milliseconds since 1970. Without: the time at which the producer accepted it. */
  readonly timestamp?: number | undefined
  /** Anything of yours; it comes back in the ack, as `ack.record.metadata`. */
  readonly metadata?: M | undefined
}

/** The terminal event of a record that is written. */
export interface Acked<M = unknown> {
  readonly kind: 'acked'
  readonly topic: string
  readonly partition: number
  /** -1 when the broker knows the record as a duplicate but not where it is (DUPLICATE_SEQUENCE_NUMBER). */
  readonly offset: bigint
  /** Milliseconds since 1970: the record's own, or the broker's where the topic uses the time of the append. */
  readonly timestamp: number
  readonly record: ProducerRecord<M>
}

/** The terminal event of a record that is not written, or of which nobody knows. */
export interface Failed<M = unknown> {
  readonly kind: 'failed'
  readonly error: Error
  /** `maybe`: it was sent and never definitely answered, so it may be readable. `no`: it is not. */
  readonly persisted: 'no' | 'maybe'
  /** How many requests carried it. */
  readonly attempts: number
  readonly record: ProducerRecord<M>
}

/** The one terminal event of a record. `JSON.stringify` takes it, whatever the record holds; offsets become strings. */
export type Ack<M = unknown> = Acked<M> | Failed<M>

/** Chooses a partition from 0 to `partitionCount - 1`; undefined leaves the choice to the default. Called once a record. */
export type Partitioner = (record: ProducerRecord, partitionCount: number) => number | undefined

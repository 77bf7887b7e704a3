import { describe, type InvalidRecordError } from '../../errors.js'
import type { RecordData, RecordLengths } from '../../protocol/records/record-batch-builder.js'
import type { Batch } from '../model/batch.js'
import type { Partition } from '../model/partition.js'
import type { Topic } from '../model/topic.js'
import type { Partitioner } from '../options/options.js'
import { copyOf, refusal, show, type TakenRecord } from './taken-record.js'

/**
 * Asks a custom partitioner where a record goes, if the record does not say so itself; returns the record with its partition, or
 * why it cannot be sent. The partitioner is user code: it gets copies of the record's bytes, and may do anything.
 */
export function askPartitioner(
  partitioner: Partitioner | undefined,
  taken: TakenRecord,
  partitionCount: number,
): TakenRecord | InvalidRecordError {
  if (partitioner === undefined || partitionCount === 0 || taken.partition !== undefined) return taken
  try {
    const { topic, key, value, headers, timestamp, record } = copyOf(taken)
    const { metadata } = record
    const index: unknown = partitioner({ topic, key, value, headers, timestamp, metadata }, partitionCount)
    if (index === undefined) return taken
    if (typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < partitionCount)
      return { ...taken, partition: index }
    return refusal(
      `the \`partitioner\` returned ${show(index)} for topic ${topic};` +
        ` it must return an integer from 0 to ${partitionCount - 1}, or undefined`,
    )
  } catch (cause) {
    return refusal(`the \`partitioner\` threw: ${describe(cause)}`, cause)
  }
}

/** Tells which partitions move. */
export interface Movement {
  /** Increases whenever an earlier result of `moves` may be out of date. */
  readonly changes: number
  /** Whether a record appended to it is likely to be sent soon. */
  moves(partition: Partition): boolean
}

/** The next record has to judge the choice again. */
const UNJUDGED = -1

/** Chooses a record's partition, once: the one it names, else by key, else the one whose batch keyless records are filling. */
export class PartitionChooser {
  readonly #movement: Movement
  readonly #left: (batch: Batch) => void
  #turn: number

  /**
   * @param turn which partition keyless records begin with.
   * @param left called with a batch that keyless records have filled or left; later ones go elsewhere.
   */
  constructor(turn: number, movement: Movement, left: (batch: Batch) => void) {
    this.#turn = turn
    this.#movement = movement
    this.#left = left
  }

  choose(partition: number | undefined, key: RecordData | undefined, topic: Topic, lengths: RecordLengths): number {
    if (partition !== undefined) return partition
    if (key === undefined || key === null) return this.#sticky(topic, lengths.max)
    return partitionOfKey(key, topic.count, lengths.key)
  }

  /** KIP-480: one batch is filled before the next begins, so that requests are large even when partitions are many. */
  #sticky(topic: Topic, bytes: number): number {
    const batch = topic.partitions[topic.sticky]?.openBatch
    const fits = batch !== undefined && batch.size + bytes <= topic.batchSize
    if (fits && topic.judged === this.#movement.changes) return topic.sticky
    return this.#decide(topic, batch, fits)
  }

  /**
   * KIP-794: leaves a partition that does not move while others do. Apart from {@link #sticky}, which every record passes.
   *
   * @param batch of the partition that records went to before, if it takes more.
   */
  #decide(topic: Topic, batch: Batch | undefined, fits: boolean): number {
    const { partitions, count } = topic
    const { changes } = this.#movement
    if (fits && this.#movement.moves(partitions[topic.sticky]!)) {
      topic.judged = changes
      return topic.sticky
    }
    const moving = this.#next(topic, partition => this.#movement.moves(partition))
    if (fits && moving === undefined) {
      topic.judged = changes
      return topic.sticky
    }
    if (batch !== undefined) this.#left(batch)
    // A broker that had nothing to do may be down. It gets one record, not a whole batch.
    topic.judged = UNJUDGED
    topic.sticky = moving ?? this.#next(topic, ({ leader }) => leader !== -1) ?? this.#turn++ % count
    return topic.sticky
  }

  /** The next partition in turn that `suits` accepts. */
  #next({ partitions, count }: Topic, suits: (partition: Partition) => boolean): number | undefined {
    for (let tries = 0; tries < count; tries++) {
      const index = this.#turn++ % count
      if (suits(partitions[index]!)) return index
    }
    return undefined
  }
}

/**
 * The partition of a key, as Java's producer and librdkafka's `murmur2_random` choose it: murmur2 of the key's bytes,
 * without its sign, modulo the number of partitions.
 *
 * @param length bytes of a key that is not a string, if they are known already.
 */
export function partitionOfKey(key: Exclude<RecordData, null>, partitionCount: number, length?: number): number {
  return ((typeof key === 'string' ? hashText(key) : murmur2(key, length)) & 0x7fffffff) % partitionCount
}

/** Where the bytes of short keys are put to be hashed: a buffer for each would cost more than its hash. */
const scratch = new Uint8Array(64)

function hashText(key: string): number {
  const { length } = key
  if (length > scratch.length) return murmur2(Buffer.from(key))
  for (let i = 0; i < length; i++) {
    const code = key.charCodeAt(i)
    if (code > 0x7f) return murmur2(Buffer.from(key))
    scratch[i] = code
  }
  return murmur2(scratch, length)
}

const MULTIPLIER = 0x5bd1e995
const SEED = 0x9747b28c

/** MurmurHash2, 32 bits, with the seed that Kafka uses, of the first `length` bytes: all, if not told. */
export function murmur2(bytes: Uint8Array, length: number = bytes.length): number {
  let hash = SEED ^ length
  let i = 0
  for (; i + 4 <= length; i += 4) {
    const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    const mixed = Math.imul(word, MULTIPLIER)
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(mixed ^ (mixed >>> 24), MULTIPLIER)
  }
  const rest = length - i
  if (rest >= 3) hash ^= bytes[i + 2]! << 16
  if (rest >= 2) hash ^= bytes[i + 1]! << 8
  if (rest >= 1) hash = Math.imul(hash ^ bytes[i]!, MULTIPLIER)
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER)
  return hash ^ (hash >>> 15)
}

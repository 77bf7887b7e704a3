import type { Bytes } from '../protocol/record-batch-builder.js'
import type { Batch } from './batch.js'
import type { Partitioner } from './options.js'
import type { ProducerRecord } from './record.js'
import type { Topic } from './topic.js'

/**
 * Chooses a record's partition, once: the one it names, else what the custom partitioner says, else by key, else the one
 * whose batch is being filled with records without key.
 */
export class PartitionChooser {
  readonly #custom: Partitioner | undefined
  readonly #full: (batch: Batch) => void
  #turn: number

  /**
   * @param turn which partition keyless records begin with.
   * @param full told of a batch that they have filled: they go elsewhere from now on.
   */
  constructor(custom: Partitioner | undefined, turn: number, full: (batch: Batch) => void) {
    this.#custom = custom
    this.#turn = turn
    this.#full = full
  }

  /** @param bytes what the record takes in a batch. */
  choose(record: ProducerRecord, topic: Topic, bytes: number): number {
    if (record.partition !== undefined) return record.partition
    const custom = this.#custom?.(record, topic.partitions.length)
    if (custom !== undefined) return custom
    const { key } = record
    return key === undefined || key === null ? this.#sticky(topic, bytes) : partitionOfKey(key, topic.partitions.length)
  }

  /** KIP-480: one batch is filled before the next begins, so that requests are large even when partitions are many. */
  #sticky(topic: Topic, bytes: number): number {
    const { partitions } = topic
    const batch = partitions[topic.sticky]?.filling
    if (batch !== undefined) {
      if (batch.size + bytes <= topic.batchSize) return topic.sticky
      this.#full(batch)
    }
    // In turn, passing over those that nobody leads, unless nobody leads any.
    for (let tries = 0; tries < partitions.length; tries++) {
      topic.sticky = this.#turn++ % partitions.length
      if (partitions[topic.sticky]!.leader !== -1) break
    }
    return topic.sticky
  }
}

/**
 * The partition of a key, as Java's producer and librdkafka's `murmur2_random` choose it: murmur2 of the key's bytes,
 * without its sign, modulo the number of partitions.
 */
export function partitionOfKey(key: Exclude<Bytes, null>, partitionCount: number): number {
  return ((typeof key === 'string' ? hashText(key) : murmur2(key)) & 0x7fffffff) % partitionCount
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

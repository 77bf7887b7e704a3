import type { RecordData } from '../../protocol/records/record-batch-builder.js'

/**
 * Returns the partition of a key, as Java's producer and librdkafka's `murmur2_random` choose it: murmur2 of the key's bytes, without its
 * sign, modulo the number of partitions.
 *
 * @param length bytes of a key that is not a string, if known already.
 */
export function partitionOfKey(key: Exclude<RecordData, null>, partitionCount: number, length?: number): number {
  return ((typeof key === 'string' ? hashText(key) : murmur2(key, length)) & 0x7fffffff) % partitionCount
}

/** The bytes of short keys: a buffer for each would cost more than its hash. */
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

/** Returns MurmurHash2, 32 bits, with Kafka's seed, of the first `length` bytes. */
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

const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995

/**
 * Returns the hash of kafkajs's `LegacyPartitioner`: murmur2 as it comes out when products are doubles, which lose bits above 2^53, and
 * when the last, incomplete word is mixed in twice.
 */
export function legacyMurmur2(key: Uint8Array | string): number {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key
  const { length } = bytes
  let hash = SEED ^ length
  for (let i = 0; i < length; i += 4) {
    const word = wordAt(bytes, i) * MULTIPLIER
    const mixed = (word ^ (word >>> 24)) * MULTIPLIER
    hash = (hash * MULTIPLIER) ^ mixed
  }
  const rest = length % 4
  if (rest > 0) hash = (hash ^ wordAt(bytes, length - rest)) * MULTIPLIER
  hash = (hash ^ (hash >>> 13)) * MULTIPLIER
  return hash ^ (hash >>> 15)
}

/** Four bytes, little-endian and signed; those behind the end are 0. */
function wordAt(bytes: Uint8Array, i: number): number {
  return bytes[i]! | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16) | ((bytes[i + 3] ?? 0) << 24)
}

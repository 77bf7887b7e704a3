import { Buffer } from 'node:buffer'
import crc32 from 'crc-32'
import type { RecordData } from '../../protocol/records/record-batch-builder.js'
import type { ProducerRecord } from '../model/record.js'
import { partitionOfKey } from './partition-of-key.js'

/**
 * Partitioners that place keys as other clients do, for topics that several clients write to. Strings count as their UTF-8 bytes.
 * Records without a key go where the default puts them, except with `roundRobin`.
 *
 * @example createProducer({ brokers, partitioner: partitioners.consistentRandom })
 * @example createProducer({ brokers, partitioner: partitioners.roundRobin() })
 */
export const partitioners: {
  /** Murmur2 of the key, as Java's producer and librdkafka's `murmur2_random`. This is also the default. */
  readonly murmur2: ByKey
  /** FNV-1a of the key, as librdkafka's `fnv1a_random` and Sarama's `NewHashPartitioner`. */
  readonly fnv1a: ByKey
  /** CRC32 of the key, as librdkafka's default, `consistent_random`. As there, each record with an empty key goes to a random partition. */
  readonly consistentRandom: ByKey
  /**
   * Returns a partitioner that gives each topic's records to its partitions in turn, whatever their key, and passes over those without a
   * leader, as Java's `RoundRobinPartitioner`. It counts, so each producer needs its own. Batches are smaller than with the default, and a
   * record goes to its partition even when the leader makes no progress.
   */
  readonly roundRobin: () => InTurn
} = {
  murmur2: ({ key }, partitionCount) => (isKey(key) ? partitionOfKey(key, partitionCount) : undefined),
  fnv1a: ({ key }, partitionCount) => (isKey(key) ? Math.abs(fnv1a(bytesOf(key))) % partitionCount : undefined),
  consistentRandom: ({ key }, partitionCount) => {
    if (!isKey(key)) return undefined
    if (key.length === 0) return Math.floor(Math.random() * partitionCount)
    return (crc32.buf(bytesOf(key)) >>> 0) % partitionCount
  },
  roundRobin: () => {
    const turns = new Map<string, number>()
    return ({ topic }, partitionCount, hasLeader = always) => {
      const first = turns.get(topic) ?? 0
      let turn = first
      while (!hasLeader(turn % partitionCount) && turn < first + partitionCount) turn++
      turns.set(topic, turn + 1)
      return turn % partitionCount
    }
  },
}

// Narrower than `Partitioner`, so that a partitioner of a user's own may call them with what it needs.
/** @inline */
type ByKey = (record: ProducerRecord, partitionCount: number) => number | undefined
/** @inline */
type InTurn = (record: ProducerRecord, partitionCount: number, hasLeader?: (partition: number) => boolean) => number

function always(): boolean {
  return true
}

type Key = Exclude<RecordData, null>

function isKey(key: RecordData | undefined): key is Key {
  return key !== undefined && key !== null
}

function bytesOf(key: Key): Uint8Array {
  return typeof key === 'string' ? Buffer.from(key) : key
}

/** Returns FNV-1a, 32 bits with sign: librdkafka and Sarama take its absolute value. */
function fnv1a(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash | 0
}

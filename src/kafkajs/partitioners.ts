import type { ICustomPartitioner, Message, PartitionMetadata } from 'kafkajs'
import { type Partitioner, partitioners } from '../index.js'
import { legacyMurmur2 } from './legacy-murmur2.js'

/** Returns the partition of a key. */
type ByKey = (key: Buffer | string, partitionCount: number) => number

/** Java's, as kafkajs's default. */
const byMurmur2: ByKey = (key, partitionCount) => partitioners.murmur2({ topic: '', value: null, key }, partitionCount)!

/** kafkajs's default before 2.0. */
const byLegacyMurmur2: ByKey = (key, partitionCount) => (legacyMurmur2(key) & 0x7fffffff) % partitionCount

/** Returns a key as kafkajs hashes and writes it. */
function keyOf(key: unknown): Buffer | string {
  return key instanceof Uint8Array ? (key as Buffer) : String(key)
}

/** Gives messages without a key to the partitions in turn, passing over those without a leader, from a random one on. */
class Turns {
  readonly #next = new Map<string, number>()

  take(topic: string, partitionCount: number, hasLeader: (partition: number) => boolean): number {
    const first = this.#next.get(topic) ?? Math.floor(Math.random() * partitionCount)
    let turn = first
    while (!hasLeader(turn % partitionCount) && turn < first + partitionCount) turn++
    this.#next.set(topic, (turn % partitionCount) + 1)
    return turn % partitionCount
  }
}

function builtIn(byKey: ByKey): ICustomPartitioner {
  const create: ICustomPartitioner = () => {
    const turns = new Turns()
    return ({ topic, partitionMetadata, message: { partition, key } }) => {
      if (partition !== null && partition !== undefined) return partition
      if (key !== null && key !== undefined) return byKey(keyOf(key), partitionMetadata.length)
      const leads = (index: number): boolean => partitionMetadata[index]!.leader >= 0
      return partitionMetadata[turns.take(topic, partitionMetadata.length, leads)]!.partitionId
    }
  }
  BUILT_IN.set(create, byKey)
  return create
}

/** Those that need no list of partitions. */
const BUILT_IN = new Map<ICustomPartitioner, ByKey>()

const DefaultPartitioner = builtIn(byMurmur2)

/**
 * What `createPartitioner` may be. Each gives a key the same partition as kafkajs does, and messages without a key to the partitions in
 * turn.
 */
export const Partitioners: {
  /** By key as Java's producer. */
  readonly DefaultPartitioner: ICustomPartitioner
  /** By key as kafkajs before 2.0. */
  readonly LegacyPartitioner: ICustomPartitioner
  /** Another name of `DefaultPartitioner`. */
  readonly JavaCompatiblePartitioner: ICustomPartitioner
} = {
  DefaultPartitioner,
  LegacyPartitioner: builtIn(byLegacyMurmur2),
  JavaCompatiblePartitioner: DefaultPartitioner,
}

/** How a producer's messages get their partitions. */
export interface Partitioning {
  readonly partitioner: Partitioner
  /** Whether messages that name a partition are the partitioner's business too. */
  readonly decidesAll: boolean
}

/**
 * Returns the producer's partitioner.
 *
 * @param leadersOf the leaders of a topic's partitions, as far as they are known.
 */
export function partitioningBy(
  createPartitioner: ICustomPartitioner = DefaultPartitioner,
  leadersOf: (topic: string) => readonly number[] | undefined,
): Partitioning {
  const byKey = BUILT_IN.get(createPartitioner)
  if (byKey === undefined) return { partitioner: custom(createPartitioner(), leadersOf), decidesAll: true }
  const turns = new Turns()
  const partitioner: Partitioner = ({ topic, key }, partitionCount, hasLeader) =>
    key === null || key === undefined
      ? turns.take(topic, partitionCount, hasLeader)
      : byKey(key as Buffer | string, partitionCount)
  return { partitioner, decidesAll: false }
}

function custom(
  partitioner: ReturnType<ICustomPartitioner>,
  leadersOf: (topic: string) => readonly number[] | undefined,
): Partitioner {
  return ({ topic, metadata }, partitionCount, hasLeader) => {
    const leaders = leadersOf(topic)
    const partitionMetadata = Array.from({ length: partitionCount }, (_, partitionId): PartitionMetadata => {
      const leader = hasLeader(partitionId) ? (leaders?.[partitionId] ?? 0) : -1
      return { partitionErrorCode: 0, partitionId, leader, replicas: [], isr: [], offlineReplicas: [] }
    })
    const chosen = partitioner({ topic, partitionMetadata, message: metadata as Message })
    // As text it is a key of an object in kafkajs.
    return typeof chosen === 'string' ? Number(chosen) : chosen
  }
}

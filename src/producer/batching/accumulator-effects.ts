import type { PartitionEffects } from '../model/partition.js'
import type { UnplacedEffects } from './awaiting-metadata.js'

/** What the accumulator asks the data path to do. */
export interface AccumulatorEffects extends PartitionEffects, UnplacedEffects {
  /** A topic is used for the first time, or again after it was forgotten. */
  topicUsed(topic: string): void
  /** There is something for a partition that nobody leads. */
  leaderless(topic: string): void
  /** The node leads a partition that has something to send. */
  ready(nodeId: number): void
}

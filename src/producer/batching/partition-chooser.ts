import type { RecordData, RecordLengths } from '../../protocol/records/record-batch-builder.js'
import type { Batch } from '../model/batch.js'
import type { Partition } from '../model/partition.js'
import type { Topic } from '../model/topic.js'
import { partitionOfKey } from '../records/partition-of-key.js'

/** Knows which partitions move. */
export interface Movement {
  /** Increases whenever an earlier result of `moves` may be out of date. */
  readonly changes: number
  /** Whether a record appended to the partition is likely to be sent soon. */
  moves(partition: Partition): boolean
}

/** The next record must judge the choice again. */
const UNJUDGED = -1

/** Chooses a record's partition, once: the one that it names, else by key, else the one whose batch keyless records fill. */
export class PartitionChooser {
  readonly #movement: Movement
  readonly #left: (batch: Batch) => void
  #turn: number

  /**
   * @param turn the partition that keyless records begin with.
   * @param left called with a batch that keyless records have filled or left; later records go elsewhere.
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

  /** KIP-480: fills one batch before the next, so that requests are large even with many partitions. */
  #sticky(topic: Topic, bytes: number): number {
    const batch = topic.partitions[topic.sticky]?.openBatch
    const fits = batch !== undefined && batch.size + bytes <= topic.fullSize
    if (fits && topic.judged === this.#movement.changes) return topic.sticky
    return this.#decide(topic, batch, fits)
  }

  /**
   * KIP-794: leaves a partition that does not move while others do. Separate from {@link #sticky}, which every record passes.
   *
   * @param batch the open batch of the partition that records went to before.
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
    // A broker that had no work may be down. It gets one record, not a whole batch.
    topic.judged = UNJUDGED
    topic.sticky = moving ?? this.#next(topic, ({ leader }) => leader !== -1) ?? this.#turn++ % count
    return topic.sticky
  }

  /**
   * The next partition in turn that `suits` accepts, of those with the fewest batches to send: a slow broker gets no more than it takes.
   * Java's producer (`partitioner.adaptive.partitioning.enable`) draws lots instead, weighted by the same numbers.
   */
  #next({ partitions, count }: Topic, suits: (partition: Partition) => boolean): number | undefined {
    const first = this.#turn
    let chosen: number | undefined
    let fewest = Number.POSITIVE_INFINITY
    for (let turn = first; turn < first + count && fewest > 0; turn++) {
      const index = turn % count
      const partition = partitions[index]!
      const { length } = partition.waiting
      if (length >= fewest || !suits(partition)) continue
      chosen = index
      fewest = length
      this.#turn = turn + 1
    }
    return chosen
  }
}

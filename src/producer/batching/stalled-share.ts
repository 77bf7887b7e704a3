import type { BufferFullError } from '../../errors.js'
import { RECORD_COST } from '../model/batch.js'
import type { Obstacles } from '../model/obstacles.js'
import type { Partition } from '../model/partition.js'
import type { AckSink } from '../model/sinks.js'
import type { Topic } from '../model/topic.js'
import { shareFull } from '../records/refusals.js'
import type { BufferMemory, MemoryOptions } from './buffer-memory.js'

/** Of the buffer memory less the largest record. The rest is reserved for partitions that move. */
const SHARE = 3 / 4

/** Limits the share of buffer memory that the records of all stalled partitions may take together. */
export class StalledShare {
  readonly #bufferMemory: number
  readonly #limit: number
  readonly #memory: BufferMemory
  readonly #obstacles: Pick<Obstacles, 'changes' | 'moves' | 'of'>
  readonly #topics: Iterable<Topic>
  /** Bytes that they held at `#heldAt`, plus those admitted since. */
  #held = 0
  #heldAt = -1

  constructor(
    { bufferMemory, maxRequestSize }: MemoryOptions,
    memory: BufferMemory,
    obstacles: Pick<Obstacles, 'changes' | 'moves' | 'of'>,
    topics: Iterable<Topic>,
  ) {
    this.#memory = memory
    this.#bufferMemory = bufferMemory
    // A pulled source needs memory for the largest record.
    this.#limit = SHARE * (bufferMemory - maxRequestSize - RECORD_COST)
    this.#obstacles = obstacles
    this.#topics = topics
  }

  /**
   * Returns why a record is refused; undefined if its partition moves, or the share has memory for it.
   *
   * @param partition undefined: the topic's partitions are not known.
   */
  refuse(sink: AckSink, bytes: number, topic: Topic, partition: Partition | undefined): BufferFullError | undefined {
    // Most records return here.
    if (!sink.yields || this.#memory.bytes + bytes <= this.#limit) return undefined
    return this.#moves(topic, partition) ? undefined : this.#refuse(bytes, topic, partition)
  }

  #refuse(bytes: number, topic: Topic, partition: Partition | undefined): BufferFullError | undefined {
    if (this.#heldAt !== this.#obstacles.changes) this.#count()
    if (this.#held === 0 || this.#held + bytes <= this.#limit) {
      this.#held += bytes
      return undefined
    }
    const cause = partition === undefined ? topic.error : this.#obstacles.of(topic, partition)
    return shareFull(topic.name, partition?.index ?? -1, this.#held, this.#bufferMemory, cause)
  }

  /** A topic that awaits its first metadata counts as moving. */
  #moves(topic: Topic, partition: Partition | undefined): boolean {
    return partition === undefined ? topic.error === undefined : this.#obstacles.moves(partition)
  }

  /** O(partitions), at most once for each value of {@link Obstacles.changes}. */
  #count(): void {
    this.#heldAt = this.#obstacles.changes
    this.#held = 0
    for (const topic of this.#topics) {
      if (!this.#moves(topic, undefined)) this.#held += topic.awaitingBytes
      for (const partition of topic.partitions) {
        if (partition.bufferedBytes > 0 && !this.#obstacles.moves(partition)) this.#held += partition.bufferedBytes
      }
    }
  }
}

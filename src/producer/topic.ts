import type { TopicMetadata } from '../cluster/metadata-answer.js'
import type { BatchIdentity } from '../protocol/record-batch-builder.js'
import type { AckSink, Batch } from './batch.js'
import type { Partition } from './partition.js'
import { Sequencer } from './sequencer.js'
import type { TakenRecord } from './taken-record.js'
import { TopicIds } from './topic-ids.js'

/** A record of a topic whose partitions are not known yet, or not known any more. */
export interface Unplaced {
  readonly taken: TakenRecord
  readonly timestamp: number
  readonly sink: AckSink
  /** By the scheduler's clock: its delivery timeout runs since then. */
  readonly takenAt: number
  /** What it counts for in `bufferMemory`. */
  readonly bytes: number
}

/** A topic that is in use: its partitions, and the records that wait to learn of them. */
export class Topic {
  readonly name: string
  readonly ids: TopicIds = new TopicIds()
  partitions: Partition[] = []
  /**
   * Partitions that there are, as metadata says. Without topic ids fewer than are known may be left of one that was made anew;
   * those that are not among them keep what they have, and get no more by key or in turn.
   */
  count = 0
  /**
   * By partition number. They outlast the topic: as long as Produce names topics, what was sent to the old one may reach the new
   * one, which has to begin in another epoch.
   */
  readonly sequencers: Sequencer[] = []
  readonly unplaced: Set<Unplaced> = new Set()
  /** What these count for in `bufferMemory`. */
  held = 0
  /**
   * Nobody keeps its metadata; it was asked for and is still to come; it has come; or the topic was made anew, and not all that was
   * in flight to the old one is answered.
   */
  state: 'unasked' | 'asked' | 'known' | 'ending' = 'unasked'
  /** While it is ending: what has taken its place. */
  successor: TopicMetadata | undefined
  /** When its last batch was opened, by the scheduler's clock. */
  writtenAt = 0
  /** The partition that records without key go to. */
  sticky = -1
  /** {@link Movement.changes} when that one was last found to move. */
  judged = -1
  /** Bytes at which a batch is full: the option, or less once the topic has shown that it takes no more. */
  batchSize: number
  /** Why its partitions are not known. */
  error: Error | undefined
  readonly #fullSize: number

  constructor(name: string, batchSize: number) {
    this.name = name
    this.batchSize = batchSize
    this.#fullSize = batchSize
  }

  /** Whether its records need not wait: neither for metadata, nor behind those that do, or are being placed just now. */
  get isOpen(): boolean {
    return this.state === 'known' && this.unplaced.size === 0
  }

  /**
   * Learns of partitions and their leaders. Gives those whose sequences begin anew in another epoch, for an earlier topic had
   * partitions of their numbers.
   *
   * @param identity of partitions that no topic of this name has had.
   */
  learn(
    { leaders, topicId, error }: TopicMetadata,
    identity: BatchIdentity | undefined,
    open: (index: number, sequencer: Sequencer) => Partition,
  ): Partition[] {
    const renewed: Partition[] = []
    for (let index = this.partitions.length; index < leaders.length; index++) {
      const sequencer = this.sequencers[index] ?? this.#sequencer(identity)
      const partition = open(index, sequencer)
      this.partitions.push(partition)
      if (!sequencer.used) continue
      sequencer.bump()
      renewed.push(partition)
    }
    this.error = error
    if (leaders.length > 0) {
      this.state = 'known'
      // Whoever says that a topic of an id has fewer partitions than before has not heard of all.
      this.count = topicId === '' ? leaders.length : this.partitions.length
    }
    for (const partition of this.partitions) partition.led(leaders[partition.index] ?? -1)
    return renewed
  }

  /** It was deleted, and made anew: it gets nothing more, and what is in flight to it is still to be answered. */
  end(successor: TopicMetadata): void {
    this.state = 'ending'
    if (successor.leaders.length > 0) this.successor = successor
    for (const partition of this.partitions) partition.retire()
  }

  /** Nothing of the old topic is left: what is learnt from here on is of the new one. */
  begin(): void {
    this.partitions = []
    this.count = 0
    this.successor = undefined
    this.sticky = -1
    this.judged = -1
    this.batchSize = this.#fullSize
  }

  #sequencer(identity: BatchIdentity | undefined): Sequencer {
    const sequencer = new Sequencer()
    sequencer.identity = identity
    this.sequencers.push(sequencer)
    return sequencer
  }

  /** Nobody takes a batch as large as this one: later ones are at most half as large. */
  halve(batch: Batch): void {
    this.batchSize = Math.max(1, Math.min(this.batchSize, batch.encoded >> 1))
  }
}

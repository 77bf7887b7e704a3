import type { TopicMetadata } from '../../cluster/metadata-answer.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import type { TakenRecord } from '../records/taken-record.js'
import type { AckSink, Batch } from './batch.js'
import type { Partition } from './partition.js'
import { Sequences } from './sequencer.js'
import { TopicIds } from './topic-ids.js'

/** A record of a topic whose partitions are not known yet, or not known any more. */
export interface AwaitingRecord {
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
   * The number of partitions that metadata lists. Without topic ids, a recreated topic may have fewer than are known; the missing
   * ones keep their batches, and get no more records by key or in turn.
   */
  count = 0
  /**
   * By partition number. They outlive the topic: Produce names topics, so a batch for the old topic may reach the new one, which
   * therefore starts in another epoch.
   */
  readonly sequences: Sequences[] = []
  readonly awaiting: Set<AwaitingRecord> = new Set()
  /** What these count for in `bufferMemory`. */
  awaitingBytes = 0
  /**
   * Its metadata is not kept; was requested; is known; or the topic was recreated, and requests to the old one are still
   * unanswered.
   */
  state: 'unasked' | 'asked' | 'known' | 'ending' = 'unasked'
  /** While the topic is ending: the metadata of the new one. */
  successor: TopicMetadata | undefined
  /** When its last batch was opened, by the scheduler's clock. */
  writtenAt = 0
  /** The partition that records without key go to. */
  sticky = -1
  /** {@link Movement.changes} when the sticky partition was last found to move. */
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

  /** Whether a record can be placed at once: metadata is known, and no earlier record waits to be placed. */
  get isOpen(): boolean {
    return this.state === 'known' && this.awaiting.size === 0
  }

  /**
   * Learns of partitions and their leaders. Returns the partitions that restart in another epoch, because an earlier topic of this
   * name had used their sequences.
   *
   * @param identity for partition numbers that no topic of this name has had.
   */
  learn(
    { leaders, topicId, error }: TopicMetadata,
    identity: ProducerIdAndEpoch | undefined,
    open: (index: number, sequencer: Sequences) => Partition,
  ): Partition[] {
    const renewed: Partition[] = []
    for (let index = this.partitions.length; index < leaders.length; index++) {
      const sequencer = this.sequences[index] ?? this.#sequencer(identity)
      const partition = open(index, sequencer)
      this.partitions.push(partition)
      if (!sequencer.used) continue
      sequencer.bump()
      renewed.push(partition)
    }
    this.error = error
    if (leaders.length > 0) {
      this.state = 'known'
      // Fewer partitions under the same id mean an outdated answer.
      this.count = topicId === '' ? leaders.length : this.partitions.length
    }
    for (const partition of this.partitions) partition.ledBy(leaders[partition.index] ?? -1)
    return renewed
  }

  /** The topic was deleted and recreated: nothing more is sent to it, and requests in flight are awaited. */
  end(successor: TopicMetadata): void {
    this.state = 'ending'
    if (successor.leaders.length > 0) this.successor = successor
    for (const partition of this.partitions) partition.retire()
  }

  /** Forgets the old topic, of which nothing is left. */
  begin(): void {
    this.partitions = []
    this.count = 0
    this.successor = undefined
    this.sticky = -1
    this.judged = -1
    this.batchSize = this.#fullSize
  }

  #sequencer(identity: ProducerIdAndEpoch | undefined): Sequences {
    const sequencer = new Sequences()
    sequencer.identity = identity
    this.sequences.push(sequencer)
    return sequencer
  }

  /** This batch is too large: later ones are at most half its size. */
  halve(batch: Batch): void {
    this.batchSize = Math.max(1, Math.min(this.batchSize, batch.encoded >> 1))
  }
}

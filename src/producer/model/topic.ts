import type { TopicMetadata } from '../../cluster/metadata-answer.js'
import type { Compressor } from '../../protocol/compression/compressor.js'
import type { AwaitingRecord } from './awaiting-record.js'
import type { Batch } from './batch.js'
import { CompressionRatio } from './compression-ratio.js'
import type { Partition } from './partition.js'
import type { Sequences } from './sequences.js'
import { TopicIds } from './topic-ids.js'

/** A topic in use: its partitions, and the records that await its metadata. `sequencing/topic-partitions.ts` applies metadata. */
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
  /** What the awaiting records count for in `bufferMemory`. */
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
  /** Whether somebody leads a partition. Given to partitioners, so it is made once. */
  readonly hasLeader = (partition: number): boolean => (this.partitions[partition]?.leader ?? -1) !== -1
  /** Undefined: its batches are not compressed. */
  readonly compressor: Compressor | undefined
  /** Bytes of a full batch as it is sent: the option, or less once the topic has refused larger batches. */
  batchSize: number
  /** Bytes at which a batch is full before compression. */
  fullSize: number
  /** Why its partitions are not known. */
  error: Error | undefined
  readonly #usualSize: number
  readonly #ratio = new CompressionRatio()

  constructor(name: string, batchSize: number, compressor?: Compressor) {
    this.name = name
    this.batchSize = batchSize
    this.fullSize = batchSize
    this.#usualSize = batchSize
    this.compressor = compressor
  }

  /** Whether a record can be placed at once: metadata is known, and no earlier record awaits it. */
  get isOpen(): boolean {
    return this.state === 'known' && this.awaiting.size === 0
  }

  /** Forgets the partitions of a deleted topic, which are empty. */
  restart(): void {
    this.partitions = []
    this.count = 0
    this.successor = undefined
    this.sticky = -1
    this.judged = -1
    this.#limit(this.#usualSize)
  }

  /** Limits later batches to half the size of this one, which is too large. */
  halve(batch: Batch): void {
    this.#limit(Math.max(1, Math.min(this.batchSize, batch.size >> 1)))
  }

  /** The records of a batch took so many bytes before and after compression. Small batches say nothing about full ones. */
  compressed(before: number, after: number): void {
    if (before < this.batchSize >> 1) return
    this.#ratio.observe(after / before)
    this.#limit(this.batchSize)
  }

  #limit(batchSize: number): void {
    this.batchSize = batchSize
    this.fullSize = Math.floor(batchSize / this.#ratio.estimate)
  }
}

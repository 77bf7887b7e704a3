import type { AckSink, Batch } from './batch.js'
import type { Partition } from './partition.js'
import type { TakenRecord } from './taken-record.js'

/** A record of a topic whose partitions are not known yet. */
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
  readonly partitions: Partition[] = []
  readonly unplaced: Set<Unplaced> = new Set()
  /** What these count for in `bufferMemory`. */
  held = 0
  /** Nobody keeps its metadata; it was asked for and is still to come; it has come. */
  state: 'unasked' | 'asked' | 'known' = 'unasked'
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

  constructor(name: string, batchSize: number) {
    this.name = name
    this.batchSize = batchSize
  }

  /** Nobody takes a batch as large as this one: later ones are at most half as large. */
  halve(batch: Batch): void {
    this.batchSize = Math.max(1, Math.min(this.batchSize, batch.encoded >> 1))
  }

  /** Whether its records need not wait: neither for metadata, nor behind those that do, or are being placed just now. */
  get canPlace(): boolean {
    return this.state === 'known' && this.unplaced.size === 0
  }
}

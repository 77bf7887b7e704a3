import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import type { Batch } from './batch.js'
import { BatchQueue } from './batch-queue.js'
import type { PartitionTotals } from './partition-totals.js'
import { Sequences } from './sequences.js'
import type { TransactionScope } from './transaction-scope.js'

/** Where a partition stands with its leader. The table of states and events is in `sequencing/recovery.ts`. @inline */
export type Phase = 'probing' | 'open' | 'draining' | 'paused'

/** A batch that a request carries, with its partition. */
export interface PartitionBatch {
  readonly partition: Partition
  readonly batch: Batch
}

/**
 * One partition's batches, from the open one to those in flight, and where it stands with its leader. Batching adds to it and
 * drains it; the recovery (`sequencing/recovery.ts`) decides about everything from `phase` on.
 */
export class Partition {
  readonly topic: string
  readonly index: number
  /** How often a rejected batch is sent again. */
  readonly retries: number
  readonly sequences: Sequences
  /** The transaction that it is part of: batches of others wait. */
  transaction: TransactionScope | undefined
  /** The id of its topic, as hexadecimal digits; empty: not known. */
  topicId = ''
  /** Node id of the leader; -1: the partition has no leader now. */
  leader = -1
  /** The epoch of the leader (KIP-320); -1: not known. */
  leaderEpoch = -1
  /** The topic was deleted and recreated: this partition sends nothing more. */
  retired = false
  /** The node whose list of ready partitions holds this one. */
  readyAt: number | undefined
  /** Bytes of the batch that was drained last, before compression. */
  lastSize = 0
  /** What its batches count for in `bufferMemory`. */
  bufferedBytes = 0
  phase: Phase = 'probing'
  /** Batches to send, in order; the last one may be open. */
  waiting: BatchQueue = new BatchQueue()
  /** Batches in flight to `inFlightTo`, in send order. */
  readonly inFlight: Batch[] = []
  /** Node id of the broker that batches were last sent to. */
  inFlightTo = -1
  /** While draining: batches with a result, in sequence order, from the first one that was not stored. */
  unsettled: Batch[] = []
  /** Whether something was sent since the last metadata. */
  active = false
  /** Failures in a row. */
  failures = 0
  /** What was sent to it; undefined: nothing yet. */
  totals: PartitionTotals | undefined
  /** The identity of the last batch that a broker confirmed. */
  confirmed: ProducerIdAndEpoch | undefined

  /** @param sequences those of an earlier topic's partition with the same name and number. */
  constructor(topic: string, index: number, retries: number, sequences: Sequences = new Sequences()) {
    this.topic = topic
    this.index = index
    this.retries = retries
    this.sequences = sequences
  }

  /** Whether every batch is settled. */
  get isEmpty(): boolean {
    return this.waiting.length === 0 && this.inFlight.length === 0 && this.unsettled.length === 0
  }

  /** The batch that accepts records. */
  get openBatch(): Batch | undefined {
    const { last } = this.waiting
    return last === undefined || last.sealed ? undefined : last
  }

  /** The batch that accepts records of a transaction; undefined: of none. */
  openBatchOf(transaction: TransactionScope | undefined): Batch | undefined {
    const { openBatch } = this
    if (transaction === undefined || openBatch?.transaction === transaction) return openBatch
    const last = this.waiting.lastOf(other => !isAfter(other, transaction))
    return last === undefined || last.sealed || last.transaction !== transaction ? undefined : last
  }

  /** Whether it holds batches that it can't send yet. */
  get stalled(): boolean {
    if (this.leader === -1) return true
    if (this.isEmpty) return false
    return (
      this.failures > 0 || this.phase === 'draining' || (this.inFlight.length > 0 && this.inFlightTo !== this.leader)
    )
  }

  get oldest(): Batch | undefined {
    return this.unsettled[0] ?? this.inFlight[0] ?? this.waiting.first
  }

  /** Whether the next batch can go to the leader as soon as a slot is free. */
  get sendable(): boolean {
    const head = this.waiting.first
    if (head === undefined || head.isStored || head.compressing || !(head.due || this.waiting.length > 1)) return false
    if (this.leader === -1 || this.sequences.identity === undefined) return false
    if (head.transaction !== this.transaction) return false
    if (this.inFlight.length === 0) return this.phase === 'open' || this.phase === 'probing'
    const last = this.inFlight[this.inFlight.length - 1]!
    // An old leader must answer first: two leaders could store out of order. So could one leader with two epochs: it accepts
    // sequence 0 of a new epoch at any time, and nothing of the old epoch after that.
    const sameEpoch = this.#identityOf(last) === this.#identityOf(head)
    // A batch behind a bad record would be sent in vain.
    return this.phase === 'open' && this.inFlightTo === this.leader && sameEpoch && !last.suspect
  }

  /** The batch to send next, while {@link sendable}. */
  get next(): Batch {
    return this.waiting.first!
  }

  /** Adds a batch: behind those of its transaction and earlier ones, because it is their turn before. */
  add(batch: Batch): void {
    const { transaction } = batch
    if (transaction === undefined) this.waiting.push(batch)
    else this.waiting.insert(batch, other => !isAfter(other, transaction))
  }

  /** Moves the next batch into flight and returns it. A new producer id or epoch begins as a new leader does: with a probe. */
  sent(): Batch {
    const batch = this.waiting.shift()!
    this.lastSize = batch.encoded
    if (this.phase === 'open' && !this.#continues(this.#identityOf(batch))) this.phase = 'probing'
    batch.attempts++
    if (batch.transaction !== undefined) batch.transaction.sent = true
    batch.result = undefined
    this.inFlight.push(batch)
    this.inFlightTo = this.leader
    this.active = true
    return batch
  }

  /**
   * Whether the leader, which knows the producer, takes nothing of this identity before its first batch. So it is with the epoch of the next
   * transaction as well (KIP-890): the leader wants sequence 0 from every epoch that is new to it, and after the marker that brings one
   * (ProducerAppendInfo.checkSequence).
   */
  #continues(identity: ProducerIdAndEpoch | undefined): boolean {
    const { confirmed } = this
    return (
      identity === confirmed || (identity!.transactional === true && identity!.producerId === confirmed?.producerId)
    )
  }

  /** The identity that the batch has, or gets when it is stamped. */
  #identityOf(batch: Batch): ProducerIdAndEpoch | undefined {
    return batch.identity ?? this.sequences.identity
  }
}

/** Whether it is the turn of the batch's transaction after this one. */
function isAfter(batch: Batch, { turn }: TransactionScope): boolean {
  return batch.transaction !== undefined && batch.transaction.turn > turn
}

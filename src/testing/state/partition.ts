import type { RecordBatch } from '../../protocol/records/record-batch.js'
import { isTransactional, type Marker, markerBatch } from './control-batch.js'
import { Log, type StoredRecord } from './log.js'
import { OpenTransactions } from './open-transactions.js'
import { ProducerStates } from './producer-state.js'

/** One partition of a topic, as its leader knows it. */
export class PartitionState {
  readonly index: number
  /** Node id; -1: nobody leads it. */
  leader: number
  /** The leader before the last move, for stale metadata; the leader itself until the first move. */
  formerLeader: number
  leaderEpoch = 0
  readonly log: Log = new Log()
  readonly producers: ProducerStates
  readonly transactions: OpenTransactions = new OpenTransactions()

  constructor(index: number, leader: number, strictFirstSequence: boolean) {
    this.index = index
    this.leader = leader
    this.formerLeader = leader
    this.producers = new ProducerStates(strictFirstSequence)
  }

  /** The offset up to which every transaction has ended: consumers with `read_committed` get no further. */
  get lastStableOffset(): bigint {
    const { startOffset, endOffset } = this.log
    const { firstOffset = endOffset } = this.transactions
    if (firstOffset < startOffset) return startOffset
    return firstOffset
  }

  /** Appends the batch of a producer; returns its base offset. */
  append(batch: RecordBatch): bigint {
    const baseOffset = this.log.append(batch, this.leaderEpoch)
    if (batch.producerId >= 0n) this.producers.appended(batch, baseOffset)
    this.transactions.appended(batch, baseOffset)
    return baseOffset
  }

  /** Ends a transaction here. */
  appendMarker(marker: Marker, now: number): void {
    const batch = markerBatch(marker, now)
    const offset = this.log.append(batch, this.leaderEpoch)
    this.producers.marked(marker, offset)
    this.transactions.appended(batch, offset)
  }

  /** Forgets the producers that have no transaction open: those are never idle. */
  expireProducers(): void {
    for (const producerId of this.producers.ids) {
      if (!this.transactions.isOpen(producerId)) this.producers.forget(producerId)
    }
  }

  /** Loses the batches that reach the offset, and what is known from them. */
  truncate(offset: bigint): void {
    this.log.truncate(offset)
    this.producers.truncated(this.log.endOffset, this.log.batches)
    this.transactions.truncated(this.log.batches)
  }

  /** The records that a consumer with `read_committed` gets, in order. */
  committedRecords(): StoredRecord[] {
    const { lastStableOffset } = this
    return this.log.records(batch => {
      if (batch.baseOffset >= lastStableOffset) return false
      return !isTransactional(batch) || !this.transactions.isAborted(batch.producerId, batch.baseOffset)
    })
  }
}

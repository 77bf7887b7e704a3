import type { Batch } from '../../src/producer/model/batch.js'
import type { ProduceResult } from '../../src/producer/model/outcome.js'
import { Partition } from '../../src/producer/model/partition.js'
import type { Sequences } from '../../src/producer/model/sequences.js'
import type { SettledBatch } from '../../src/producer/model/settled-batch.js'
import type { Decision } from '../../src/producer/sequencing/decision.js'
import * as recovery from '../../src/producer/sequencing/recovery.js'
import { stamp } from '../../src/producer/sequencing/stamp.js'
import type { LeaderIdAndEpoch } from '../../src/protocol/messages/produce.js'
import { UNCOMPRESSED } from './packing.js'

/** What a test does with the decisions of a partition. */
export interface Effects {
  settle?(settled: SettledBatch): void
  split?(batch: Batch, parts: readonly Batch[]): void
  retryAfter?(failures: number, error: Error, atOnce: boolean): void
  epochBump?(error: Error): void
}

/** A partition that is told what happens, and whose decisions are carried out at once, in the producer's order. */
export class ToldPartition extends Partition {
  readonly #effects: Effects

  constructor(topic: string, index: number, retries: number, effects: Effects = {}, sequences?: Sequences) {
    super(topic, index, retries, sequences)
    this.#effects = effects
  }

  /** Sends the next batch: it goes into flight, is sealed and stamped. */
  override sent(): Batch {
    const batch = super.sent()
    UNCOMPRESSED.pack(batch)
    stamp({ parts: [{ partition: this, batch }] })
    return batch
  }

  answered(batch: Batch, result: ProduceResult): void {
    this.#carryOut(recovery.answered(this, batch, result))
  }

  expired(batch: Batch, obstacle?: Error): void {
    this.#carryOut(recovery.expired(this, batch, obstacle))
  }

  backOffEnded(): void {
    recovery.backOffEnded(this)
  }

  ledBy(leader: number): void {
    recovery.ledBy(this, leader)
  }

  movedTo(leader: LeaderIdAndEpoch): void {
    recovery.movedTo(this, leader)
  }

  abandon(error: Error): void {
    this.#carryOut(recovery.abandoned(this, error))
  }

  #carryOut({ split, epochBump, retryAfter, settled }: Decision): void {
    for (const { batch, parts } of split) this.#effects.split?.(batch, parts)
    if (epochBump !== undefined) this.#effects.epochBump?.(epochBump)
    if (retryAfter !== undefined) this.#effects.retryAfter?.(retryAfter.failures, retryAfter.error, retryAfter.atOnce)
    for (const one of settled) this.#effects.settle?.(one)
  }
}

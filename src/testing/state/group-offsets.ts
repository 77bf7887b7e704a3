import { ErrorCode } from '../../protocol/error-codes.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'

/** What a consumer group has committed for a partition. */
export interface CommittedOffset {
  /** The offset of the next record to read. */
  readonly offset: bigint
  /** Of the leader that the record was read from (KIP-320); -1: not said. */
  readonly leaderEpoch: number
  /** Text that is stored beside it; null: none. */
  readonly metadata: string | null
}

interface Stored extends CommittedOffset {
  /** Counts commits: of two, the later one counts, even if its transaction ended before the other one's. */
  readonly order: number
}

type ByTopic<T> = Map<string, Map<number, T>>

/**
 * The committed offsets of a consumer group. Those of a transaction are pending until it commits (OffsetMetadataManager). In Kafka
 * they are records of a partition of `__consumer_offsets`, whose leader judges the producer's epoch like that of any partition.
 */
export class GroupOffsets {
  readonly #committed: ByTopic<Stored> = new Map()
  /** By producer id. */
  readonly #pending = new Map<bigint, ByTopic<Stored>>()
  /** The latest epoch of each producer id. */
  readonly #epochs = new Map<bigint, number>()
  #commits = 0

  get isEmpty(): boolean {
    return this.#committed.size === 0 && this.#pending.size === 0
  }

  /** The partitions that have a committed offset, by topic. */
  get partitions(): ReadonlyMap<string, readonly number[]> {
    return new Map([...this.#committed].map(([topic, offsets]) => [topic, [...offsets.keys()]]))
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.#committed.get(topic)?.get(partition)
  }

  commit(topic: string, partition: number, offset: CommittedOffset): void {
    this.#put(this.#committed, topic, partition, { ...offset, order: ++this.#commits })
  }

  /** Whether a transaction that is open has an offset for the partition (KIP-447). */
  isUnstable(topic: string, partition: number): boolean {
    return [...this.#pending.values()].some(offsets => offsets.get(topic)?.has(partition))
  }

  /** Whether a transaction of this producer and epoch has offsets here, so that its coordinator need not be asked again. */
  isPending({ producerId, producerEpoch }: ProducerIdAndEpoch): boolean {
    return this.#pending.has(producerId) && this.#epochs.get(producerId) === producerEpoch
  }

  /** INVALID_PRODUCER_EPOCH if a later epoch of the producer was here. */
  checkEpoch({ producerId, producerEpoch }: ProducerIdAndEpoch): number {
    const stale = producerEpoch < (this.#epochs.get(producerId) ?? -1)
    return stale ? ErrorCode.INVALID_PRODUCER_EPOCH : ErrorCode.NONE
  }

  /** An offset that is committed with the transaction. */
  commitLater(who: ProducerIdAndEpoch, topic: string, partition: number, offset: CommittedOffset): void {
    const pending = this.#pending.get(who.producerId) ?? new Map<string, Map<number, Stored>>()
    this.#pending.set(who.producerId, pending)
    this.#epochs.set(who.producerId, who.producerEpoch)
    this.#put(pending, topic, partition, { ...offset, order: ++this.#commits })
  }

  /** The marker of a transaction. */
  ended(who: ProducerIdAndEpoch, committed: boolean): void {
    const pending = this.#pending.get(who.producerId)
    this.#pending.delete(who.producerId)
    this.#epochs.set(who.producerId, who.producerEpoch)
    if (pending === undefined || !committed) return
    for (const [topic, offsets] of pending) {
      for (const [partition, offset] of offsets) {
        const current = this.#committed.get(topic)?.get(partition)
        if (current === undefined || current.order < offset.order) this.#put(this.#committed, topic, partition, offset)
      }
    }
  }

  deleteTopic(topic: string): void {
    for (const offsets of [this.#committed, ...this.#pending.values()]) offsets.delete(topic)
  }

  #put(offsets: ByTopic<Stored>, topic: string, partition: number, offset: Stored): void {
    const ofTopic = offsets.get(topic) ?? new Map<number, Stored>()
    offsets.set(topic, ofTopic.set(partition, offset))
  }
}

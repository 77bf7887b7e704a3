import type { AwaitingRecord } from '../model/awaiting-record.js'
import type { Batch } from '../model/batch.js'
import type { Topic } from '../model/topic.js'
import type { TransactionScope } from '../model/transaction-scope.js'
import type { ResolvedOptions } from '../options/options.js'
import { unknownTopic } from '../records/refusals.js'
import { Deadlines } from '../time/deadlines.js'
import type { BufferMemory } from './buffer-memory.js'
import type { Flushes } from './flushes.js'
import type { Topics } from './topics.js'

/** Records that wait for the metadata of their topic, with what each counts for and how long it may wait. */
export class RecordsAwaitingMetadata {
  readonly #topics: Topics
  readonly #memory: BufferMemory
  readonly #flushes: Flushes<Batch | AwaitingRecord>
  readonly #deadlines: Deadlines<AwaitingRecord>

  constructor(
    { scheduler, deliveryTimeoutMs }: Pick<ResolvedOptions, 'scheduler' | 'deliveryTimeoutMs'>,
    topics: Topics,
    memory: BufferMemory,
    flushes: Flushes<Batch | AwaitingRecord>,
  ) {
    this.#topics = topics
    this.#memory = memory
    this.#flushes = flushes
    this.#deadlines = new Deadlines(scheduler, deliveryTimeoutMs, record => this.#expire(record))
  }

  /** When the oldest record was accepted; undefined without records. */
  get oldest(): number | undefined {
    return this.#deadlines.oldest
  }

  add(topic: Topic, record: AwaitingRecord): void {
    topic.awaiting.add(record)
    this.#deadlines.add(record, record.acceptedAt)
    topic.awaitingBytes += record.bytes
    this.#memory.bytes += record.bytes
  }

  /** Adds the records of `batches` in front of those that wait already, which were accepted later. */
  addBack(topic: Topic, batches: readonly Batch[], acceptedAt: (batch: Batch) => number): void {
    const later = [...topic.awaiting]
    topic.awaiting.clear()
    for (const batch of batches) {
      const records = batch.takeApart(acceptedAt(batch))
      this.#flushes.split(batch, records)
      for (const record of records) this.add(topic, record)
    }
    for (const record of later) topic.awaiting.add(record)
  }

  remove(topic: Topic, record: AwaitingRecord): void {
    topic.awaiting.delete(record)
    this.#deadlines.delete(record)
    topic.awaitingBytes -= record.bytes
    this.#memory.bytes -= record.bytes
    if (topic.awaiting.size === 0 && topic.partitions.length === 0) this.#topics.giveUp(topic)
  }

  /** Fails a record that was removed. */
  fail(record: AwaitingRecord, error: Error): void {
    record.sink.neverBatched(record.taken.record, error)
    this.#flushes.ended(record)
    this.#memory.released$.next()
  }

  /**
   * Fails every record of the topic that waits.
   *
   * @param transaction only those that belong to it.
   */
  abandon(topic: Topic, error: Error, transaction?: TransactionScope): void {
    for (const record of [...topic.awaiting]) {
      if (transaction !== undefined && record.sink.transaction !== transaction) continue
      this.remove(topic, record)
      this.fail(record, error)
    }
  }

  #expire(record: AwaitingRecord): void {
    const topic = this.#topics.get(record.taken.topic)!
    this.remove(topic, record)
    this.fail(record, unknownTopic(topic.name, topic.error))
  }
}

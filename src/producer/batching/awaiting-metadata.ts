import type { Batch } from '../model/batch.js'
import type { AwaitingRecord, Topic } from '../model/topic.js'
import type { ResolvedOptions } from '../options/options.js'
import { unknownTopic } from '../records/refusals.js'
import { Deadlines } from '../time/deadlines.js'
import type { BufferMemory } from './buffer-memory.js'
import type { Flushes } from './flushes.js'
import type { Topics } from './topics.js'

/** A record that was taken before it is placed. */
export interface Waited {
  /** The bytes that it already counts for in `bufferMemory`; undefined: none yet. */
  readonly counted: number | undefined
  /** When it was taken, by the scheduler's clock; undefined: just now. */
  readonly takenAt: number | undefined
  /** Flags, as of `origin.ts`. */
  readonly origin: number
}

export interface UnplacedEffects {
  /** Nothing was ever learnt of a topic, and no record waits for that any more. */
  topicGivenUp(topic: string): void
  /** Memory was released. */
  released(): void
}

/** Records that wait to learn of their topic's partitions, with what each counts for and how long it may wait. */
export class RecordsAwaitingMetadata {
  readonly #topics: Topics
  readonly #memory: BufferMemory
  readonly #flushes: Flushes<Batch | AwaitingRecord>
  readonly #effects: UnplacedEffects
  readonly #deadlines: Deadlines<AwaitingRecord>

  constructor(
    { scheduler, deliveryTimeoutMs }: Pick<ResolvedOptions, 'scheduler' | 'deliveryTimeoutMs'>,
    topics: Topics,
    memory: BufferMemory,
    flushes: Flushes<Batch | AwaitingRecord>,
    effects: UnplacedEffects,
  ) {
    this.#topics = topics
    this.#memory = memory
    this.#flushes = flushes
    this.#effects = effects
    this.#deadlines = new Deadlines(scheduler, deliveryTimeoutMs, waiting => this.#giveUp(waiting))
  }

  add(topic: Topic, waiting: AwaitingRecord): void {
    topic.awaiting.add(waiting)
    this.#deadlines.add(waiting, waiting.takenAt)
    topic.awaitingBytes += waiting.bytes
    this.#memory.bytes += waiting.bytes
  }

  /** Puts the records of these batches in front of those that wait already, which came later. */
  addBack(topic: Topic, batches: readonly Batch[], takenAt: (batch: Batch) => number): void {
    const later = [...topic.awaiting]
    topic.awaiting.clear()
    for (const batch of batches) {
      const records = batch.takeApart(takenAt(batch))
      this.#flushes.split(batch, records)
      for (const waiting of records) this.add(topic, waiting)
    }
    for (const waiting of later) topic.awaiting.add(waiting)
  }

  remove(topic: Topic, waiting: AwaitingRecord): void {
    topic.awaiting.delete(waiting)
    this.#deadlines.delete(waiting)
    topic.awaitingBytes -= waiting.bytes
    this.#memory.bytes -= waiting.bytes
    if (topic.awaiting.size > 0 || topic.partitions.length > 0) return
    this.#topics.giveUp(topic)
    this.#effects.topicGivenUp(topic.name)
  }

  /** One that was removed fails. */
  end(waiting: AwaitingRecord, error: Error): void {
    waiting.sink.neverBatched(waiting.taken.record, error)
    this.#flushes.ended(waiting)
    this.#effects.released()
  }

  abandon(topic: Topic, error: Error): void {
    for (const waiting of [...topic.awaiting]) {
      this.remove(topic, waiting)
      this.end(waiting, error)
    }
  }

  #giveUp(waiting: AwaitingRecord): void {
    const topic = this.#topics.get(waiting.taken.topic)!
    this.remove(topic, waiting)
    this.end(waiting, unknownTopic(topic.name, topic.error))
  }
}

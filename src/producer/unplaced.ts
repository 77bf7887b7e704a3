import type { Batch } from './batch.js'
import { Deadlines } from './deadlines.js'
import type { Flushes } from './flushes.js'
import type { BufferMemory } from './memory.js'
import type { ResolvedOptions } from './options.js'
import { unknownTopic } from './refusals.js'
import type { Topic, Unplaced } from './topic.js'
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
export class UnplacedRecords {
  readonly #topics: Topics
  readonly #memory: BufferMemory
  readonly #flushes: Flushes<Batch | Unplaced>
  readonly #effects: UnplacedEffects
  readonly #deadlines: Deadlines<Unplaced>

  constructor(
    { scheduler, deliveryTimeoutMs }: Pick<ResolvedOptions, 'scheduler' | 'deliveryTimeoutMs'>,
    topics: Topics,
    memory: BufferMemory,
    flushes: Flushes<Batch | Unplaced>,
    effects: UnplacedEffects,
  ) {
    this.#topics = topics
    this.#memory = memory
    this.#flushes = flushes
    this.#effects = effects
    this.#deadlines = new Deadlines(scheduler, deliveryTimeoutMs, unplaced => this.#giveUp(unplaced))
  }

  add(topic: Topic, unplaced: Unplaced): void {
    topic.unplaced.add(unplaced)
    this.#deadlines.add(unplaced, unplaced.takenAt)
    topic.held += unplaced.bytes
    this.#memory.bytes += unplaced.bytes
  }

  /** Puts the records of these batches in front of those that wait already, which came later. */
  addBack(topic: Topic, batches: readonly Batch[], takenAt: (batch: Batch) => number): void {
    const later = [...topic.unplaced]
    topic.unplaced.clear()
    for (const batch of batches) {
      const records = batch.takeApart(takenAt(batch))
      this.#flushes.split(batch, records)
      for (const unplaced of records) this.add(topic, unplaced)
    }
    for (const unplaced of later) topic.unplaced.add(unplaced)
  }

  remove(topic: Topic, unplaced: Unplaced): void {
    topic.unplaced.delete(unplaced)
    this.#deadlines.delete(unplaced)
    topic.held -= unplaced.bytes
    this.#memory.bytes -= unplaced.bytes
    if (topic.unplaced.size > 0 || topic.partitions.length > 0) return
    this.#topics.giveUp(topic)
    this.#effects.topicGivenUp(topic.name)
  }

  /** One that was removed fails. */
  end(unplaced: Unplaced, error: Error): void {
    unplaced.sink.unplaced(unplaced.taken.record, error)
    this.#flushes.ended(unplaced)
    this.#effects.released()
  }

  abandon(topic: Topic, error: Error): void {
    for (const unplaced of [...topic.unplaced]) {
      this.remove(topic, unplaced)
      this.end(unplaced, error)
    }
  }

  #giveUp(unplaced: Unplaced): void {
    const topic = this.#topics.get(unplaced.taken.topic)!
    this.remove(topic, unplaced)
    this.end(unplaced, unknownTopic(topic.name, topic.error))
  }
}

import type { InvalidRecordError } from '../errors.js'
import { topicFault } from './refusals.js'
import { Topic } from './topic.js'

/** The topics in use, by name. */
export class Topics {
  readonly #batchSize: number
  readonly #used: (name: string) => void
  readonly #byName = new Map<string, Topic>()
  /** Most records go to the topic of the one before. */
  #last: Topic | undefined

  /** @param used told of a topic when it is used for the first time. */
  constructor(batchSize: number, used: (name: string) => void) {
    this.#batchSize = batchSize
    this.#used = used
  }

  [Symbol.iterator](): IterableIterator<Topic> {
    return this.#byName.values()
  }

  get(name: string): Topic | undefined {
    return this.#byName.get(name)
  }

  /** The topic, from here on in use; or why no topic can have the name. */
  use(name: string): Topic | InvalidRecordError {
    if (this.#last?.name === name) return this.#last
    return this.#find(name)
  }

  forget(topic: Topic): void {
    this.#byName.delete(topic.name)
    this.#last = undefined
  }

  #find(name: string): Topic | InvalidRecordError {
    let topic = this.#byName.get(name)
    if (topic === undefined) {
      const fault = topicFault(name)
      if (fault !== undefined) return fault
      topic = new Topic(name, this.#batchSize)
      this.#byName.set(name, topic)
      this.#used(name)
    }
    this.#last = topic
    return topic
  }
}

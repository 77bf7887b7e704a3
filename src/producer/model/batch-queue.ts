import type { Batch } from './batch.js'

/** A shorter queue moves up at once. A longer one keeps free places at its front until they are half of it. */
const MANY = 1_024

/**
 * Batches in order. Removing a batch at the front, or near it, is O(1): a partition without a leader may hold hundreds of thousands,
 * which all expire at once.
 */
export class BatchQueue {
  /** Those before `#head` are removed. */
  #batches: (Batch | undefined)[]
  #head = 0

  /** @param batches owned by the queue from now on. */
  constructor(batches: Batch[] = []) {
    this.#batches = batches
  }

  get length(): number {
    return this.#batches.length - this.#head
  }

  get first(): Batch | undefined {
    // Reading behind the end would make V8 deoptimize the whole line.
    return this.length === 0 ? undefined : this.#batches[this.#head]
  }

  get last(): Batch | undefined {
    return this.length === 0 ? undefined : this.#batches[this.#batches.length - 1]
  }

  push(batch: Batch): void {
    this.#batches.push(batch)
  }

  /** Puts a batch behind the last one that `precedes` holds for. */
  insert(batch: Batch, precedes: (other: Batch) => boolean): void {
    this.#batches.splice(this.#behind(precedes), 0, batch)
  }

  /** The last batch that `precedes` holds for. */
  lastOf(precedes: (other: Batch) => boolean): Batch | undefined {
    const index = this.#behind(precedes) - 1
    return index < this.#head ? undefined : this.#batches[index]
  }

  shift(): Batch | undefined {
    const { first } = this
    if (first !== undefined) this.#dropFirst()
    return first
  }

  /** Removes a batch that is in the queue. */
  delete(batch: Batch): void {
    const batches = this.#batches
    const index = batches.indexOf(batch, this.#head)
    // The batches in front of it move up, because they are few.
    batches.copyWithin(this.#head + 1, this.#head, index)
    this.#dropFirst()
  }

  toArray(): Batch[] {
    return this.#batches.slice(this.#head) as Batch[]
  }

  #behind(precedes: (other: Batch) => boolean): number {
    let index = this.#batches.length
    while (index > this.#head && !precedes(this.#batches[index - 1]!)) index--
    return index
  }

  #dropFirst(): void {
    if (this.#batches.length < MANY) {
      this.#batches.shift()
      return
    }
    this.#batches[this.#head++] = undefined
    if (this.#head * 2 < this.#batches.length) return
    this.#batches = this.toArray()
    this.#head = 0
  }
}

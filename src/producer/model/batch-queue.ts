import type { Batch } from './batch.js'

/** A shorter queue moves up at once. A longer one keeps free places in front until they are half of all. */
const MANY = 1_024

/**
 * Batches in order. To take one that is at the front, or near it, costs the same however many there are: where nobody leads a
 * partition, hundreds of thousands may wait, and all have had their time at once.
 */
export class BatchQueue {
  /** Those before `#head` are gone. */
  #batches: (Batch | undefined)[]
  #head = 0

  /** @param batches are its own from now on. */
  constructor(batches: Batch[] = []) {
    this.#batches = batches
  }

  get length(): number {
    return this.#batches.length - this.#head
  }

  get first(): Batch | undefined {
    // Not behind the end, which V8 gives up on the whole line for.
    return this.length === 0 ? undefined : this.#batches[this.#head]
  }

  get last(): Batch | undefined {
    return this.length === 0 ? undefined : this.#batches[this.#batches.length - 1]
  }

  push(batch: Batch): void {
    this.#batches.push(batch)
  }

  shift(): Batch | undefined {
    const { first } = this
    if (first !== undefined) this.#dropFirst()
    return first
  }

  /** Takes out one that is in it. */
  delete(batch: Batch): void {
    const batches = this.#batches
    const index = batches.indexOf(batch, this.#head)
    // Those in front of it move up, for they are few.
    batches.copyWithin(this.#head + 1, this.#head, index)
    this.#dropFirst()
  }

  toArray(): Batch[] {
    return this.#batches.slice(this.#head) as Batch[]
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

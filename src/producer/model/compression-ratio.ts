/** The lowest estimate. A batch holds at most ten times `batchSize`: it takes time to compress, and memory to decompress. */
const LEAST = 0.1

/** Leaves room for batches that compress a little worse than expected. */
const MARGIN = 1.05

/** The share of an improvement that one batch adds to the estimate. */
const TRUST = 0.1

/**
 * Estimates the ratio of a topic's compressed size to its uncompressed size, as Java's `CompressionRatioEstimator` does. A worse ratio
 * counts at once, because a batch that turns out too large costs a request; a better one counts gradually.
 */
export class CompressionRatio {
  #ratio = 1

  /** At most 1. */
  get estimate(): number {
    return Math.max(LEAST, Math.min(1, this.#ratio * MARGIN))
  }

  observe(ratio: number): void {
    this.#ratio = ratio > this.#ratio ? ratio : this.#ratio + (ratio - this.#ratio) * TRUST
  }
}

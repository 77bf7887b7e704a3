/** At most ten times as much as fits without compression: a batch takes time to compress, and memory to decompress. */
const LEAST = 0.1

/** What a full batch is expected to exceed its estimate by. */
const MARGIN = 1.05

/** How much of a better ratio is believed at once. */
const TRUST = 0.1

/**
 * The expected ratio of a topic's batches after and before compression, as Java's `CompressionRatioEstimator`: a worse ratio is believed
 * at once, because a batch that turns out too large costs a request, and a better one by and by.
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

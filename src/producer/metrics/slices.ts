/** Length of a slice of time, in ms: Java's `metrics.sample.window.ms`. */
export const SLICE_MS = 30_000

/**
 * Divides time into slices, so that rates, averages and percentiles describe the last 30 to 60 s: the slice at hand and the one before, as
 * Java's `metrics.num.samples` (2) does. Has no timer: whoever counts or reads says what time it is.
 */
export class Slices {
  #began: number

  constructor(now: number) {
    this.#began = now
  }

  /** Returns how many slices have begun since the last call, at most two: after two, nothing of before counts. */
  passed(now: number): 0 | 1 | 2 {
    const slices = Math.floor((now - this.#began) / SLICE_MS)
    if (slices < 1) return 0
    this.#began += slices * SLICE_MS
    return slices === 1 ? 1 : 2
  }

  /** When the slice at hand began. */
  get began(): number {
    return this.#began
  }
}

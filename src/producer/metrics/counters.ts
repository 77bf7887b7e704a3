import { SLICE_MS, Slices } from './slices.js'

/**
 * Totals since the producer was made, with their rates and averages over the last 30 to 60 s, and the highest values of that time.
 *
 * @typeParam C names of totals.
 * @typeParam P names of peaks.
 */
export class Counters<C extends string, P extends string = never> {
  readonly totals: Record<C, number>
  readonly #slices: Slices
  /** The totals when the slice at hand began, and when the one before did. */
  #atSlice: Record<C, number>
  #before: Record<C, number>
  #beforeBegan: number
  #peaks: Record<P, number>
  #peaksBefore: Record<P, number>
  readonly #noPeaks: Record<P, number>

  constructor(totals: readonly C[], peaks: readonly P[], now: number) {
    this.totals = zeros(totals)
    this.#slices = new Slices(now)
    this.#atSlice = { ...this.totals }
    this.#before = this.#atSlice
    this.#beforeBegan = now
    this.#noPeaks = zeros(peaks)
    this.#peaks = { ...this.#noPeaks }
    this.#peaksBefore = this.#noPeaks
  }

  /** Call it before anything is counted or read. */
  tick(now: number): void {
    const passed = this.#slices.passed(now)
    if (passed === 0) return
    const totals = { ...this.totals }
    this.#before = passed === 1 ? this.#atSlice : totals
    this.#beforeBegan = this.#slices.began - SLICE_MS
    this.#atSlice = totals
    this.#peaksBefore = passed === 1 ? this.#peaks : this.#noPeaks
    this.#peaks = { ...this.#noPeaks }
  }

  peak(name: P, value: number): void {
    if (value > this.#peaks[name]) this.#peaks[name] = value
  }

  /** Returns the highest recent value. */
  max(name: P): number {
    return Math.max(this.#peaks[name], this.#peaksBefore[name])
  }

  /** Returns the recent rate per second. */
  rate(name: C, now: number): number {
    return ratio(this.#recent(name), (now - this.#beforeBegan) / 1000)
  }

  /** Returns the recent average of what `sum` adds up, for each of `count`. */
  average(sum: C, count: C): number {
    return ratio(this.#recent(sum), this.#recent(count))
  }

  #recent(name: C): number {
    return this.totals[name] - this.#before[name]
  }
}

/** Returns `a / b`; 0 if there is nothing yet, because JSON has no NaN. */
export function ratio(a: number, b: number): number {
  return b > 0 ? a / b : 0
}

function zeros<K extends string>(names: readonly K[]): Record<K, number> {
  return Object.fromEntries(names.map(name => [name, 0])) as Record<K, number>
}

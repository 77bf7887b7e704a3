import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { Slices } from './slices.js'

/** In microseconds, up to an hour, with an error of at most 1 %: 29 KB. */
const RANGE = { lowest: 1, highest: 3_600_000_000, figures: 2 }

/** Percentiles of the last 30 to 60 s, in ms. */
export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** Durations of requests, in two histograms that take turns: memory does not grow with what they record. */
export class Latencies {
  readonly #slices: Slices
  #recent = createHistogram(RANGE)
  #before = createHistogram(RANGE)

  constructor(now: number) {
    this.#slices = new Slices(now)
  }

  record(ms: number, now: number): void {
    this.#tick(now)
    this.#recent.record(Math.min(Math.max(Math.round(ms * 1000), RANGE.lowest), RANGE.highest))
  }

  read(now: number): Percentiles {
    this.#tick(now)
    const both = createHistogram(RANGE)
    for (const one of [this.#before, this.#recent]) if (one.count > 0) both.add(one)
    if (both.count === 0) return { p50: 0, p95: 0, p99: 0, max: 0 }
    const at = (percent: number): number => both.percentile(percent) / 1000
    return { p50: at(50), p95: at(95), p99: at(99), max: both.max / 1000 }
  }

  #tick(now: number): void {
    const passed = this.#slices.passed(now)
    if (passed === 0) return
    const emptied: RecordableHistogram = this.#before
    this.#before = this.#recent
    this.#recent = emptied
    emptied.reset()
    if (passed === 2) this.#before.reset()
  }
}

/** Figures of many runs, made one: medians, and ratios of what ran in the same round. */
import type { Run } from './measure.js'
import type { Scenario } from './scenarios.js'

export interface PeerResult {
  readonly id: string
  readonly name: string
  readonly kind: string
  readonly configuration: string
  /** Why there are no figures. */
  readonly notRun?: string
  /** One a round. A round that failed fails all. */
  readonly runs: readonly Run[]
}

export interface ScenarioResult {
  readonly scenario: Omit<Scenario, 'peers'>
  readonly peers: readonly PeerResult[]
}

export type Figure = (run: Run) => number

export const rate: Figure = run => run.records / run.seconds
export const cpuMicros: Figure = run => (run.cpuSeconds / run.records) * 1e6

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}

export function medianOf(peer: PeerResult, figure: Figure): number {
  return median(peer.runs.map(figure))
}

/** The ratio of two producers' figures, taken in each round; undefined where one of them did not run. */
export function ratio(figure: Figure, a: PeerResult | undefined, b: PeerResult | undefined): number | undefined {
  if (a === undefined || b === undefined) return undefined
  const rounds = Math.min(a.runs.length, b.runs.length)
  if (rounds === 0) return undefined
  return median(Array.from({ length: rounds }, (_, i) => figure(a.runs[i]!) / figure(b.runs[i]!)))
}

export const find = (result: ScenarioResult | undefined, id: string): PeerResult | undefined =>
  result?.peers.find(peer => peer.id === id)

/** The one of a kind that writes the most records a second. */
export function best(result: ScenarioResult | undefined, kind: string): PeerResult | undefined {
  return result?.peers
    .filter(peer => peer.kind === kind && peer.runs.length > 0)
    .toSorted((a, b) => medianOf(b, rate) - medianOf(a, rate))[0]
}

import type { Coverage } from './coverage.js'

/** Random schedules of one kind. */
export interface Suite<S = unknown> {
  readonly name: SuiteName
  /** The schedule that a seed stands for. */
  readonly generate: (seed: number) => S
  /** Runs a schedule; what is wrong with it, and what it came across. */
  readonly judge: (schedule: S) => Promise<{ found: string[]; coverage: Coverage }>
  /** Simpler schedules, those that take most away first. */
  readonly candidates: (schedule: S) => Iterable<S>
  /** Runs a schedule; what happens, one entry a line. */
  readonly replay: (schedule: S) => Promise<string[]>
}

/** `producer`: an idempotent producer; `transactions`: several with one transactional id. */
export type SuiteName = 'producer' | 'transactions'

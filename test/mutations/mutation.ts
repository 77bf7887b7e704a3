import type { CheckName } from './checks.js'

/** One thing that the product does wrong. */
export interface Mutation {
  /** The rule of the window that it breaks (ARCHITECTURE.md), or the part beside it. */
  readonly rule: string
  /** What the product does then. */
  readonly name: string
  readonly file: string
  /** Stands in the file once. */
  readonly text: string
  /** Stands there instead. */
  readonly instead: string
  /** Where not every check is worth its time: those that are, in order. */
  readonly checks?: readonly CheckName[]
}

import type { Batch } from './batch.js'
import type { Outcome } from './outcome.js'

/** A batch that has its outcome. This is what leaves the pipeline. */
export interface SettledBatch {
  readonly batch: Batch
  readonly outcome: Outcome
}

import type { Batch, Verdict } from './batch.js'

/** The batch is not stored, or may not be. */
export type Failure = Exclude<Verdict, { kind: 'stored' }>
export type BadRecords = Extract<Verdict, { kind: 'badRecords' | 'corrupt' }>

export function isStored(batch: Batch): boolean {
  return batch.verdict?.kind === 'stored'
}

/** The broker says that it is not next. It may be that it is stored, and the broker knows only a later one. */
export function isInDoubt(batch: Batch): boolean {
  return batch.unresolved && batch.verdict?.kind === 'outOfSequence'
}

export const STORED_SOMEWHERE: Verdict = { kind: 'stored', baseOffset: -1n, logAppendTime: -1 }

/** With these a broker says that what it knows of the producer does not fit the batch. */
export const LOST_PLACE: ReadonlySet<Verdict['kind']> = new Set(['outOfSequence', 'forgotten', 'fenced'])

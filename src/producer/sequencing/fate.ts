import { DataLossError } from '../../errors.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import type { Batch, ProduceResult } from '../model/batch.js'

/** Every verdict but `stored`. */
export type Failure = Exclude<ProduceResult, { kind: 'stored' }>
export type BadRecords = Extract<ProduceResult, { kind: 'badRecords' | 'corrupt' }>

/** What becomes of a batch: it has ended, is sent again as it is, in halves, or without its bad records, or it fails. */
export type Fate = 'over' | 'again' | 'halved' | 'sifted' | 'fails'

export function isStored(batch: Batch): boolean {
  return batch.result?.kind === 'stored'
}

/** The broker says that it is not next. It may be that it is stored, and the broker knows only a later one. */
export function isInDoubt(batch: Batch): boolean {
  return batch.unresolved && batch.result?.kind === 'outOfSequence'
}

export const STORED_SOMEWHERE: ProduceResult = { kind: 'stored', baseOffset: -1n, logAppendTime: -1 }

/** With these a broker says that what it knows of the producer does not fit the batch. */
export const LOST_PLACE: ReadonlySet<ProduceResult['kind']> = new Set(['outOfSequence', 'forgotten', 'fenced'])

/**
 * The first batch was told that its sequence is not next: why, or that the broker had confirmed all before it.
 *
 * @param confirmed as whom the partition wrote the last batch that a broker confirmed.
 */
export function lossBehind(
  batch: Batch,
  { kind, error: cause }: Failure,
  confirmed: ProducerIdAndEpoch | undefined,
): Error {
  if (kind !== 'outOfSequence' || batch.identity !== confirmed) return cause
  return new DataLossError(
    `partition ${batch.topic}-${batch.partition}: the broker no longer knows all records that it confirmed; some may be lost`,
    { cause },
  )
}

/**
 * What becomes of a batch that was sent and not stored.
 *
 * @param displaced it can't be sent with the sequence that it has.
 */
export function fateOf(batch: Batch, verdict: Failure | undefined, displaced: boolean, retries: number): Fate {
  if (batch.settled) return 'over'
  // A part of one that was split, not sent yet.
  if (verdict === undefined) return 'again'
  // Kafka before 2.4 calls a batch corrupt that has a record without key, for a topic that is compacted. It may also have
  // been damaged on its way, but hardly twice.
  const bad = verdict.kind === 'badRecords' || (verdict.kind === 'corrupt' && batch.corruptions > 1)
  const refused = bad || verdict.kind === 'refused' || verdict.kind === 'tooLarge'
  if (batch.unresolved) return displaced || refused ? 'fails' : 'again'
  if (bad && verdict.named.length > 0) return 'sifted'
  if ((bad || verdict.kind === 'tooLarge') && batch.count > 1) return 'halved'
  return refused || batch.attempts - batch.inherited > retries ? 'fails' : 'again'
}

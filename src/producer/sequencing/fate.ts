import { DataLossError } from '../../errors.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import type { Batch } from '../model/batch.js'
import type { ProduceFailure, ProduceResult } from '../model/outcome.js'

/**
 * What becomes of a batch that was sent and not stored. {@link fateOf} has the order of this table; the first row that applies wins.
 *
 * | the batch                                                        | fate                                       |
 * |------------------------------------------------------------------|--------------------------------------------|
 * | is settled: it expired                                           | `over`                                     |
 * | belongs to a transaction that is being aborted                   | `fails`                                    |
 * | is a part of a split batch, not sent yet                         | `again`                                    |
 * | is unresolved, and lost its sequence or is refused for good      | `fails`, persisted 'maybe'                 |
 * | is unresolved                                                    | `again`, whatever `retries` says           |
 * | has bad records that the broker names (KIP-467)                  | `sifted`: sent again without them          |
 * | has a bad record, unnamed, or is too large, and several records  | `halved`                                   |
 * | is refused for good, or was sent more often than `retries` allow | `fails`, persisted 'no'                    |
 * | anything else                                                    | `again`                                    |
 */
export type Fate = 'over' | 'again' | 'halved' | 'sifted' | 'fails'

export type BadRecords = Extract<ProduceResult, { kind: 'badRecords' | 'corrupt' }>

/**
 * Returns what becomes of a batch that was sent and not stored.
 *
 * @param displaced whether the batch can't keep its sequence.
 */
export function fateOf(batch: Batch, result: ProduceFailure | undefined, displaced: boolean, retries: number): Fate {
  if (batch.settled) return 'over'
  if (batch.transaction?.dropped !== undefined) return 'fails'
  if (result === undefined) return 'again'
  // Kafka before 2.4 calls a batch corrupt that has a record without key, for a compacted topic. The batch may also have been
  // damaged on its way, but hardly twice.
  const bad = result.kind === 'badRecords' || (result.kind === 'corrupt' && batch.corruptions > 1)
  const refused = bad || result.kind === 'refused' || result.kind === 'tooLarge'
  if (batch.unresolved) return displaced || refused ? 'fails' : 'again'
  if (bad && result.named.length > 0) return 'sifted'
  if ((bad || result.kind === 'tooLarge') && batch.count > 1) return 'halved'
  return refused || batch.attempts - batch.inherited > retries ? 'fails' : 'again'
}

/** Whether a broker calls an unresolved batch out of sequence: it may be stored, and the broker may know only a later one. */
export function isInDoubt(batch: Batch): boolean {
  return batch.unresolved && batch.result?.kind === 'outOfSequence'
}

export const STORED_SOMEWHERE: ProduceResult = { kind: 'stored', baseOffset: -1n, logAppendTime: -1 }

/** With these results a broker says that what it knows of the producer does not fit the batch. */
export const LOST_PLACE: ReadonlySet<ProduceResult['kind']> = new Set(['outOfSequence', 'forgotten', 'fenced'])

/**
 * Returns why a broker said of the first batch that its sequence is not next. A {@link DataLossError} if the broker had confirmed
 * everything before it.
 *
 * @param confirmed the identity of the last batch of the partition that a broker confirmed.
 */
export function lossBehind(
  batch: Batch,
  { kind, error: cause }: ProduceFailure,
  confirmed: ProducerIdAndEpoch | undefined,
): Error {
  if (kind !== 'outOfSequence' || batch.identity !== confirmed) return cause
  return new DataLossError(
    `partition ${batch.topic}-${batch.partition}: the broker no longer knows all records that it confirmed; some may be lost`,
    { cause },
  )
}

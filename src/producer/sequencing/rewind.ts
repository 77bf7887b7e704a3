import { KafkaError } from '../../errors.js'
import { type Batch, NO_SEQUENCE } from '../model/batch.js'
import { BatchQueue } from '../model/batch-queue.js'
import type { ProduceFailure } from '../model/outcome.js'
import type { Partition } from '../model/partition.js'
import type { DecisionBuilder } from './decision.js'
import { type BadRecords, type Fate, fateOf, isInDoubt, LOST_PLACE, lossBehind, STORED_SOMEWHERE } from './fate.js'
import { halves, sift, suspects } from './split.js'

/**
 * With nothing in flight, puts the batches that were sent and not stored back in sequence order, to be sent again as they were.
 *
 * A batch that fails here leaves its sequences to those behind it, which are stamped again. That is correct only where all of them
 * are certainly not stored. An unresolved batch is never stamped again: it fails, and the rest goes on in a new epoch, in which
 * nothing can be mistaken for what was sent before. The same holds for the rest of a batch that had bad records. A halved batch
 * leaves nothing: the halves share its sequences.
 */
export function rewind(partition: Partition, decision: DecisionBuilder): void {
  const { sequences, unsettled } = partition
  const waiting = partition.waiting.toArray()
  const stamped = [...unsettled, ...waiting.filter(batch => batch.baseSequence !== NO_SEQUENCE)]
  const brokenOff = unsettled.some(({ result }) => result!.kind !== 'stored' && result!.kind !== 'outOfSequence')
  const kept: Batch[] = []
  let restart: 'no' | 'rebase' | 'bump' = 'no'
  let fenced = false
  let cause: Error | undefined
  for (const [i, batch] of stamped.entries()) {
    // Only for the first batch does it mean that broker and producer disagree; behind a rejected batch it is a consequence.
    const first = kept.length === 0 && restart === 'no'
    const inDoubt = first && isInDoubt(batch)
    if (inDoubt && unsettled.some((other, j) => j > i && other.isStored && other.identity === batch.identity)) {
      batch.result = STORED_SOMEWHERE
    }
    if (batch.isStored) {
      // Acks come in order: this one waits for the batches before it, which are sent again.
      if (kept.length === 0) decision.ack(batch)
      else kept.push(batch)
      // The sequences before it can't be used again, because it is stored.
      if (restart === 'rebase') restart = 'bump'
      continue
    }
    const result = batch.result as ProduceFailure | undefined
    const undecided = inDoubt && (brokenOff || nextTells(partition, batch))
    const lostPlace = first && !undecided && result !== undefined && LOST_PLACE.has(result.kind)
    cause ??= lostPlace ? lossBehind(batch, result, partition.confirmed) : result?.error
    fenced ||= lostPlace && result.kind === 'fenced'
    const fate = fateOf(batch, result, lostPlace || restart !== 'no', partition.retries)
    const left = leftOf(batch, fate, decision)
    if (left.length === 0 || fate === 'sifted') {
      // Sequences of it are free.
      const sameIdentity = batch.identity === sequences.identity
      if (batch.unresolved || !sameIdentity) restart = 'bump'
      else if (restart === 'no') {
        restart = 'rebase'
        sequences.rewindTo(batch.baseSequence)
      }
    }
    if (lostPlace) restart = 'bump'
    if (restart !== 'no') for (const one of left) one.unstamp()
    kept.push(...left)
  }
  if (restart === 'bump') {
    if (fenced) sequences.renew()
    else sequences.bump()
    decision.epochBump = cause ?? new KafkaError('a batch that may be stored has expired')
  }
  partition.unsettled = []
  partition.waiting = new BatchQueue([...kept, ...waiting.filter(batch => !stamped.includes(batch))])
  const head = kept[0]?.result as ProduceFailure | undefined
  // Behind a refused batch, nothing is wrong with the next one.
  const error = restart === 'rebase' ? undefined : head?.error
  if (error === undefined || partition.retired) {
    partition.phase = 'probing'
  } else {
    // Another leader may be asked at once; only the first time, or brokers that name each other would be asked without end.
    const atOnce = partition.failures === 0 && partition.leader !== -1 && partition.leader !== partition.inFlightTo
    partition.phase = atOnce ? 'probing' : 'paused'
    decision.retryAfter = { failures: ++partition.failures, error, atOnce }
  }
}

/** Whether the next batch can tell if this one is stored: an unresolved batch behind it, or itself. */
export function nextTells(partition: Partition, batch: Batch): boolean {
  const next = partition.waiting.first
  return next?.unresolved === true && !next.isStored && next.identity === batch.identity
}

/** Brings the batch's fate about and returns what is left of it to send. */
function leftOf(batch: Batch, fate: Fate, decision: DecisionBuilder): Batch[] {
  if (fate === 'again') return [batch]
  if (fate === 'over') return []
  const result = batch.result as ProduceFailure
  if (fate === 'fails') {
    decision.fail(batch, batch.transaction?.dropped ?? result.error)
    return []
  }
  if (fate === 'halved') {
    const parts = result.kind === 'tooLarge' ? halves(batch) : suspects(batch)
    decision.replace(batch, parts)
    return parts
  }
  const { refused, rest } = sift(batch, (result as BadRecords).named)
  const left = rest === undefined ? [] : [rest]
  if (refused[0]!.batch !== batch) decision.replace(batch, [...refused.map(one => one.batch), ...left])
  for (const one of refused) decision.fail(one.batch, one.error)
  return left
}

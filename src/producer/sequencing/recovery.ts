import type { LeaderIdAndEpoch } from '../../protocol/messages/produce.js'
import { type Batch, NO_SEQUENCE } from '../model/batch.js'
import { BatchQueue } from '../model/batch-queue.js'
import type { ProduceResult } from '../model/outcome.js'
import type { Partition } from '../model/partition.js'
import type { TransactionScope } from '../model/transaction-scope.js'
import { type Decision, DecisionBuilder } from './decision.js'
import { isInDoubt } from './fate.js'
import { nextTells, rewind } from './rewind.js'
import { suspects } from './split.js'

/*
 * The recovery: what happens to a partition, and what follows. Each function takes an event and returns a decision; nothing here
 * has an effect outside the partition.
 *
 * | phase    | sends                                   | leaves when                                                             |
 * |----------|-----------------------------------------|-------------------------------------------------------------------------|
 * | probing  | one batch, with none in flight          | its leader stored it → open; anything else → draining, unless the next batch can tell |
 * | open     | up to `maxInFlight`, of one epoch       | a batch was not stored, or expired in flight → draining; new leader, new epoch but that of the next transaction, or a rest → probing |
 * | draining | nothing                                 | no batch is in flight → rewind → paused, or probing if nothing is to be retried |
 * | paused   | nothing                                 | the back-off is over → probing                                          |
 *
 * | event                        | function                                        |
 * |------------------------------|-------------------------------------------------|
 * | a batch goes into flight     | `Partition.sent`, in `model/partition.ts`       |
 * | its request has a result     | {@link answered}                                |
 * | it reached its deadline      | {@link expired}                                 |
 * | the back-off is over         | {@link backOffEnded}                            |
 * | metadata names the leader    | {@link ledBy}                                   |
 * | a broker names the new one   | {@link movedTo}                                 |
 * | its topic was deleted        | {@link retired}, then {@link surrendered}       |
 * | its transaction is aborted   | {@link dropped}                                 |
 * | the producer ends            | {@link abandoned}                               |
 */

/**
 * A request said `result` about a batch that it carried. Called in send order.
 *
 * A restarted broker knows only the last batch of each producer and calls older ones out of sequence although it has stored them.
 * So where the first unresolved batch is out of sequence and more unresolved batches follow, these are sent one after the other. If
 * the broker knows one, or accepts it as next, those before it are stored. (A batch that was confirmed before proves nothing: a
 * broker that forgot the producer accepts any batch.)
 */
export function answered(partition: Partition, batch: Batch, result: ProduceResult): Decision {
  const decision = new DecisionBuilder()
  const { inFlight, inFlightTo, leader } = partition
  inFlight.splice(inFlight.indexOf(batch), 1)
  batch.result = result
  const probed = partition.phase === 'probing' && inFlightTo === leader
  if (batch.isStored && partition.unsettled.length === 0) {
    decision.ack(batch)
    ackStored(partition, decision)
    partition.failures = 0
    partition.confirmed = batch.identity
    if (probed) partition.phase = 'open'
    convict(partition, batch.counterpart, decision)
  } else {
    if (result.kind !== 'stored') batch.failure = result.error
    if (result.kind === 'unknown') batch.unresolved = true
    if (result.kind === 'corrupt') batch.corruptions++
    partition.unsettled.push(batch)
    if (!(probed && isInDoubt(batch) && nextTells(partition, batch))) partition.phase = 'draining'
  }
  if (partition.phase === 'draining' && inFlight.length === 0) rewind(partition, decision)
  return decision
}

/**
 * The batch reached `deliveryTimeoutMs`.
 *
 * @param obstacle what keeps the partition from sending, if that is known.
 */
export function expired(partition: Partition, batch: Batch, obstacle?: Error): Decision {
  const decision = new DecisionBuilder()
  if (batch.settled || batch.isStored) {
    // It waited for batches before it, which expired before it.
    decision.ack(batch)
    return decision
  }
  const inFlight = partition.inFlight.includes(batch)
  if (inFlight) batch.unresolved = true
  decision.expire(batch, inFlight ? undefined : obstacle)
  if (batch.baseSequence === NO_SEQUENCE) {
    partition.waiting.delete(batch)
  } else {
    // Its sequences are taken: nothing follows before it is clear what became of them.
    partition.phase = 'draining'
    if (partition.inFlight.length === 0) rewind(partition, decision)
  }
  return decision
}

export function backOffEnded(partition: Partition): void {
  if (partition.phase === 'paused') partition.phase = 'probing'
}

/**
 * Metadata, or the broker that led the partition (KIP-951), names the leader. The window of a new leader opens after its first success. So
 * does the window of a leader that was sent nothing since the last metadata: brokers forget an idle producer and then accept whichever of
 * its batches comes first.
 */
export function ledBy(partition: Partition, leader: number, epoch = -1): void {
  const moved = leader !== partition.leader
  const none = partition.inFlight.length === 0
  const idle = !partition.active && none
  if (partition.phase === 'open' && (moved || idle)) partition.phase = 'probing'
  if (moved && partition.phase === 'probing' && none) {
    // What another leader did not know says nothing about this one.
    partition.waiting = new BatchQueue([...partition.unsettled, ...partition.waiting.toArray()])
    partition.unsettled = []
  }
  partition.leader = leader
  partition.leaderEpoch = epoch
  partition.active = false
}

/** The broker that led the partition names the new leader (KIP-951). Only an epoch that is higher than the known one is news. */
export function movedTo(partition: Partition, { leaderId, leaderEpoch }: LeaderIdAndEpoch): void {
  if (leaderEpoch > partition.leaderEpoch && !partition.retired) ledBy(partition, leaderId, leaderEpoch)
}

/** The topic was deleted and recreated. Responses to batches in flight are still awaited. */
export function retired(partition: Partition): void {
  partition.retired = true
  partition.leader = -1
}

/** Empties a retired partition with nothing in flight: fails unresolved batches and returns the others in `kept`, in order. */
export function surrendered(
  partition: Partition,
  error: Error,
): { readonly kept: Batch[]; readonly decision: Decision } {
  const decision = new DecisionBuilder()
  const kept: Batch[] = []
  empty(partition, decision, batch => (batch.unresolved ? decision.fail(batch, error) : kept.push(batch)))
  return { kept, decision }
}

/**
 * The transaction of these batches is being aborted: what is not in flight fails now, and the rest once it is answered. Their sequences are
 * free again where none of them may be stored.
 */
export function dropped(partition: Partition, transaction: TransactionScope): Decision {
  const decision = new DecisionBuilder()
  for (const batch of partition.waiting.toArray()) {
    if (batch.transaction !== transaction || batch.baseSequence !== NO_SEQUENCE) continue
    partition.waiting.delete(batch)
    decision.fail(batch, transaction.dropped!)
  }
  if (partition.inFlight.length > 0) partition.phase = 'draining'
  else if (partition.unsettled.length > 0 || partition.waiting.first?.transaction === transaction)
    rewind(partition, decision)
  return decision
}

/** Fails every batch that is not settled with `error`. */
export function abandoned(partition: Partition, error: Error): Decision {
  const decision = new DecisionBuilder()
  for (const batch of partition.inFlight) batch.unresolved = true
  empty(partition, decision, batch => decision.fail(batch, error))
  return decision
}

/** Takes every batch out of the partition: acks those that are stored, and calls `each` with every other unsettled one. */
function empty(partition: Partition, decision: DecisionBuilder, each: (batch: Batch) => unknown): void {
  const all = [...partition.unsettled, ...partition.inFlight, ...partition.waiting.toArray()]
  partition.unsettled = []
  partition.waiting = new BatchQueue()
  for (const batch of all) {
    if (batch.isStored) decision.ack(batch)
    else if (!batch.settled) each(batch)
  }
}

/** Acks batches that were stored while one before them was not, once nothing before them is in flight. */
function ackStored({ inFlight, waiting }: Partition, decision: DecisionBuilder): void {
  if (inFlight.length > 0) return
  while (waiting.first?.isStored) decision.ack(waiting.shift()!)
}

/**
 * One half of a batch was stored, so the bad record is in the other half, which is split without being sent. A single record is
 * sent, to hear what is wrong with it.
 */
function convict(partition: Partition, half: Batch | undefined, decision: DecisionBuilder): void {
  if (half === undefined || half !== partition.waiting.first || half.settled || half.count === 1) return
  const parts = suspects(half)
  partition.waiting.shift()
  partition.waiting = new BatchQueue([...parts, ...partition.waiting.toArray()])
  decision.replace(half, parts)
}

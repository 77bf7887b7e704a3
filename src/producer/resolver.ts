import type { Subject } from 'rxjs'
import type { Brokers } from '../cluster/brokers.js'
import type { Metadata } from '../cluster/metadata.js'
import { BrokerError } from '../errors.js'
import { ErrorCode } from '../protocol/error-codes.js'
import type { Accumulator } from './batching/accumulator.js'
import type { BrokerWindow } from './in-flight/broker-windows.js'
import { type RequestResult, saysStale } from './in-flight/produce-request.js'
import type { RetrySlots } from './in-flight/retry-slots.js'
import type { Throttle } from './in-flight/throttle.js'
import type { Batch } from './model/batch.js'
import type { ProducerEvent } from './model/events.js'
import type { Partition } from './model/partition.js'
import type { SettledBatch } from './model/settled-batch.js'
import type { TransactionScope } from './model/transaction-scope.js'
import type { Decision } from './sequencing/decision.js'
import type { Identification } from './sequencing/identification.js'
import { abandoned, answered, backOffEnded, dropped, expired, movedTo } from './sequencing/recovery.js'
import type { TopicChanges } from './topic-changes.js'

export interface Collaborators {
  readonly batching: Accumulator
  readonly identification: Pick<Identification, 'bumped'>
  readonly brokers: Pick<Brokers, 'add'>
  readonly metadata: Metadata
  readonly retries: RetrySlots
  readonly throttle: Throttle
  readonly topicChanges: TopicChanges
  readonly events$: Subject<ProducerEvent>
}

/**
 * Tells partitions what happened, and carries out what they decide. Every method returns settled batches, one by one: each is
 * delivered before the next decision is taken, because an ack handler may send records, or close the producer.
 */
export class Resolver {
  readonly #with: Collaborators

  constructor(collaborators: Collaborators) {
    this.#with = collaborators
  }

  /** A request has its result. Results come in send order. @throws whatever ends the producer, after every batch has been resolved. */
  *resolve(
    { request, results, lost, throttleTimeMs, moves, endpoints, fatal }: RequestResult,
    window: BrokerWindow,
  ): Generator<SettledBatch> {
    const { batching, brokers, metadata, throttle, topicChanges } = this.#with
    if (throttleTimeMs > 0) throttle.pause(window, throttleTimeMs)
    const stale = request.parts.filter((_, i) => saysStale(results[i]!)).map(({ partition }) => partition.topic)
    if (stale.length > 0) metadata.refresh(new Set(stale))
    brokers.add(endpoints.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
    for (const { partition, leader } of moves) movedTo(partition, leader)
    for (const [i, { partition, batch }] of request.parts.entries()) {
      yield* this.#carryOut(partition, answered(partition, batch, results[i]!))
      // Sends the next batch, or starts the new topic if this was the last response about a deleted one.
      if (partition.retired) yield* topicChanges.succeed(batching.topics.get(partition.topic)!)
      else batching.ready.offer(partition)
    }
    batching.obstacles.responded(window.nodeId, lost)
    if (fatal !== undefined) throw fatal
  }

  /** The batch reached `deliveryTimeoutMs`. */
  *expire(batch: Batch): Generator<SettledBatch> {
    const { batching } = this.#with
    const partition = batching.partitionOf(batch)
    const obstacle = batching.obstacles.of(batching.topics.get(batch.topic)!, partition)
    yield* this.#carryOut(partition, expired(partition, batch, obstacle))
    // A batch that was being compressed may have kept the partition off its list.
    batching.ready.offer(partition)
    batching.obstacles.changed()
  }

  /** The transaction is being aborted: fails its records that are not in flight. The others are awaited, and not sent again. */
  *drop(transaction: TransactionScope, partitions: Iterable<Partition>): Generator<SettledBatch> {
    const { batching } = this.#with
    for (const topic of batching.topics) batching.awaiting.abandon(topic, transaction.dropped!, transaction)
    for (const partition of partitions) {
      yield* this.#carryOut(partition, dropped(partition, transaction))
      batching.ready.offer(partition)
    }
    batching.obstacles.changed()
  }

  /** Fails everything that is not settled with `error`. */
  *abandon(error: Error): Generator<SettledBatch> {
    const { batching } = this.#with
    for (const topic of batching.topics) {
      batching.awaiting.abandon(topic, error)
      for (const partition of topic.partitions) yield* this.#carryOut(partition, abandoned(partition, error))
    }
  }

  /** Carries out all but the acks, which are returned. The partition's state is consistent by now. */
  #carryOut(partition: Partition, { split, epochBump, retryAfter, settled }: Decision): readonly SettledBatch[] {
    const { batching, identification } = this.#with
    for (const { batch, parts } of split) batching.split(batch, parts)
    if (epochBump !== undefined) identification.bumped(partition, epochBump)
    if (retryAfter !== undefined) this.#retryAfter(partition, retryAfter)
    return settled
  }

  #retryAfter(partition: Partition, { failures, error, atOnce }: NonNullable<Decision['retryAfter']>): void {
    const { batching, events$, retries } = this.#with
    const { topic, index, leader } = partition
    events$.next({ kind: 'retrying', topic, partition: index, failures, error })
    if (atOnce) return
    const concurrent = error instanceof BrokerError && error.code === ErrorCode.CONCURRENT_TRANSACTIONS
    retries.add(leader, failures, concurrent, () => {
      backOffEnded(partition)
      batching.ready.offer(partition)
    })
  }
}

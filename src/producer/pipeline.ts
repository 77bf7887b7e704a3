import { ignoreElements, map, merge, mergeMap, type Observable, takeUntil, tap } from 'rxjs'
import type { MetadataEvent } from '../cluster/metadata.js'
import type { Accumulator } from './batching/accumulator.js'
import { flatten } from './flatten.js'
import type { BrokerWindow, BrokerWindows } from './in-flight/broker-windows.js'
import { drain } from './in-flight/drain.js'
import { inSendOrder } from './in-flight/in-send-order.js'
import { type DrainedRequest, produceTo } from './in-flight/produce-request.js'
import { traceRequest } from './in-flight/trace-request.js'
import { measureRequest } from './metrics/measure-request.js'
import type { Meters } from './metrics/meters.js'
import type { SettledBatch } from './model/settled-batch.js'
import type { NextRequest } from './next-request.js'
import type { ResolvedOptions } from './options/options.js'
import type { Resolver } from './resolver.js'
import { stamp } from './sequencing/stamp.js'
import type { TopicChanges } from './topic-changes.js'

/** What the pipeline is made of. `data-path.ts` makes one of each for a producer. */
export interface Stages {
  readonly batching: Accumulator
  readonly windows: BrokerWindows
  readonly nextRequest: NextRequest
  readonly resolver: Resolver
  readonly topicChanges: TopicChanges
  readonly meters: Meters
  readonly metadata$: Observable<MetadataEvent>
  /** Who the requests are from, for those who trace them. */
  readonly producer: object
  readonly options: Pick<ResolvedOptions, 'clientId' | 'maxInFlight' | 'requestTimeoutMs' | 'transactionalId'>
}

/** Batches that are compressed in libuv's thread pool at a time. It has four threads, which look up host names as well. */
const COMPRESSIONS = 3

/**
 * The data path of a producer. Records go in by `batching.accept()`; each becomes part of a batch, and every batch comes out here
 * once, settled. RxJS carries requests and batches, never records.
 *
 *   record → batching (→ compression) → [a pipeline for each broker] → settled batch → acks
 *
 * A batch settles when a broker answers, when it reaches `deliveryTimeoutMs`, or when its topic is deleted. The pipeline errors when
 * the producer cannot go on, and then `Resolver.abandon` settles what is left.
 */
export function pipeline(stages: Stages): Observable<SettledBatch> {
  const { batching, windows, resolver, topicChanges, metadata$ } = stages
  const { packing, batches } = batching
  const compressed$ = packing.offLoop$.pipe(mergeMap(batch => packing.compress(batch), COMPRESSIONS))
  return merge(
    compressed$.pipe(
      tap(batch => batching.packed(batch)), // its partition is ready
      ignoreElements(),
    ),
    windows.opened$.pipe(mergeMap(window => brokerPipeline(window, stages))),
    batches.expired$.pipe(flatten(batch => resolver.expire(batch))),
    metadata$.pipe(flatten(event => topicChanges.apply(event))),
  )
}

/**
 * Everything between an accepted record and its acks, for the partitions that one broker leads. A retry is a feedback edge: recovery
 * puts batches back to the front of their partition, which becomes ready again and is drained here like any other.
 *
 * In a transaction a partition is drained only once it is part of it: see `transactions/`.
 */
function brokerPipeline(window: BrokerWindow, stages: Stages): Observable<SettledBatch> {
  const { nextRequest, resolver, meters, options } = stages
  const { slots, wake$, closed$ } = window
  const { nodeId } = window
  const owner = { clientId: options.clientId, producer: stages.producer }
  const attempt = (request: DrainedRequest) => {
    const attempt$ = produceTo(request, options.requestTimeoutMs, options.transactionalId)
    const traced$ = traceRequest(request, nodeId, owner, attempt$)
    return slots.hold(measureRequest(meters, nodeId, request.parts, traced$))
  }
  return merge(wake$, slots.freed$).pipe(
    drain(slots, () => nextRequest.to(window)), // batching: one batch a partition, and only when a slot is free
    map(request => stamp(request)), //             sequencing: producer id, epoch and base sequence, in send order
    mergeMap(attempt, options.maxInFlight), //     the in-flight window: one network attempt, which never errors
    inSendOrder(), //                              results, in the order in which their requests were sent
    flatten(result => resolver.resolve(result, window)), // recovery: each partition's batch is settled, or sent again
    takeUntil(closed$),
  )
}

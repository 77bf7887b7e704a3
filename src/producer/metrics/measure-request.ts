import { type Observable, tap } from 'rxjs'
import type { PartitionBatch } from '../model/partition.js'
import type { Meters } from './meters.js'

/** Counts one network attempt, which is subscribed to at once, and its response when that arrives. */
export function measureRequest<R extends { readonly lost: boolean; readonly throttleTimeMs: number }>(
  meters: Meters,
  nodeId: number,
  parts: readonly PartitionBatch[],
  attempt: Observable<R>,
): Observable<R> {
  const sentAt = meters.clock()
  meters.sent(nodeId, parts)
  return attempt.pipe(
    tap(({ lost, throttleTimeMs }) => {
      if (!lost) meters.answered(nodeId, meters.clock() - sentAt, throttleTimeMs)
    }),
  )
}

import { NO_SEQUENCE } from '../model/batch.js'
import type { PartitionBatch } from '../model/partition.js'

/**
 * Gives every batch of a request its producer id, epoch and base sequence, and writes them into its bytes. Runs right before the
 * request is sent, in send order, so a batch that expires unsent leaves no gap. A batch that has a sequence keeps it, and its bytes:
 * a retry sends the same bytes again (KIP-98).
 */
export function stamp<R extends { readonly parts: readonly PartitionBatch[] }>(request: R): R {
  for (const { partition, batch } of request.parts) {
    if (batch.baseSequence === NO_SEQUENCE) {
      const { identity } = partition.sequences
      if (identity === undefined) throw new Error('a batch was drained before there was a producer id')
      batch.number(identity, partition.sequences.take(batch.count))
    }
    if (batch.bytes === undefined) batch.stamp()
  }
  return request
}

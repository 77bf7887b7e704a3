import { ErrorCode } from '../../protocol/error-codes.js'
import type { TxnOffsetCommitRequest, TxnOffsetCommitResponse } from '../../protocol/messages/txn-offset-commit.js'
import type { Handler } from '../state/cluster-state.js'
import { groupCoordinatorError } from './groups.js'
import { enter, TXN_OFFSET_COMMIT } from './transactional-writes.js'

/** A transaction's offsets are pending until it commits. Its coordinator is asked before the member is looked at. */
export const handleTxnOffsetCommit: Handler<TxnOffsetCommitRequest, TxnOffsetCommitResponse> = (
  client,
  request,
  version,
) => {
  const { cluster } = client
  const { transactionalId, groupId, memberId, generationId, groupInstanceId, producerId, producerEpoch } = request
  const who = { producerId, producerEpoch }
  const isMissing = (topic: string, partition: number): boolean =>
    cluster.topics.partition(topic, partition) === undefined
  const decide = (): number => {
    const elsewhere = groupCoordinatorError(client)
    if (elsewhere !== ErrorCode.NONE) return elsewhere
    const { offsets } = cluster.group(groupId)
    const stale = offsets.checkEpoch(who)
    if (stale !== ErrorCode.NONE) return stale
    const unverified = offsets.isPending(who)
      ? ErrorCode.NONE
      : enter(cluster, transactionalId, who, { kind: 'group', groupId }, version, TXN_OFFSET_COMMIT)
    return unverified || cluster.group(groupId).checkTxnCommit(memberId, generationId, groupInstanceId)
  }
  const anyThere = request.topics.some(({ name, partitions }) =>
    partitions.some(one => !isMissing(name, one.partitionIndex)),
  )
  const error = anyThere ? decide() : ErrorCode.NONE
  // Older producers did not expect that a coordinator loads its state (KAFKA-7296).
  const loading = error === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS && version < 2
  const code = loading ? ErrorCode.COORDINATOR_NOT_AVAILABLE : error
  return {
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }) => {
        if (isMissing(name, partitionIndex)) return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
        if (code === ErrorCode.NONE) {
          const offset = { offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata: committedMetadata }
          cluster.group(groupId).offsets.commitLater(who, name, partitionIndex, offset)
        }
        return { partitionIndex, errorCode: code }
      }),
    })),
  }
}

import { ErrorCode } from '../../protocol/error-codes.js'
import type {
  TxnOffsetCommitRequest,
  TxnOffsetCommitRequestPartition,
  TxnOffsetCommitResponse,
} from '../../protocol/messages/txn-offset-commit.js'
import type { Client, Handler } from '../state/cluster-state.js'
import { groupCoordinatorError } from './groups.js'
import { partitionFaults } from './partition-faults.js'
import { enter, TXN_OFFSET_COMMIT } from './transactional-writes.js'

/** The offsets of a transaction are pending until it commits. */
export const handleTxnOffsetCommit: Handler<TxnOffsetCommitRequest, TxnOffsetCommitResponse> = (
  client,
  request,
  version,
) => {
  const { topics, offsets } = { topics: client.cluster.topics, offsets: client.cluster.group(request.groupId).offsets }
  const named = request.topics.flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: partition }) => ({ topic, partition })),
  )
  const faults = partitionFaults(client, 'TxnOffsetCommit', request.transactionalId, named)
  const isMissing = (topic: string, partition: number): boolean => topics.partition(topic, partition) === undefined
  const worthwhile = named.some(
    ({ topic, partition }) => !isMissing(topic, partition) && !faults.prevents(topic, partition),
  )
  const ofAll = worthwhile ? refusal(client, request, version) : ErrorCode.NONE
  const commit = (topic: string, partition: TxnOffsetCommitRequestPartition): number => {
    const { partitionIndex: index, committedOffset: offset, committedLeaderEpoch, committedMetadata } = partition
    if (isMissing(topic, index)) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    if (ofAll === ErrorCode.NONE && !faults.prevents(topic, index)) {
      offsets.commitLater(request, topic, index, {
        offset,
        leaderEpoch: committedLeaderEpoch,
        metadata: committedMetadata,
      })
    }
    return faults.codeOf(topic, index) ?? ofAll
  }
  return {
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(one => ({ partitionIndex: one.partitionIndex, errorCode: commit(name, one) })),
    })),
  }
}

/** As in Kafka, the coordinator of the transaction is asked before the member is looked at. */
function refusal(client: Client, request: TxnOffsetCommitRequest, version: number): number {
  const { cluster } = client
  const { transactionalId, groupId, memberId, generationId, groupInstanceId } = request
  const elsewhere = groupCoordinatorError(client)
  if (elsewhere !== ErrorCode.NONE) return elsewhere
  const group = cluster.group(groupId)
  const stale = group.offsets.checkEpoch(request)
  if (stale !== ErrorCode.NONE) return stale
  const unverified = group.offsets.isPending(request)
    ? ErrorCode.NONE
    : enter(cluster, transactionalId, request, { kind: 'group', groupId }, version, TXN_OFFSET_COMMIT)
  // Older producers did not expect that a coordinator loads its state (KAFKA-7296).
  if (unverified === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS && version < 2) return ErrorCode.COORDINATOR_NOT_AVAILABLE
  return unverified || group.checkTxnCommit(memberId, generationId, groupInstanceId)
}

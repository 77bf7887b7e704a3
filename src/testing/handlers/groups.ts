import { ErrorCode } from '../../protocol/error-codes.js'
import type { HeartbeatRequest, HeartbeatResponse } from '../../protocol/messages/heartbeat.js'
import type { JoinGroupRequest, JoinGroupResponse } from '../../protocol/messages/join-group.js'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../../protocol/messages/leave-group.js'
import type {
  OffsetCommitRequest,
  OffsetCommitRequestPartition,
  OffsetCommitResponse,
  OffsetCommitResponsePartition,
} from '../../protocol/messages/offset-commit.js'
import type { OffsetFetchRequest, OffsetFetchResponse } from '../../protocol/messages/offset-fetch.js'
import type { SyncGroupRequest, SyncGroupResponse } from '../../protocol/messages/sync-group.js'
import type { Client, Handler } from '../state/cluster-state.js'
import { joinAnswer, syncAnswer } from '../state/group.js'
import { partitionFaults } from './partition-faults.js'

/*
 * Consumer groups: enough of them for consumers to read what producers have written. The first node that is up coordinates
 * all groups; its state is shared, so a coordinator that takes over has it too. There are no static members.
 */

/** Why this node can't answer for a group. */
export function groupCoordinatorError({ cluster, node }: Client): number {
  return cluster.nodes[0] === node ? ErrorCode.NONE : ErrorCode.NOT_COORDINATOR
}

export const handleJoinGroup: Handler<JoinGroupRequest, JoinGroupResponse> = (client, request, version) => {
  const error = groupCoordinatorError(client)
  if (error !== ErrorCode.NONE) return joinAnswer(error, request.memberId)
  return client.cluster.group(request.groupId).join(request, client.clientId, version >= 4)
}

export const handleSyncGroup: Handler<SyncGroupRequest, SyncGroupResponse> = (client, request) => {
  const error = groupCoordinatorError(client)
  return error === ErrorCode.NONE ? client.cluster.group(request.groupId).sync(request) : syncAnswer(error)
}

export const handleHeartbeat: Handler<HeartbeatRequest, HeartbeatResponse> = (client, request) => ({
  throttleTimeMs: 0,
  errorCode:
    groupCoordinatorError(client) ||
    client.cluster.group(request.groupId).heartbeat(request.memberId, request.generationId),
})

export const handleLeaveGroup: Handler<LeaveGroupRequest, LeaveGroupResponse> = (client, request, version) => {
  const errorCode = groupCoordinatorError(client)
  if (errorCode !== ErrorCode.NONE) return { throttleTimeMs: 0, errorCode, members: [] }
  const group = client.cluster.group(request.groupId)
  if (version < 3) return { throttleTimeMs: 0, errorCode: group.leave(request.memberId), members: [] }
  const members = request.members.map(member => ({ ...member, errorCode: group.leave(member.memberId) }))
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, members }
}

export const handleOffsetCommit: Handler<OffsetCommitRequest, OffsetCommitResponse> = (client, request) => {
  const group = client.cluster.group(request.groupId)
  const error = groupCoordinatorError(client) || group.checkCommit(request.memberId, request.generationIdOrMemberEpoch)
  const commit = (topic: string, partition: OffsetCommitRequestPartition): OffsetCommitResponsePartition => {
    const { partitionIndex, committedOffset: offset, committedLeaderEpoch, committedMetadata: metadata } = partition
    const missing = client.cluster.topics.partition(topic, partitionIndex) === undefined
    const errorCode = error || (missing ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.NONE)
    if (errorCode === ErrorCode.NONE) {
      group.offsets.commit(topic, partitionIndex, { offset, leaderEpoch: committedLeaderEpoch, metadata })
    }
    return { partitionIndex, errorCode }
  }
  return {
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(partition => commit(name, partition)),
    })),
  }
}

export const handleOffsetFetch: Handler<OffsetFetchRequest, OffsetFetchResponse> = (client, request, version) => {
  const { offsets } = client.cluster.group(request.groupId)
  const everything = [...offsets.partitions].map(([name, indexes]) => ({ name, partitionIndexes: [...indexes] }))
  const asked = request.topics ?? everything
  const parts = asked.flatMap(({ name: topic, partitionIndexes }) =>
    partitionIndexes.map(partition => ({ topic, partition })),
  )
  const faults = partitionFaults(client, 'OffsetFetch', null, parts)
  const ofAll = groupCoordinatorError(client) || (faults.ofAll ?? ErrorCode.NONE)
  // The field for an error of the whole group is new in version 2.
  if (ofAll !== ErrorCode.NONE && version >= 2) return { throttleTimeMs: 0, errorCode: ofAll, topics: [] }
  const codeOf = (topic: string, partition: number): number => {
    const unstable = request.requireStable && offsets.isUnstable(topic, partition)
    return ofAll || (faults.codeOf(topic, partition) ?? (unstable ? ErrorCode.UNSTABLE_OFFSET_COMMIT : ErrorCode.NONE))
  }
  const topics = asked.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map(partitionIndex => {
      const errorCode = codeOf(name, partitionIndex)
      const committed = errorCode === ErrorCode.NONE ? offsets.get(name, partitionIndex) : undefined
      return {
        partitionIndex,
        committedOffset: committed?.offset ?? -1n,
        committedLeaderEpoch: committed?.leaderEpoch ?? -1,
        metadata: committed?.metadata ?? '',
        errorCode,
      }
    }),
  }))
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, topics }
}

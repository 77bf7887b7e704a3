import { ErrorCode } from '../protocol/error-codes.js'
import {
  CoordinatorType,
  type FindCoordinatorRequest,
  type FindCoordinatorResponse,
} from '../protocol/find-coordinator.js'
import type { HeartbeatRequest, HeartbeatResponse } from '../protocol/heartbeat.js'
import type { JoinGroupRequest, JoinGroupResponse } from '../protocol/join-group.js'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../protocol/leave-group.js'
import type { OffsetCommitRequest, OffsetCommitResponse } from '../protocol/offset-commit.js'
import type { OffsetFetchRequest, OffsetFetchResponse } from '../protocol/offset-fetch.js'
import type { SyncGroupRequest, SyncGroupResponse } from '../protocol/sync-group.js'
import type { ClusterState, Handler } from './cluster-state.js'

/** Consumer groups: enough of them for consumers to read what producers have written. The first node coordinates all. */

export const handleFindCoordinator: Handler<FindCoordinatorRequest, FindCoordinatorResponse> = (
  { cluster },
  request,
  version,
) => {
  const nodeId = cluster.nodes[0] ?? -1
  const address = cluster.addresses.get(nodeId)
  const supported = request.keyType === CoordinatorType.GROUP && address !== undefined
  const found = {
    errorCode: supported ? ErrorCode.NONE : ErrorCode.COORDINATOR_NOT_AVAILABLE,
    errorMessage: null,
    nodeId: supported ? nodeId : -1,
    host: address?.host ?? '',
    port: address?.port ?? -1,
  }
  const coordinators = version >= 4 ? request.coordinatorKeys.map(key => ({ key, ...found })) : []
  return { throttleTimeMs: 0, ...found, coordinators }
}

export const handleJoinGroup: Handler<JoinGroupRequest, JoinGroupResponse> = ({ cluster, clientId }, request) =>
  cluster.group(request.groupId).join(request, clientId)

export const handleSyncGroup: Handler<SyncGroupRequest, SyncGroupResponse> = ({ cluster }, request) =>
  cluster.group(request.groupId).sync(request)

export const handleHeartbeat: Handler<HeartbeatRequest, HeartbeatResponse> = ({ cluster }, request) => ({
  throttleTimeMs: 0,
  errorCode: cluster.group(request.groupId).heartbeat(request.memberId, request.generationId),
})

export const handleLeaveGroup: Handler<LeaveGroupRequest, LeaveGroupResponse> = ({ cluster }, request, version) => {
  const group = cluster.group(request.groupId)
  if (version < 3) return { throttleTimeMs: 0, errorCode: group.leave(request.memberId), members: [] }
  const members = request.members.map(member => ({ ...member, errorCode: group.leave(member.memberId) }))
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, members }
}

export const handleOffsetCommit: Handler<OffsetCommitRequest, OffsetCommitResponse> = ({ cluster }, request) => {
  const group = cluster.group(request.groupId)
  const errorCode = group.check(request.memberId, request.generationIdOrMemberEpoch)
  return {
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }) => {
        if (errorCode === ErrorCode.NONE) {
          const committed = { offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata: committedMetadata }
          group.offsets.set(`${name}-${partitionIndex}`, committed)
        }
        return { partitionIndex, errorCode }
      }),
    })),
  }
}

export const handleOffsetFetch: Handler<OffsetFetchRequest, OffsetFetchResponse> = ({ cluster }, request) => ({
  throttleTimeMs: 0,
  errorCode: ErrorCode.NONE,
  topics: (request.topics ?? everyPartition(cluster)).map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map(partitionIndex => {
      const committed = cluster.group(request.groupId).offsets.get(`${name}-${partitionIndex}`)
      return {
        partitionIndex,
        committedOffset: committed?.offset ?? -1n,
        committedLeaderEpoch: committed?.leaderEpoch ?? -1,
        metadata: committed?.metadata ?? '',
        errorCode: ErrorCode.NONE,
      }
    }),
  })),
})

function everyPartition(cluster: ClusterState): { name: string; partitionIndexes: number[] }[] {
  return cluster.topics.all.map(({ name, partitions }) => ({ name, partitionIndexes: partitions.map(p => p.index) }))
}

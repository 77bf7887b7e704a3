import { ErrorCode } from '../../protocol/error-codes.js'
import {
  CoordinatorType,
  type FindCoordinatorRequest,
  type FindCoordinatorResponse,
} from '../../protocol/messages/find-coordinator.js'
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
import { type CommittedOffset, joinAnswer, syncAnswer } from '../state/group.js'

/*
 * Consumer groups: enough of them for consumers to read what producers have written. The first node that is up coordinates
 * all; its state is shared, so a coordinator that takes over has it too. There are no static members.
 */

function coordinatorError({ cluster, node }: Client): number {
  return cluster.nodes[0] === node ? ErrorCode.NONE : ErrorCode.NOT_COORDINATOR
}

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

export const handleJoinGroup: Handler<JoinGroupRequest, JoinGroupResponse> = (client, request, version) => {
  const error = coordinatorError(client)
  if (error !== ErrorCode.NONE) return joinAnswer(error, request.memberId)
  return client.cluster.group(request.groupId).join(request, client.clientId, version >= 4)
}

export const handleSyncGroup: Handler<SyncGroupRequest, SyncGroupResponse> = (client, request) => {
  const error = coordinatorError(client)
  return error === ErrorCode.NONE ? client.cluster.group(request.groupId).sync(request) : syncAnswer(error)
}

export const handleHeartbeat: Handler<HeartbeatRequest, HeartbeatResponse> = (client, request) => ({
  throttleTimeMs: 0,
  errorCode:
    coordinatorError(client) || client.cluster.group(request.groupId).heartbeat(request.memberId, request.generationId),
})

export const handleLeaveGroup: Handler<LeaveGroupRequest, LeaveGroupResponse> = (client, request, version) => {
  const errorCode = coordinatorError(client)
  if (errorCode !== ErrorCode.NONE) return { throttleTimeMs: 0, errorCode, members: [] }
  const group = client.cluster.group(request.groupId)
  if (version < 3) return { throttleTimeMs: 0, errorCode: group.leave(request.memberId), members: [] }
  const members = request.members.map(member => ({ ...member, errorCode: group.leave(member.memberId) }))
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, members }
}

export const handleOffsetCommit: Handler<OffsetCommitRequest, OffsetCommitResponse> = (client, request) => {
  const group = client.cluster.group(request.groupId)
  const error = coordinatorError(client) || group.checkCommit(request.memberId, request.generationIdOrMemberEpoch)
  const commit = (topic: string, partition: OffsetCommitRequestPartition): OffsetCommitResponsePartition => {
    const { partitionIndex, committedOffset: offset, committedLeaderEpoch, committedMetadata: metadata } = partition
    const missing = client.cluster.topics.partition(topic, partitionIndex) === undefined
    const errorCode = error || (missing ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.NONE)
    if (errorCode === ErrorCode.NONE) {
      const committed = group.offsets.get(topic) ?? new Map<number, CommittedOffset>()
      group.offsets.set(topic, committed.set(partitionIndex, { offset, leaderEpoch: committedLeaderEpoch, metadata }))
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

export const handleOffsetFetch: Handler<OffsetFetchRequest, OffsetFetchResponse> = (client, request) => {
  const errorCode = coordinatorError(client)
  const { offsets } = client.cluster.group(request.groupId)
  const everything = [...offsets].map(([name, committed]) => ({ name, partitionIndexes: [...committed.keys()] }))
  const topics = (request.topics ?? everything).map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map(partitionIndex => {
      const committed = errorCode === ErrorCode.NONE ? offsets.get(name)?.get(partitionIndex) : undefined
      return {
        partitionIndex,
        committedOffset: committed?.offset ?? -1n,
        committedLeaderEpoch: committed?.leaderEpoch ?? -1,
        metadata: committed?.metadata ?? '',
        errorCode,
      }
    }),
  }))
  return { throttleTimeMs: 0, errorCode, topics }
}

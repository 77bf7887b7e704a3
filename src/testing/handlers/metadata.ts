import { describe } from '../../errors.js'
import { ErrorCode } from '../../protocol/error-codes.js'
import type {
  CreatableTopic,
  CreatableTopicResult,
  CreateTopicsRequest,
  CreateTopicsResponse,
} from '../../protocol/messages/create-topics.js'
import {
  type MetadataRequest,
  type MetadataResponse,
  type MetadataResponseTopic,
  NO_AUTHORIZED_OPERATIONS,
} from '../../protocol/messages/metadata.js'
import { ZERO_UUID } from '../../protocol/wire/uuid.js'
import type { ClusterState, Handler } from '../state/cluster-state.js'
import { isTopicName, MAX_PARTITIONS, type TopicOptions, type TopicState } from '../state/topics.js'

export const handleMetadata: Handler<MetadataRequest, MetadataResponse> = ({ cluster }, request) => ({
  throttleTimeMs: 0,
  brokers: cluster.nodes.map(nodeId => ({ nodeId, ...cluster.addresses.get(nodeId)!, rack: null })),
  clusterId: cluster.clusterId,
  controllerId: cluster.nodes[0] ?? -1,
  clusterAuthorizedOperations: NO_AUTHORIZED_OPERATIONS,
  errorCode: ErrorCode.NONE,
  topics:
    request.topics === null
      ? cluster.topics.all.map(topic => describeTopic(cluster, topic))
      : request.topics.map(({ name, topicId }) => findTopic(cluster, name, topicId, request.allowAutoTopicCreation)),
})

function findTopic(cluster: ClusterState, name: string | null, id: Buffer, mayCreate: boolean): MetadataResponseTopic {
  const topic = name === null ? cluster.topics.byId(id) : cluster.topics.get(name)
  if (topic !== undefined && cluster.now() >= topic.availableAt) return describeTopic(cluster, topic)
  const missing = (errorCode: number): MetadataResponseTopic => ({
    errorCode,
    name,
    // A topic that was requested by id is returned with its id.
    topicId: name === null ? id : ZERO_UUID,
    isInternal: false,
    partitions: [],
    topicAuthorizedOperations: NO_AUTHORIZED_OPERATIONS,
  })
  if (topic !== undefined) return missing(ErrorCode.LEADER_NOT_AVAILABLE)
  if (name === null) return missing(ErrorCode.UNKNOWN_TOPIC_ID)
  if (!isTopicName(name)) return missing(ErrorCode.INVALID_TOPIC_EXCEPTION)
  if (!mayCreate || !cluster.options.autoCreateTopics) return missing(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  // The answer that brings a topic about does not know its leaders yet.
  cluster.createTopic(name).availableAt = cluster.now() + cluster.options.leaderElectionMs
  return missing(ErrorCode.LEADER_NOT_AVAILABLE)
}

function describeTopic(cluster: ClusterState, topic: TopicState): MetadataResponseTopic {
  const { nodes } = cluster
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: false,
    topicAuthorizedOperations: NO_AUTHORIZED_OPERATIONS,
    partitions: topic.partitions.map(({ index, leader, leaderEpoch }) => ({
      errorCode: leader === -1 ? ErrorCode.LEADER_NOT_AVAILABLE : ErrorCode.NONE,
      partitionIndex: index,
      leaderId: leader,
      leaderEpoch,
      replicaNodes: nodes,
      isrNodes: nodes,
      offlineReplicas: [],
    })),
  }
}

export const handleCreateTopics: Handler<CreateTopicsRequest, CreateTopicsResponse> = ({ cluster }, request) => ({
  throttleTimeMs: 0,
  topics: request.topics.map(topic => createOne(cluster, topic, request.validateOnly)),
})

function createOne(
  cluster: ClusterState,
  { name, numPartitions, assignments, configs }: CreatableTopic,
  validateOnly: boolean,
): CreatableTopicResult {
  const asked = assignments.length > 0 ? assignments.length : numPartitions
  const partitions = asked === -1 ? cluster.options.defaultPartitions : asked
  const result = (
    errorCode: number,
    errorMessage: string | null,
    topicId: Buffer = ZERO_UUID,
  ): CreatableTopicResult => ({
    name,
    topicId,
    errorCode,
    errorMessage,
    numPartitions: errorCode === ErrorCode.NONE ? partitions : -1,
    replicationFactor: errorCode === ErrorCode.NONE ? cluster.nodes.length : -1,
    configs: [],
  })
  if (cluster.topics.get(name) !== undefined)
    return result(ErrorCode.TOPIC_ALREADY_EXISTS, `topic '${name}' exists already`)
  if (!isTopicName(name)) return result(ErrorCode.INVALID_TOPIC_EXCEPTION, `'${name}' is not a valid topic name`)
  if (partitions < 1)
    return result(ErrorCode.INVALID_PARTITIONS, `a topic needs 1 partition at least, not ${partitions}`)
  if (partitions > MAX_PARTITIONS)
    return result(
      ErrorCode.INVALID_PARTITIONS,
      `a topic has ${MAX_PARTITIONS} partitions at most here, not ${partitions}`,
    )
  if (validateOnly) return result(ErrorCode.NONE, null)
  try {
    return result(ErrorCode.NONE, null, cluster.createTopic(name, { partitions, ...optionsOf(configs) }).id)
  } catch (error) {
    return result(ErrorCode.INVALID_REQUEST, describe(error))
  }
}

/** Returns the topic settings that this broker supports. */
function optionsOf(configs: CreatableTopic['configs']): TopicOptions {
  const settings = new Map(configs.map(({ name, value }) => [name, value]))
  const milliseconds = (name: string): number => Number(settings.get(name) ?? Number.POSITIVE_INFINITY)
  return {
    logAppendTime: settings.get('message.timestamp.type') === 'LogAppendTime',
    // It may be a list: compact,delete.
    cleanupPolicy: settings.get('cleanup.policy')?.includes('compact') ? 'compact' : 'delete',
    messageTimestampBeforeMaxMs: milliseconds('message.timestamp.before.max.ms'),
    messageTimestampAfterMaxMs: milliseconds('message.timestamp.after.max.ms'),
  }
}

import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import { ZERO_UUID } from '../wire/uuid.js'
import type { Writer } from '../wire/writer.js'

/*
 * MetadataRequest (key 3, versions 4 to 13; flexible from 9)
 *   [MetadataRequestTopic](null = all topics) AllowAutoTopicCreation(BOOLEAN)
 *   IncludeClusterAuthorizedOperations(BOOLEAN, 8 to 10) IncludeTopicAuthorizedOperations(BOOLEAN, 8+)
 *   MetadataRequestTopic => TopicId(UUID, 10+) Name(STRING, nullable 10+)
 *
 * MetadataResponse
 *   ThrottleTimeMs(INT32) [MetadataResponseBroker] ClusterId(NULLABLE_STRING) ControllerId(INT32)
 *   [MetadataResponseTopic] ClusterAuthorizedOperations(INT32, 8 to 10) ErrorCode(INT16, 13+)
 *   MetadataResponseBroker    => NodeId(INT32) Host(STRING) Port(INT32) Rack(NULLABLE_STRING)
 *   MetadataResponseTopic     => ErrorCode(INT16) Name(STRING, nullable 12+) TopicId(UUID, 10+) IsInternal(BOOLEAN)
 *                                [MetadataResponsePartition] TopicAuthorizedOperations(INT32, 8+)
 *   MetadataResponsePartition => ErrorCode(INT16) PartitionIndex(INT32) LeaderId(INT32) LeaderEpoch(INT32, 7+)
 *                                [ReplicaNodes(INT32)] [IsrNodes(INT32)] [OfflineReplicas(INT32), 5+]
 *
 * Version 4 is the first that can say whether a topic may be created. Asking by topic id works from version 12 on.
 * From version 13 on a broker can send its clients back to their bootstrap list (REBOOTSTRAP_REQUIRED, KIP-1102).
 */

/** The value of authorized operations that were not requested: the smallest INT32. */
export const NO_AUTHORIZED_OPERATIONS = -2147483648

export interface MetadataRequestTopic {
  /** All zeros unless the topic is requested by id. */
  topicId: Buffer
  /** null only from version 10 on. */
  name: string | null
}

export interface MetadataRequest {
  /** null asks for all topics, an empty array for none. */
  topics: MetadataRequestTopic[] | null
  allowAutoTopicCreation: boolean
  includeClusterAuthorizedOperations: boolean
  includeTopicAuthorizedOperations: boolean
}

export interface MetadataResponseBroker {
  nodeId: number
  host: string
  port: number
  rack: string | null
}

export interface MetadataResponsePartition {
  errorCode: number
  partitionIndex: number
  /** -1 where there is no leader. */
  leaderId: number
  /** -1 before version 7. */
  leaderEpoch: number
  replicaNodes: number[]
  isrNodes: number[]
  /** Empty before version 5. */
  offlineReplicas: number[]
}

export interface MetadataResponseTopic {
  errorCode: number
  /** null only from version 12 on, for a topic id that the broker does not know. */
  name: string | null
  /** All zeros before version 10. */
  topicId: Buffer
  isInternal: boolean
  partitions: MetadataResponsePartition[]
  topicAuthorizedOperations: number
}

export interface MetadataResponse {
  throttleTimeMs: number
  brokers: MetadataResponseBroker[]
  clusterId: string | null
  /** -1 where the broker knows of none. */
  controllerId: number
  topics: MetadataResponseTopic[]
  clusterAuthorizedOperations: number
  /** Of the whole request. 0 before version 13. */
  errorCode: number
}

/** The fields that a producer reads. */
export type LeaderMetadata = MetadataOf<PartitionLeader>

type PartitionLeader = Pick<MetadataResponsePartition, 'partitionIndex' | 'leaderId' | 'leaderEpoch'>
type TopicOf<P> = Omit<MetadataResponseTopic, 'partitions'> & { partitions: P[] }
type MetadataOf<P> = Omit<MetadataResponse, 'topics'> & { topics: TopicOf<P>[] }

export const metadata: Api<MetadataRequest, MetadataResponse> = {
  key: 3,
  name: 'Metadata',
  minVersion: 4,
  maxVersion: 13,
  firstFlexibleVersion: 9,

  encodeRequest(writer: Writer, request: MetadataRequest, version: number): void {
    writer.nullableArray(request.topics, topic => {
      if (version >= 10) writer.uuid(topic.topicId).nullableString(topic.name)
      else writer.string(topic.name ?? '')
      writer.tags()
    })
    writer.boolean(request.allowAutoTopicCreation)
    if (version >= 8 && version <= 10) writer.boolean(request.includeClusterAuthorizedOperations)
    if (version >= 8) writer.boolean(request.includeTopicAuthorizedOperations)
    writer.tags()
  },

  decodeRequest(reader: Reader, version: number): MetadataRequest {
    const request: MetadataRequest = {
      topics: reader.nullableArray(() => {
        const topic: MetadataRequestTopic = {
          topicId: version >= 10 ? reader.uuid() : ZERO_UUID,
          name: version >= 10 ? reader.nullableString() : reader.string(),
        }
        reader.tags()
        return topic
      }),
      allowAutoTopicCreation: reader.boolean(),
      includeClusterAuthorizedOperations: version >= 8 && version <= 10 && reader.boolean(),
      includeTopicAuthorizedOperations: version >= 8 && reader.boolean(),
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: MetadataResponse, version: number): void {
    writer
      .int32(response.throttleTimeMs)
      .structs(response.brokers, broker => {
        writer.int32(broker.nodeId).string(broker.host).int32(broker.port).nullableString(broker.rack)
      })
      .nullableString(response.clusterId)
      .int32(response.controllerId)
      .array(response.topics, topic => encodeTopic(writer, topic, version))
    if (version >= 8 && version <= 10) writer.int32(response.clusterAuthorizedOperations)
    if (version >= 13) writer.int16(response.errorCode)
    writer.tags()
  },

  decodeResponse: (reader, version) => decodeResponse(reader, version, decodePartition),
}

/**
 * The same, of whose answer only what a producer looks at is decoded. An answer may name hundreds of thousands of partitions,
 * and to keep the replicas of each would take a second and most of a gigabyte. What follows the last field is passed over:
 * librdkafka's mock cluster adds a byte.
 */
export const leaderMetadata: Api<MetadataRequest, LeaderMetadata> = {
  ...metadata,
  decodeResponse: (reader, version) => {
    const response = decodeResponse(reader, version, decodeLeader)
    reader.skipRest()
    return response
  },
}

function decodeResponse<P>(
  reader: Reader,
  version: number,
  readPartition: (reader: Reader, version: number) => P,
): MetadataOf<P> {
  const response = {
    throttleTimeMs: reader.int32(),
    brokers: reader.structs<MetadataResponseBroker>(() => ({
      nodeId: reader.int32(),
      host: reader.string(),
      port: reader.int32(),
      rack: reader.nullableString(),
    })),
    clusterId: reader.nullableString(),
    controllerId: reader.int32(),
    topics: reader.array(() => decodeTopic(reader, version, readPartition)),
    clusterAuthorizedOperations: version >= 8 && version <= 10 ? reader.int32() : NO_AUTHORIZED_OPERATIONS,
    errorCode: version >= 13 ? reader.int16() : 0,
  }
  reader.tags()
  return response
}

function encodeTopic(writer: Writer, topic: MetadataResponseTopic, version: number): void {
  writer.int16(topic.errorCode)
  if (version >= 12) writer.nullableString(topic.name)
  else writer.string(topic.name ?? '')
  if (version >= 10) writer.uuid(topic.topicId)
  writer.boolean(topic.isInternal).structs(topic.partitions, partition => {
    writer.int16(partition.errorCode).int32(partition.partitionIndex).int32(partition.leaderId)
    if (version >= 7) writer.int32(partition.leaderEpoch)
    writer
      .array(partition.replicaNodes, node => writer.int32(node))
      .array(partition.isrNodes, node => writer.int32(node))
    if (version >= 5) writer.array(partition.offlineReplicas, node => writer.int32(node))
  })
  if (version >= 8) writer.int32(topic.topicAuthorizedOperations)
  writer.tags()
}

function decodeTopic<P>(
  reader: Reader,
  version: number,
  readPartition: (reader: Reader, version: number) => P,
): TopicOf<P> {
  const topic = {
    errorCode: reader.int16(),
    name: version >= 12 ? reader.nullableString() : reader.string(),
    topicId: version >= 10 ? reader.uuid() : ZERO_UUID,
    isInternal: reader.boolean(),
    partitions: reader.array(() => readPartition(reader, version)),
    topicAuthorizedOperations: version >= 8 ? reader.int32() : NO_AUTHORIZED_OPERATIONS,
  }
  reader.tags()
  return topic
}

function decodePartition(reader: Reader, version: number): MetadataResponsePartition {
  const partition: MetadataResponsePartition = {
    errorCode: reader.int16(),
    partitionIndex: reader.int32(),
    leaderId: reader.int32(),
    leaderEpoch: version >= 7 ? reader.int32() : -1,
    replicaNodes: reader.array(() => reader.int32()),
    isrNodes: reader.array(() => reader.int32()),
    offlineReplicas: version >= 5 ? reader.array(() => reader.int32()) : [],
  }
  reader.tags()
  return partition
}

function decodeLeader(reader: Reader, version: number): PartitionLeader {
  reader.int16()
  const leader: PartitionLeader = {
    partitionIndex: reader.int32(),
    leaderId: reader.int32(),
    leaderEpoch: version >= 7 ? reader.int32() : -1,
  }
  for (let arrays = version >= 5 ? 3 : 2; arrays > 0; arrays--) reader.skipInt32Array()
  reader.tags()
  return leader
}

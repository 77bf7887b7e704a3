import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import { ZERO_UUID } from '../wire/uuid.js'
import type { Writer } from '../wire/writer.js'

/*
 * CreateTopicsRequest (key 19, versions 2 to 7; flexible from 5)
 *   [CreatableTopic] TimeoutMs(INT32) ValidateOnly(BOOLEAN)
 *   CreatableTopic             => Name(STRING) NumPartitions(INT32) ReplicationFactor(INT16)
 *                                 [CreatableReplicaAssignment] [CreatableTopicConfig]
 *   CreatableReplicaAssignment => PartitionIndex(INT32) [BrokerId(INT32)]
 *   CreatableTopicConfig       => Name(STRING) Value(NULLABLE_STRING)
 *
 * CreateTopicsResponse
 *   ThrottleTimeMs(INT32) [CreatableTopicResult]
 *   CreatableTopicResult  => Name(STRING) TopicId(UUID, 7+) ErrorCode(INT16) ErrorMessage(NULLABLE_STRING)
 *                            NumPartitions(INT32, 5+) ReplicationFactor(INT16, 5+) [CreatableTopicConfigs](nullable, 5+)
 *   CreatableTopicConfigs => Name(STRING) Value(NULLABLE_STRING) ReadOnly(BOOLEAN) ConfigSource(INT8)
 *                            IsSensitive(BOOLEAN)
 *
 * From version 4 on -1 asks for the broker's default partitions or replication factor (KIP-464). Version 6 differs from 5
 * only in an error code. The tagged field TopicConfigErrorCode (5+) is skipped.
 */

export interface CreatableReplicaAssignment {
  partitionIndex: number
  brokerIds: number[]
}

export interface CreatableTopicConfig {
  name: string
  value: string | null
}

export interface CreatableTopic {
  name: string
  /** -1 with `assignments`, or for the broker's default (version 4 and later). */
  numPartitions: number
  /** As `numPartitions`. */
  replicationFactor: number
  /** Empty to leave the placement to the cluster. */
  assignments: CreatableReplicaAssignment[]
  configs: CreatableTopicConfig[]
}

export interface CreateTopicsRequest {
  topics: CreatableTopic[]
  timeoutMs: number
  /** Only check whether the topics could be created. */
  validateOnly: boolean
}

export interface CreatableTopicConfigs {
  name: string
  value: string | null
  readOnly: boolean
  configSource: number
  isSensitive: boolean
}

export interface CreatableTopicResult {
  name: string
  /** All zeros before version 7. */
  topicId: Buffer
  errorCode: number
  errorMessage: string | null
  /** -1 before version 5. */
  numPartitions: number
  /** -1 before version 5. */
  replicationFactor: number
  /** null where the caller may not see them; empty before version 5. */
  configs: CreatableTopicConfigs[] | null
}

export interface CreateTopicsResponse {
  throttleTimeMs: number
  topics: CreatableTopicResult[]
}

export const createTopics: Api<CreateTopicsRequest, CreateTopicsResponse> = {
  key: 19,
  name: 'CreateTopics',
  minVersion: 2,
  maxVersion: 7,
  firstFlexibleVersion: 5,

  encodeRequest(writer: Writer, request: CreateTopicsRequest): void {
    writer
      .structs(request.topics, topic => {
        writer
          .string(topic.name)
          .int32(topic.numPartitions)
          .int16(topic.replicationFactor)
          .structs(topic.assignments, assignment => {
            writer.int32(assignment.partitionIndex).array(assignment.brokerIds, id => writer.int32(id))
          })
          .structs(topic.configs, config => {
            writer.string(config.name).nullableString(config.value)
          })
      })
      .int32(request.timeoutMs)
      .boolean(request.validateOnly)
      .tags()
  },

  decodeRequest(reader: Reader): CreateTopicsRequest {
    const request: CreateTopicsRequest = {
      topics: reader.array(() => decodeCreatableTopic(reader)),
      timeoutMs: reader.int32(),
      validateOnly: reader.boolean(),
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: CreateTopicsResponse, version: number): void {
    writer
      .int32(response.throttleTimeMs)
      .structs(response.topics, topic => {
        writer.string(topic.name)
        if (version >= 7) writer.uuid(topic.topicId)
        writer.int16(topic.errorCode).nullableString(topic.errorMessage)
        if (version >= 5) {
          writer
            .int32(topic.numPartitions)
            .int16(topic.replicationFactor)
            .nullableArray(topic.configs, config => {
              writer
                .string(config.name)
                .nullableString(config.value)
                .boolean(config.readOnly)
                .int8(config.configSource)
                .boolean(config.isSensitive)
                .tags()
            })
        }
      })
      .tags()
  },

  decodeResponse(reader: Reader, version: number): CreateTopicsResponse {
    const response: CreateTopicsResponse = {
      throttleTimeMs: reader.int32(),
      topics: reader.structs<CreatableTopicResult>(() => ({
        name: reader.string(),
        topicId: version >= 7 ? reader.uuid() : ZERO_UUID,
        errorCode: reader.int16(),
        errorMessage: reader.nullableString(),
        numPartitions: version >= 5 ? reader.int32() : -1,
        replicationFactor: version >= 5 ? reader.int16() : -1,
        configs: version >= 5 ? reader.nullableArray(() => decodeResultConfig(reader)) : [],
      })),
    }
    reader.tags()
    return response
  },
}

function decodeCreatableTopic(reader: Reader): CreatableTopic {
  const topic: CreatableTopic = {
    name: reader.string(),
    numPartitions: reader.int32(),
    replicationFactor: reader.int16(),
    assignments: reader.structs<CreatableReplicaAssignment>(() => ({
      partitionIndex: reader.int32(),
      brokerIds: reader.array(() => reader.int32()),
    })),
    configs: reader.structs<CreatableTopicConfig>(() => ({ name: reader.string(), value: reader.nullableString() })),
  }
  reader.tags()
  return topic
}

function decodeResultConfig(reader: Reader): CreatableTopicConfigs {
  const config: CreatableTopicConfigs = {
    name: reader.string(),
    value: reader.nullableString(),
    readOnly: reader.boolean(),
    configSource: reader.int8(),
    isSensitive: reader.boolean(),
  }
  reader.tags()
  return config
}

import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import { ZERO_UUID } from '../wire/uuid.js'
import type { TaggedField, Writer } from '../wire/writer.js'

/*
 * ProduceRequest (key 0, versions 3 to 13; flexible from 9)
 *   TransactionalId(NULLABLE_STRING) Acks(INT16) TimeoutMs(INT32) [TopicData]
 *   TopicData     => Name(STRING, to 12) TopicId(UUID, 13+) [PartitionData]
 *   PartitionData => Index(INT32) Records(RECORDS)
 *
 * ProduceResponse
 *   [TopicProduceResponse] ThrottleTimeMs(INT32) tag 0: [NodeEndpoint](10+)
 *   TopicProduceResponse     => Name(STRING, to 12) TopicId(UUID, 13+) [PartitionProduceResponse]
 *   PartitionProduceResponse => Index(INT32) ErrorCode(INT16) BaseOffset(INT64) LogAppendTimeMs(INT64)
 *                               LogStartOffset(INT64, 5+) [BatchIndexAndErrorMessage](8+) ErrorMessage(NULLABLE_STRING, 8+)
 *                               tag 0: CurrentLeader(10+)
 *   BatchIndexAndErrorMessage => BatchIndex(INT32) BatchIndexErrorMessage(NULLABLE_STRING)
 *   CurrentLeader             => LeaderId(INT32) LeaderEpoch(INT32)
 *   NodeEndpoint              => NodeId(INT32) Host(STRING) Port(INT32) Rack(NULLABLE_STRING)
 *
 * Version 3 is the first that carries record batches of magic 2, which idempotence (KIP-98) needs. Version 10 names the new leader with
 * NOT_LEADER_OR_FOLLOWER (KIP-951). Version 12 differs from 11 only for transactions (KIP-890). Version 13 names topics by id (KIP-516).
 */

export interface ProducePartitionData {
  index: number
  /** One record batch; kept by reference when encoded. */
  records: Uint8Array | null
}

export interface ProduceTopicData {
  /** The empty string from version 13 on, which uses `topicId`. */
  name: string
  /** Zeros before version 13. */
  topicId: Buffer
  partitionData: ProducePartitionData[]
}

export interface ProduceRequest {
  transactionalId: string | null
  acks: number
  timeoutMs: number
  topicData: ProduceTopicData[]
}

export interface BatchIndexAndErrorMessage {
  batchIndex: number
  batchIndexErrorMessage: string | null
}

/** The leader of a partition that the broker does not lead (KIP-951); -1: it does not say. */
export interface LeaderIdAndEpoch {
  leaderId: number
  leaderEpoch: number
}

export interface NodeEndpoint {
  nodeId: number
  host: string
  port: number
  rack: string | null
}

export interface PartitionProduceResponse {
  index: number
  errorCode: number
  baseOffset: bigint
  /** -1 where the topic uses the producer's timestamps. */
  logAppendTimeMs: bigint
  /** -1 before version 5. */
  logStartOffset: bigint
  recordErrors: BatchIndexAndErrorMessage[]
  errorMessage: string | null
  currentLeader: LeaderIdAndEpoch
}

export interface TopicProduceResponse {
  name: string
  topicId: Buffer
  partitionResponses: PartitionProduceResponse[]
}

export interface ProduceResponse {
  responses: TopicProduceResponse[]
  throttleTimeMs: number
  /** The addresses of the leaders that the response names. */
  nodeEndpoints: NodeEndpoint[]
}

/** Where the broker names no other leader. Shared: do not write to it. */
export const NO_LEADER: LeaderIdAndEpoch = { leaderId: -1, leaderEpoch: -1 }

/** The first version that names topics by id. */
const BY_ID = 13

export const produce: Api<ProduceRequest, ProduceResponse> = {
  key: 0,
  name: 'Produce',
  minVersion: 3,
  maxVersion: 13,
  firstFlexibleVersion: 9,

  encodeRequest(writer: Writer, request: ProduceRequest, version: number): void {
    writer
      .nullableString(request.transactionalId)
      .int16(request.acks)
      .int32(request.timeoutMs)
      .structs(request.topicData, topic => {
        nameTopic(writer, topic, version).structs(topic.partitionData, partition => {
          writer.int32(partition.index).records(partition.records)
        })
      })
      .tags()
  },

  decodeRequest(reader: Reader, version: number): ProduceRequest {
    const request: ProduceRequest = {
      transactionalId: reader.nullableString(),
      acks: reader.int16(),
      timeoutMs: reader.int32(),
      topicData: reader.structs<ProduceTopicData>(() => ({
        name: version >= BY_ID ? '' : reader.string(),
        topicId: version >= BY_ID ? reader.uuid() : ZERO_UUID,
        partitionData: reader.structs(() => ({ index: reader.int32(), records: reader.nullableBytes() })),
      })),
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: ProduceResponse, version: number): void {
    writer
      .structs(response.responses, topic => {
        nameTopic(writer, topic, version).array(topic.partitionResponses, partition => {
          writer
            .int32(partition.index)
            .int16(partition.errorCode)
            .int64(partition.baseOffset)
            .int64(partition.logAppendTimeMs)
          if (version >= 5) writer.int64(partition.logStartOffset)
          if (version >= 8) {
            writer
              .structs(partition.recordErrors, error => {
                writer.int32(error.batchIndex).nullableString(error.batchIndexErrorMessage)
              })
              .nullableString(partition.errorMessage)
          }
          writer.tags(version >= 10 && partition.currentLeader.leaderId !== -1 ? leaderTag(partition) : undefined)
        })
      })
      .int32(response.throttleTimeMs)
      .tags(version >= 10 && response.nodeEndpoints.length > 0 ? endpointsTag(response) : undefined)
  },

  decodeResponse(reader: Reader, version: number): ProduceResponse {
    const response: ProduceResponse = {
      responses: reader.structs<TopicProduceResponse>(() => ({
        name: version >= BY_ID ? '' : reader.string(),
        topicId: version >= BY_ID ? reader.uuid() : ZERO_UUID,
        partitionResponses: reader.array(() => decodePartitionResponse(reader, version)),
      })),
      throttleTimeMs: reader.int32(),
      nodeEndpoints: [],
    }
    const endpoints = reader.taggedField(0)
    if (endpoints !== undefined && version >= 10) response.nodeEndpoints = readEndpoints(endpoints)
    return response
  },
}

function decodePartitionResponse(reader: Reader, version: number): PartitionProduceResponse {
  const partition: PartitionProduceResponse = {
    index: reader.int32(),
    errorCode: reader.int16(),
    baseOffset: reader.int64(),
    logAppendTimeMs: reader.int64(),
    logStartOffset: version >= 5 ? reader.int64() : -1n,
    recordErrors:
      version >= 8
        ? reader.structs(() => ({ batchIndex: reader.int32(), batchIndexErrorMessage: reader.nullableString() }))
        : [],
    errorMessage: version >= 8 ? reader.nullableString() : null,
    currentLeader: NO_LEADER,
  }
  const leader = reader.taggedField(0)
  if (leader !== undefined && version >= 10) {
    partition.currentLeader = { leaderId: leader.int32(), leaderEpoch: leader.int32() }
    leader.tags()
  }
  return partition
}

function nameTopic(writer: Writer, { name, topicId }: { name: string; topicId: Buffer }, version: number): Writer {
  return version >= BY_ID ? writer.uuid(topicId) : writer.string(name)
}

function leaderTag({ currentLeader: { leaderId, leaderEpoch } }: PartitionProduceResponse): TaggedField[] {
  return [{ tag: 0, write: writer => writer.int32(leaderId).int32(leaderEpoch).tags() }]
}

function endpointsTag({ nodeEndpoints }: ProduceResponse): TaggedField[] {
  const write = (writer: Writer): void => {
    writer.structs(nodeEndpoints, ({ nodeId, host, port, rack }) => {
      writer.int32(nodeId).string(host).int32(port).nullableString(rack)
    })
  }
  return [{ tag: 0, write }]
}

function readEndpoints(reader: Reader): NodeEndpoint[] {
  return reader.structs(() => ({
    nodeId: reader.int32(),
    host: reader.string(),
    port: reader.int32(),
    rack: reader.nullableString(),
  }))
}

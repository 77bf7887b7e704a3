import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * ListOffsetsRequest (key 2, versions 1 to 7; flexible from 6)
 *   ReplicaId(INT32) IsolationLevel(INT8, 2+) [ListOffsetsTopic]
 *   ListOffsetsTopic     => Name(STRING) [ListOffsetsPartition]
 *   ListOffsetsPartition => PartitionIndex(INT32) CurrentLeaderEpoch(INT32, 4+) Timestamp(INT64)
 *
 * ListOffsetsResponse
 *   ThrottleTimeMs(INT32, 2+) [ListOffsetsTopicResponse]
 *   ListOffsetsTopicResponse     => Name(STRING) [ListOffsetsPartitionResponse]
 *   ListOffsetsPartitionResponse => PartitionIndex(INT32) ErrorCode(INT16) Timestamp(INT64) Offset(INT64)
 *                                   LeaderEpoch(INT32, 4+)
 *
 * Version 7 differs from 6 only in a timestamp it accepts.
 */

/** Timestamps that request a position instead of a time. */
export const LATEST_TIMESTAMP = -1n
export const EARLIEST_TIMESTAMP = -2n
/** The record with the highest timestamp; version 7 and later (KIP-734). */
export const MAX_TIMESTAMP = -3n

export interface ListOffsetsPartition {
  partitionIndex: number
  /** -1 where it is not known, and before version 4. */
  currentLeaderEpoch: number
  /** Milliseconds since 1970, or one of the constants above. */
  timestamp: bigint
}

export interface ListOffsetsTopic {
  name: string
  partitions: ListOffsetsPartition[]
}

export interface ListOffsetsRequest {
  /** -1 for clients. */
  replicaId: number
  /** 0 read uncommitted, 1 read committed. */
  isolationLevel: number
  topics: ListOffsetsTopic[]
}

export interface ListOffsetsPartitionResponse {
  partitionIndex: number
  errorCode: number
  /** -1 if the request names a position. */
  timestamp: bigint
  /** -1 where nothing was found. */
  offset: bigint
  /** -1 before version 4. */
  leaderEpoch: number
}

export interface ListOffsetsTopicResponse {
  name: string
  partitions: ListOffsetsPartitionResponse[]
}

export interface ListOffsetsResponse {
  throttleTimeMs: number
  topics: ListOffsetsTopicResponse[]
}

export const listOffsets: Api<ListOffsetsRequest, ListOffsetsResponse> = {
  key: 2,
  name: 'ListOffsets',
  minVersion: 1,
  maxVersion: 7,
  firstFlexibleVersion: 6,

  encodeRequest(writer: Writer, request: ListOffsetsRequest, version: number): void {
    writer.int32(request.replicaId)
    if (version >= 2) writer.int8(request.isolationLevel)
    writer
      .structs(request.topics, topic => {
        writer.string(topic.name).structs(topic.partitions, partition => {
          writer.int32(partition.partitionIndex)
          if (version >= 4) writer.int32(partition.currentLeaderEpoch)
          writer.int64(partition.timestamp)
        })
      })
      .tags()
  },

  decodeRequest(reader: Reader, version: number): ListOffsetsRequest {
    const request: ListOffsetsRequest = {
      replicaId: reader.int32(),
      isolationLevel: version >= 2 ? reader.int8() : 0,
      topics: reader.structs<ListOffsetsTopic>(() => ({
        name: reader.string(),
        partitions: reader.structs<ListOffsetsPartition>(() => ({
          partitionIndex: reader.int32(),
          currentLeaderEpoch: version >= 4 ? reader.int32() : -1,
          timestamp: reader.int64(),
        })),
      })),
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: ListOffsetsResponse, version: number): void {
    if (version >= 2) writer.int32(response.throttleTimeMs)
    writer
      .structs(response.topics, topic => {
        writer.string(topic.name).structs(topic.partitions, partition => {
          writer
            .int32(partition.partitionIndex)
            .int16(partition.errorCode)
            .int64(partition.timestamp)
            .int64(partition.offset)
          if (version >= 4) writer.int32(partition.leaderEpoch)
        })
      })
      .tags()
  },

  decodeResponse(reader: Reader, version: number): ListOffsetsResponse {
    const response: ListOffsetsResponse = {
      throttleTimeMs: version >= 2 ? reader.int32() : 0,
      topics: reader.structs<ListOffsetsTopicResponse>(() => ({
        name: reader.string(),
        partitions: reader.structs<ListOffsetsPartitionResponse>(() => ({
          partitionIndex: reader.int32(),
          errorCode: reader.int16(),
          timestamp: reader.int64(),
          offset: reader.int64(),
          leaderEpoch: version >= 4 ? reader.int32() : -1,
        })),
      })),
    }
    reader.tags()
    return response
  },
}

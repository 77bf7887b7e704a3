import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * OffsetCommitRequest (key 8, versions 2 to 8; flexible from 8)
 *   GroupId(STRING) GenerationIdOrMemberEpoch(INT32) MemberId(STRING) GroupInstanceId(NULLABLE_STRING, 7+)
 *   RetentionTimeMs(INT64, 2 to 4) [OffsetCommitRequestTopic]
 *   OffsetCommitRequestTopic     => Name(STRING) [OffsetCommitRequestPartition]
 *   OffsetCommitRequestPartition => PartitionIndex(INT32) CommittedOffset(INT64) CommittedLeaderEpoch(INT32, 6+)
 *                                   CommittedMetadata(NULLABLE_STRING)
 *
 * OffsetCommitResponse
 *   ThrottleTimeMs(INT32, 3+) [OffsetCommitResponseTopic]
 *   OffsetCommitResponseTopic     => Name(STRING) [OffsetCommitResponsePartition]
 *   OffsetCommitResponsePartition => PartitionIndex(INT32) ErrorCode(INT16)
 */

export interface OffsetCommitRequestPartition {
  partitionIndex: number
  committedOffset: bigint
  /** -1 where it is not known, and before version 6. */
  committedLeaderEpoch: number
  committedMetadata: string | null
}

export interface OffsetCommitRequestTopic {
  name: string
  partitions: OffsetCommitRequestPartition[]
}

export interface OffsetCommitRequest {
  groupId: string
  /** -1 outside of a group's generations. */
  generationIdOrMemberEpoch: number
  memberId: string
  groupInstanceId: string | null
  /** -1 for the broker's own setting, and from version 5 on. */
  retentionTimeMs: bigint
  topics: OffsetCommitRequestTopic[]
}

export interface OffsetCommitResponsePartition {
  partitionIndex: number
  errorCode: number
}

export interface OffsetCommitResponseTopic {
  name: string
  partitions: OffsetCommitResponsePartition[]
}

export interface OffsetCommitResponse {
  throttleTimeMs: number
  topics: OffsetCommitResponseTopic[]
}

export const offsetCommit: Api<OffsetCommitRequest, OffsetCommitResponse> = {
  key: 8,
  name: 'OffsetCommit',
  minVersion: 2,
  maxVersion: 8,
  firstFlexibleVersion: 8,

  encodeRequest(writer: Writer, request: OffsetCommitRequest, version: number): void {
    writer.string(request.groupId).int32(request.generationIdOrMemberEpoch).string(request.memberId)
    if (version >= 7) writer.nullableString(request.groupInstanceId)
    if (version <= 4) writer.int64(request.retentionTimeMs)
    writer
      .structs(request.topics, topic => {
        writer.string(topic.name).structs(topic.partitions, partition => {
          writer.int32(partition.partitionIndex).int64(partition.committedOffset)
          if (version >= 6) writer.int32(partition.committedLeaderEpoch)
          writer.nullableString(partition.committedMetadata)
        })
      })
      .tags()
  },

  decodeRequest(reader: Reader, version: number): OffsetCommitRequest {
    const request: OffsetCommitRequest = {
      groupId: reader.string(),
      generationIdOrMemberEpoch: reader.int32(),
      memberId: reader.string(),
      groupInstanceId: version >= 7 ? reader.nullableString() : null,
      retentionTimeMs: version <= 4 ? reader.int64() : -1n,
      topics: reader.structs<OffsetCommitRequestTopic>(() => ({
        name: reader.string(),
        partitions: reader.structs<OffsetCommitRequestPartition>(() => ({
          partitionIndex: reader.int32(),
          committedOffset: reader.int64(),
          committedLeaderEpoch: version >= 6 ? reader.int32() : -1,
          committedMetadata: reader.nullableString(),
        })),
      })),
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: OffsetCommitResponse, version: number): void {
    if (version >= 3) writer.int32(response.throttleTimeMs)
    writer
      .structs(response.topics, topic => {
        writer.string(topic.name).structs(topic.partitions, partition => {
          writer.int32(partition.partitionIndex).int16(partition.errorCode)
        })
      })
      .tags()
  },

  decodeResponse(reader: Reader, version: number): OffsetCommitResponse {
    const response: OffsetCommitResponse = {
      throttleTimeMs: version >= 3 ? reader.int32() : 0,
      topics: reader.structs<OffsetCommitResponseTopic>(() => ({
        name: reader.string(),
        partitions: reader.structs<OffsetCommitResponsePartition>(() => ({
          partitionIndex: reader.int32(),
          errorCode: reader.int16(),
        })),
      })),
    }
    reader.tags()
    return response
  },
}

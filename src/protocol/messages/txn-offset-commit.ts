import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * TxnOffsetCommitRequest (key 28, versions 0 to 5; flexible from 3)
 *   TransactionalId(STRING) GroupId(STRING) ProducerId(INT64) ProducerEpoch(INT16) GenerationId(INT32, 3+) MemberId(STRING, 3+)
 *   GroupInstanceId(NULLABLE_STRING, 3+) [TxnOffsetCommitRequestTopic]
 *   TxnOffsetCommitRequestTopic     => Name(STRING) [TxnOffsetCommitRequestPartition]
 *   TxnOffsetCommitRequestPartition => PartitionIndex(INT32) CommittedOffset(INT64) CommittedLeaderEpoch(INT32, 2+)
 *                                      CommittedMetadata(NULLABLE_STRING)
 *
 * TxnOffsetCommitResponse
 *   ThrottleTimeMs(INT32) [TxnOffsetCommitResponseTopic]
 *   TxnOffsetCommitResponseTopic     => Name(STRING) [TxnOffsetCommitResponsePartition]
 *   TxnOffsetCommitResponsePartition => PartitionIndex(INT32) ErrorCode(INT16)
 *
 * From version 3 on the coordinator refuses a member that is not of the current generation (KIP-447). Version 5 adds the group to
 * the transaction by itself, and is for clusters whose transaction.version is 2 (KIP-890).
 */

export interface TxnOffsetCommitRequestPartition {
  partitionIndex: number
  committedOffset: bigint
  /** -1 where it is not known, and before version 2. */
  committedLeaderEpoch: number
  committedMetadata: string | null
}

export interface TxnOffsetCommitRequestTopic {
  name: string
  partitions: TxnOffsetCommitRequestPartition[]
}

export interface TxnOffsetCommitRequest {
  transactionalId: string
  groupId: string
  producerId: bigint
  producerEpoch: number
  /** -1 for who is no member of the group, and before version 3. */
  generationId: number
  /** Empty for who is no member of the group, and before version 3. */
  memberId: string
  groupInstanceId: string | null
  topics: TxnOffsetCommitRequestTopic[]
}

export interface TxnOffsetCommitResponsePartition {
  partitionIndex: number
  errorCode: number
}

export interface TxnOffsetCommitResponseTopic {
  name: string
  partitions: TxnOffsetCommitResponsePartition[]
}

export interface TxnOffsetCommitResponse {
  throttleTimeMs: number
  topics: TxnOffsetCommitResponseTopic[]
}

export const txnOffsetCommit: Api<TxnOffsetCommitRequest, TxnOffsetCommitResponse> = {
  key: 28,
  name: 'TxnOffsetCommit',
  minVersion: 0,
  maxVersion: 5,
  firstFlexibleVersion: 3,

  encodeRequest(writer: Writer, request: TxnOffsetCommitRequest, version: number): void {
    writer
      .string(request.transactionalId)
      .string(request.groupId)
      .int64(request.producerId)
      .int16(request.producerEpoch)
    if (version >= 3) {
      writer.int32(request.generationId).string(request.memberId).nullableString(request.groupInstanceId)
    }
    writer
      .structs(request.topics, topic => {
        writer.string(topic.name).structs(topic.partitions, partition => {
          writer.int32(partition.partitionIndex).int64(partition.committedOffset)
          if (version >= 2) writer.int32(partition.committedLeaderEpoch)
          writer.nullableString(partition.committedMetadata)
        })
      })
      .tags()
  },

  decodeRequest(reader: Reader, version: number): TxnOffsetCommitRequest {
    const request: TxnOffsetCommitRequest = {
      transactionalId: reader.string(),
      groupId: reader.string(),
      producerId: reader.int64(),
      producerEpoch: reader.int16(),
      generationId: version >= 3 ? reader.int32() : -1,
      memberId: version >= 3 ? reader.string() : '',
      groupInstanceId: version >= 3 ? reader.nullableString() : null,
      topics: reader.structs<TxnOffsetCommitRequestTopic>(() => ({
        name: reader.string(),
        partitions: reader.structs<TxnOffsetCommitRequestPartition>(() => ({
          partitionIndex: reader.int32(),
          committedOffset: reader.int64(),
          committedLeaderEpoch: version >= 2 ? reader.int32() : -1,
          committedMetadata: reader.nullableString(),
        })),
      })),
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: TxnOffsetCommitResponse): void {
    writer
      .int32(response.throttleTimeMs)
      .structs(response.topics, topic => {
        writer.string(topic.name).structs(topic.partitions, ({ partitionIndex, errorCode }) => {
          writer.int32(partitionIndex).int16(errorCode)
        })
      })
      .tags()
  },

  decodeResponse(reader: Reader): TxnOffsetCommitResponse {
    const response: TxnOffsetCommitResponse = {
      throttleTimeMs: reader.int32(),
      topics: reader.structs<TxnOffsetCommitResponseTopic>(() => ({
        name: reader.string(),
        partitions: reader.structs(() => ({ partitionIndex: reader.int32(), errorCode: reader.int16() })),
      })),
    }
    reader.tags()
    return response
  },
}

import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * OffsetFetchRequest (key 9, versions 1 to 7; flexible from 6)
 *   GroupId(STRING) [OffsetFetchRequestTopic](nullable 2+) RequireStable(BOOLEAN, 7+)
 *   OffsetFetchRequestTopic => Name(STRING) [PartitionIndex(INT32)]
 *
 * OffsetFetchResponse
 *   ThrottleTimeMs(INT32, 3+) [OffsetFetchResponseTopic] ErrorCode(INT16, 2+)
 *   OffsetFetchResponseTopic     => Name(STRING) [OffsetFetchResponsePartition]
 *   OffsetFetchResponsePartition => PartitionIndex(INT32) CommittedOffset(INT64) CommittedLeaderEpoch(INT32, 5+)
 *                                   Metadata(NULLABLE_STRING) ErrorCode(INT16)
 *
 * Version 8 asks for several groups at once and has another form, which nothing here needs.
 */

export interface OffsetFetchRequestTopic {
  name: string
  partitionIndexes: number[]
}

export interface OffsetFetchRequest {
  groupId: string
  /** null, for all topics, only from version 2 on. */
  topics: OffsetFetchRequestTopic[] | null
  requireStable: boolean
}

export interface OffsetFetchResponsePartition {
  partitionIndex: number
  /** -1 where nothing was committed. */
  committedOffset: bigint
  /** -1 before version 5. */
  committedLeaderEpoch: number
  metadata: string | null
  errorCode: number
}

export interface OffsetFetchResponseTopic {
  name: string
  partitions: OffsetFetchResponsePartition[]
}

export interface OffsetFetchResponse {
  throttleTimeMs: number
  topics: OffsetFetchResponseTopic[]
  errorCode: number
}

export const offsetFetch: Api<OffsetFetchRequest, OffsetFetchResponse> = {
  key: 9,
  name: 'OffsetFetch',
  minVersion: 1,
  maxVersion: 7,
  firstFlexibleVersion: 6,

  encodeRequest(writer: Writer, request: OffsetFetchRequest, version: number): void {
    const topics = version >= 2 ? request.topics : (request.topics ?? [])
    writer.string(request.groupId).nullableArray(topics, topic => {
      writer
        .string(topic.name)
        .array(topic.partitionIndexes, index => writer.int32(index))
        .tags()
    })
    if (version >= 7) writer.boolean(request.requireStable)
    writer.tags()
  },

  decodeRequest(reader: Reader, version: number): OffsetFetchRequest {
    const readTopic = (): OffsetFetchRequestTopic => {
      const topic = { name: reader.string(), partitionIndexes: reader.array(() => reader.int32()) }
      reader.tags()
      return topic
    }
    const request: OffsetFetchRequest = {
      groupId: reader.string(),
      topics: version >= 2 ? reader.nullableArray(readTopic) : reader.array(readTopic),
      requireStable: version >= 7 && reader.boolean(),
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: OffsetFetchResponse, version: number): void {
    if (version >= 3) writer.int32(response.throttleTimeMs)
    writer.structs(response.topics, topic => {
      writer.string(topic.name).structs(topic.partitions, partition => {
        writer.int32(partition.partitionIndex).int64(partition.committedOffset)
        if (version >= 5) writer.int32(partition.committedLeaderEpoch)
        writer.nullableString(partition.metadata).int16(partition.errorCode)
      })
    })
    if (version >= 2) writer.int16(response.errorCode)
    writer.tags()
  },

  decodeResponse(reader: Reader, version: number): OffsetFetchResponse {
    const response: OffsetFetchResponse = {
      throttleTimeMs: version >= 3 ? reader.int32() : 0,
      topics: reader.structs<OffsetFetchResponseTopic>(() => ({
        name: reader.string(),
        partitions: reader.structs<OffsetFetchResponsePartition>(() => ({
          partitionIndex: reader.int32(),
          committedOffset: reader.int64(),
          committedLeaderEpoch: version >= 5 ? reader.int32() : -1,
          metadata: reader.nullableString(),
          errorCode: reader.int16(),
        })),
      })),
      errorCode: version >= 2 ? reader.int16() : 0,
    }
    reader.tags()
    return response
  },
}

import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * FetchRequest (key 1, versions 4 to 12; flexible from 12)
 *   ReplicaId(INT32) MaxWaitMs(INT32) MinBytes(INT32) MaxBytes(INT32) IsolationLevel(INT8)
 *   SessionId(INT32, 7+) SessionEpoch(INT32, 7+) [FetchTopic] [ForgottenTopic](7+) RackId(STRING, 11+)
 *   FetchTopic     => Topic(STRING) [FetchPartition]
 *   FetchPartition => Partition(INT32) CurrentLeaderEpoch(INT32, 9+) FetchOffset(INT64) LastFetchedEpoch(INT32, 12+)
 *                     LogStartOffset(INT64, 5+) PartitionMaxBytes(INT32)
 *   ForgottenTopic => Topic(STRING) [Partition(INT32)]
 *
 * FetchResponse
 *   ThrottleTimeMs(INT32) ErrorCode(INT16, 7+) SessionId(INT32, 7+) [FetchableTopicResponse]
 *   FetchableTopicResponse => Topic(STRING) [PartitionData]
 *   PartitionData          => PartitionIndex(INT32) ErrorCode(INT16) HighWatermark(INT64) LastStableOffset(INT64)
 *                             LogStartOffset(INT64, 5+) [AbortedTransaction](nullable)
 *                             PreferredReadReplica(INT32, 11+) Records(RECORDS)
 *   AbortedTransaction     => ProducerId(INT64) FirstOffset(INT64)
 *
 * Version 4 is the first that returns record batches of magic 2. Version 13 names topics by id, which is why 12 is the
 * last one here. The tagged fields of version 12 are skipped.
 */

export interface FetchPartition {
  partition: number
  /** -1 where it is not known, and before version 9. */
  currentLeaderEpoch: number
  fetchOffset: bigint
  /** -1 before version 12. */
  lastFetchedEpoch: number
  /** -1 for consumers, and before version 5. */
  logStartOffset: bigint
  partitionMaxBytes: number
}

export interface FetchTopic {
  topic: string
  partitions: FetchPartition[]
}

export interface ForgottenTopic {
  topic: string
  partitions: number[]
}

export interface FetchRequest {
  /** -1 for consumers. */
  replicaId: number
  maxWaitMs: number
  minBytes: number
  maxBytes: number
  /** 0 read uncommitted, 1 read committed. */
  isolationLevel: number
  /** 0 without a session, and before version 7. */
  sessionId: number
  /** -1 without a session, and before version 7. */
  sessionEpoch: number
  topics: FetchTopic[]
  forgottenTopicsData: ForgottenTopic[]
  rackId: string
}

export interface AbortedTransaction {
  producerId: bigint
  firstOffset: bigint
}

export interface FetchPartitionData {
  partitionIndex: number
  errorCode: number
  highWatermark: bigint
  lastStableOffset: bigint
  /** -1 before version 5. */
  logStartOffset: bigint
  /** null unless the request asks about transactions. */
  abortedTransactions: AbortedTransaction[] | null
  /** -1 before version 11. */
  preferredReadReplica: number
  /** Record batches, the last one perhaps cut short; kept by reference when encoded. */
  records: Uint8Array | null
}

export interface FetchableTopicResponse {
  topic: string
  partitions: FetchPartitionData[]
}

export interface FetchResponse {
  throttleTimeMs: number
  errorCode: number
  sessionId: number
  responses: FetchableTopicResponse[]
}

export const fetch: Api<FetchRequest, FetchResponse> = {
  key: 1,
  name: 'Fetch',
  minVersion: 4,
  maxVersion: 12,
  firstFlexibleVersion: 12,

  encodeRequest(writer: Writer, request: FetchRequest, version: number): void {
    writer
      .int32(request.replicaId)
      .int32(request.maxWaitMs)
      .int32(request.minBytes)
      .int32(request.maxBytes)
      .int8(request.isolationLevel)
    if (version >= 7) writer.int32(request.sessionId).int32(request.sessionEpoch)
    writer.structs(request.topics, topic => {
      writer
        .string(topic.topic)
        .array(topic.partitions, partition => encodeRequestPartition(writer, partition, version))
    })
    if (version >= 7) {
      writer.structs(request.forgottenTopicsData, forgotten => {
        writer.string(forgotten.topic).array(forgotten.partitions, partition => writer.int32(partition))
      })
    }
    if (version >= 11) writer.string(request.rackId)
    writer.tags()
  },

  decodeRequest(reader: Reader, version: number): FetchRequest {
    const request: FetchRequest = {
      replicaId: reader.int32(),
      maxWaitMs: reader.int32(),
      minBytes: reader.int32(),
      maxBytes: reader.int32(),
      isolationLevel: reader.int8(),
      sessionId: version >= 7 ? reader.int32() : 0,
      sessionEpoch: version >= 7 ? reader.int32() : -1,
      topics: reader.structs<FetchTopic>(() => ({
        topic: reader.string(),
        partitions: reader.array(() => decodeRequestPartition(reader, version)),
      })),
      forgottenTopicsData: version >= 7 ? reader.array(() => decodeForgottenTopic(reader)) : [],
      rackId: version >= 11 ? reader.string() : '',
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: FetchResponse, version: number): void {
    writer.int32(response.throttleTimeMs)
    if (version >= 7) writer.int16(response.errorCode).int32(response.sessionId)
    writer
      .structs(response.responses, topic => {
        writer.string(topic.topic).array(topic.partitions, partition => encodePartitionData(writer, partition, version))
      })
      .tags()
  },

  decodeResponse(reader: Reader, version: number): FetchResponse {
    const response: FetchResponse = {
      throttleTimeMs: reader.int32(),
      errorCode: version >= 7 ? reader.int16() : 0,
      sessionId: version >= 7 ? reader.int32() : 0,
      responses: reader.structs<FetchableTopicResponse>(() => ({
        topic: reader.string(),
        partitions: reader.array(() => decodePartitionData(reader, version)),
      })),
    }
    reader.tags()
    return response
  },
}

function encodeRequestPartition(writer: Writer, partition: FetchPartition, version: number): void {
  writer.int32(partition.partition)
  if (version >= 9) writer.int32(partition.currentLeaderEpoch)
  writer.int64(partition.fetchOffset)
  if (version >= 12) writer.int32(partition.lastFetchedEpoch)
  if (version >= 5) writer.int64(partition.logStartOffset)
  writer.int32(partition.partitionMaxBytes).tags()
}

function decodeRequestPartition(reader: Reader, version: number): FetchPartition {
  const partition: FetchPartition = {
    partition: reader.int32(),
    currentLeaderEpoch: version >= 9 ? reader.int32() : -1,
    fetchOffset: reader.int64(),
    lastFetchedEpoch: version >= 12 ? reader.int32() : -1,
    logStartOffset: version >= 5 ? reader.int64() : -1n,
    partitionMaxBytes: reader.int32(),
  }
  reader.tags()
  return partition
}

function decodeForgottenTopic(reader: Reader): ForgottenTopic {
  const forgotten: ForgottenTopic = { topic: reader.string(), partitions: reader.array(() => reader.int32()) }
  reader.tags()
  return forgotten
}

function encodePartitionData(writer: Writer, partition: FetchPartitionData, version: number): void {
  writer
    .int32(partition.partitionIndex)
    .int16(partition.errorCode)
    .int64(partition.highWatermark)
    .int64(partition.lastStableOffset)
  if (version >= 5) writer.int64(partition.logStartOffset)
  writer.nullableArray(partition.abortedTransactions, aborted => {
    writer.int64(aborted.producerId).int64(aborted.firstOffset).tags()
  })
  if (version >= 11) writer.int32(partition.preferredReadReplica)
  writer.records(partition.records).tags()
}

function decodePartitionData(reader: Reader, version: number): FetchPartitionData {
  const partition: FetchPartitionData = {
    partitionIndex: reader.int32(),
    errorCode: reader.int16(),
    highWatermark: reader.int64(),
    lastStableOffset: reader.int64(),
    logStartOffset: version >= 5 ? reader.int64() : -1n,
    abortedTransactions: reader.nullableArray(() => {
      const aborted: AbortedTransaction = { producerId: reader.int64(), firstOffset: reader.int64() }
      reader.tags()
      return aborted
    }),
    preferredReadReplica: version >= 11 ? reader.int32() : -1,
    records: reader.nullableBytes(),
  }
  reader.tags()
  return partition
}

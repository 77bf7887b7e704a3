import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * AddPartitionsToTxnRequest (key 24, versions 0 to 3; flexible from 3)
 *   V3AndBelowTransactionalId(STRING) V3AndBelowProducerId(INT64) V3AndBelowProducerEpoch(INT16) [AddPartitionsToTxnTopic]
 *   AddPartitionsToTxnTopic => Name(STRING) [Partition(INT32)]
 *
 * AddPartitionsToTxnResponse
 *   ThrottleTimeMs(INT32) [AddPartitionsToTxnTopicResult]
 *   AddPartitionsToTxnTopicResult     => Name(STRING) [AddPartitionsToTxnPartitionResult]
 *   AddPartitionsToTxnPartitionResult => PartitionIndex(INT32) PartitionErrorCode(INT16)
 *
 * Version 4 and later are for brokers, which add partitions on behalf of producers (KIP-890).
 */

export interface AddPartitionsToTxnTopic {
  name: string
  partitions: number[]
}

export interface AddPartitionsToTxnRequest {
  v3AndBelowTransactionalId: string
  v3AndBelowProducerId: bigint
  v3AndBelowProducerEpoch: number
  v3AndBelowTopics: AddPartitionsToTxnTopic[]
}

export interface AddPartitionsToTxnPartitionResult {
  partitionIndex: number
  partitionErrorCode: number
}

export interface AddPartitionsToTxnTopicResult {
  name: string
  resultsByPartition: AddPartitionsToTxnPartitionResult[]
}

export interface AddPartitionsToTxnResponse {
  throttleTimeMs: number
  resultsByTopicV3AndBelow: AddPartitionsToTxnTopicResult[]
}

export const addPartitionsToTxn: Api<AddPartitionsToTxnRequest, AddPartitionsToTxnResponse> = {
  key: 24,
  name: 'AddPartitionsToTxn',
  minVersion: 0,
  maxVersion: 3,
  firstFlexibleVersion: 3,

  encodeRequest(writer: Writer, request: AddPartitionsToTxnRequest): void {
    writer
      .string(request.v3AndBelowTransactionalId)
      .int64(request.v3AndBelowProducerId)
      .int16(request.v3AndBelowProducerEpoch)
      .structs(request.v3AndBelowTopics, topic => {
        writer.string(topic.name).array(topic.partitions, partition => writer.int32(partition))
      })
      .tags()
  },

  decodeRequest(reader: Reader): AddPartitionsToTxnRequest {
    const request: AddPartitionsToTxnRequest = {
      v3AndBelowTransactionalId: reader.string(),
      v3AndBelowProducerId: reader.int64(),
      v3AndBelowProducerEpoch: reader.int16(),
      v3AndBelowTopics: reader.structs(() => ({
        name: reader.string(),
        partitions: reader.array(() => reader.int32()),
      })),
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: AddPartitionsToTxnResponse): void {
    writer
      .int32(response.throttleTimeMs)
      .structs(response.resultsByTopicV3AndBelow, topic => {
        writer.string(topic.name).structs(topic.resultsByPartition, ({ partitionIndex, partitionErrorCode }) => {
          writer.int32(partitionIndex).int16(partitionErrorCode)
        })
      })
      .tags()
  },

  decodeResponse(reader: Reader): AddPartitionsToTxnResponse {
    const response: AddPartitionsToTxnResponse = {
      throttleTimeMs: reader.int32(),
      resultsByTopicV3AndBelow: reader.structs<AddPartitionsToTxnTopicResult>(() => ({
        name: reader.string(),
        resultsByPartition: reader.structs(() => ({
          partitionIndex: reader.int32(),
          partitionErrorCode: reader.int16(),
        })),
      })),
    }
    reader.tags()
    return response
  },
}

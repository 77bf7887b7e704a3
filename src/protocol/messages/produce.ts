import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * ProduceRequest (key 0, versions 3 to 12; flexible from 9)
 *   TransactionalId(NULLABLE_STRING) Acks(INT16) TimeoutMs(INT32) [TopicData]
 *   TopicData     => Name(STRING) [PartitionData]
 *   PartitionData => Index(INT32) Records(RECORDS)
 *
 * ProduceResponse
 *   [TopicProduceResponse] ThrottleTimeMs(INT32)
 *   TopicProduceResponse     => Name(STRING) [PartitionProduceResponse]
 *   PartitionProduceResponse => Index(INT32) ErrorCode(INT16) BaseOffset(INT64) LogAppendTimeMs(INT64)
 *                               LogStartOffset(INT64, 5+) [BatchIndexAndErrorMessage](8+) ErrorMessage(NULLABLE_STRING, 8+)
 *   BatchIndexAndErrorMessage => BatchIndex(INT32) BatchIndexErrorMessage(NULLABLE_STRING)
 *
 * Version 3 is the first that carries record batches of magic 2, which idempotence (KIP-98) needs. Version 12 differs
 * from 11 only for transactions (KIP-890). The tagged fields of version 10 and later (KIP-951: the new leader) are skipped.
 */

export interface ProducePartitionData {
  index: number
  /** One record batch; kept by reference when encoded. */
  records: Uint8Array | null
}

export interface ProduceTopicData {
  name: string
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
}

export interface TopicProduceResponse {
  name: string
  partitionResponses: PartitionProduceResponse[]
}

export interface ProduceResponse {
  responses: TopicProduceResponse[]
  throttleTimeMs: number
}

export const produce: Api<ProduceRequest, ProduceResponse> = {
  key: 0,
  name: 'Produce',
  minVersion: 3,
  maxVersion: 12,
  firstFlexibleVersion: 9,

  encodeRequest(writer: Writer, request: ProduceRequest): void {
    writer
      .nullableString(request.transactionalId)
      .int16(request.acks)
      .int32(request.timeoutMs)
      .array(request.topicData, topic => {
        writer
          .string(topic.name)
          .array(topic.partitionData, partition => {
            writer.int32(partition.index).records(partition.records).tags()
          })
          .tags()
      })
      .tags()
  },

  decodeRequest(reader: Reader): ProduceRequest {
    const request: ProduceRequest = {
      transactionalId: reader.nullableString(),
      acks: reader.int16(),
      timeoutMs: reader.int32(),
      topicData: reader.array(() => {
        const topic: ProduceTopicData = {
          name: reader.string(),
          partitionData: reader.array(() => {
            const partition = { index: reader.int32(), records: reader.nullableBytes() }
            reader.tags()
            return partition
          }),
        }
        reader.tags()
        return topic
      }),
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: ProduceResponse, version: number): void {
    writer
      .array(response.responses, topic => {
        writer
          .string(topic.name)
          .array(topic.partitionResponses, partition => {
            writer
              .int32(partition.index)
              .int16(partition.errorCode)
              .int64(partition.baseOffset)
              .int64(partition.logAppendTimeMs)
            if (version >= 5) writer.int64(partition.logStartOffset)
            if (version >= 8) {
              writer
                .array(partition.recordErrors, error => {
                  writer.int32(error.batchIndex).nullableString(error.batchIndexErrorMessage).tags()
                })
                .nullableString(partition.errorMessage)
            }
            writer.tags()
          })
          .tags()
      })
      .int32(response.throttleTimeMs)
      .tags()
  },

  decodeResponse(reader: Reader, version: number): ProduceResponse {
    const response: ProduceResponse = {
      responses: reader.array(() => {
        const topic: TopicProduceResponse = {
          name: reader.string(),
          partitionResponses: reader.array(() => decodePartitionResponse(reader, version)),
        }
        reader.tags()
        return topic
      }),
      throttleTimeMs: reader.int32(),
    }
    reader.tags()
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
        ? reader.array(() => {
            const error = { batchIndex: reader.int32(), batchIndexErrorMessage: reader.nullableString() }
            reader.tags()
            return error
          })
        : [],
    errorMessage: version >= 8 ? reader.nullableString() : null,
  }
  reader.tags()
  return partition
}

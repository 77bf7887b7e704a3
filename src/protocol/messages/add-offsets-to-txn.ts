import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * AddOffsetsToTxnRequest (key 25, versions 0 to 4; flexible from 3)
 *   TransactionalId(STRING) ProducerId(INT64) ProducerEpoch(INT16) GroupId(STRING)
 *
 * AddOffsetsToTxnResponse
 *   ThrottleTimeMs(INT32) ErrorCode(INT16)
 *
 * Not needed where transaction.version is 2: TxnOffsetCommit 5 adds the group by itself (KIP-890).
 */

export interface AddOffsetsToTxnRequest {
  transactionalId: string
  producerId: bigint
  producerEpoch: number
  groupId: string
}

export interface AddOffsetsToTxnResponse {
  throttleTimeMs: number
  errorCode: number
}

export const addOffsetsToTxn: Api<AddOffsetsToTxnRequest, AddOffsetsToTxnResponse> = {
  key: 25,
  name: 'AddOffsetsToTxn',
  minVersion: 0,
  maxVersion: 4,
  firstFlexibleVersion: 3,

  encodeRequest(writer: Writer, request: AddOffsetsToTxnRequest): void {
    writer
      .string(request.transactionalId)
      .int64(request.producerId)
      .int16(request.producerEpoch)
      .string(request.groupId)
      .tags()
  },

  decodeRequest(reader: Reader): AddOffsetsToTxnRequest {
    const request: AddOffsetsToTxnRequest = {
      transactionalId: reader.string(),
      producerId: reader.int64(),
      producerEpoch: reader.int16(),
      groupId: reader.string(),
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: AddOffsetsToTxnResponse): void {
    writer.int32(response.throttleTimeMs).int16(response.errorCode).tags()
  },

  decodeResponse(reader: Reader): AddOffsetsToTxnResponse {
    const response: AddOffsetsToTxnResponse = { throttleTimeMs: reader.int32(), errorCode: reader.int16() }
    reader.tags()
    return response
  },
}

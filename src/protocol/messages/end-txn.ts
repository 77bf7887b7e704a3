import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * EndTxnRequest (key 26, versions 0 to 5; flexible from 3)
 *   TransactionalId(STRING) ProducerId(INT64) ProducerEpoch(INT16) Committed(BOOLEAN)
 *
 * EndTxnResponse
 *   ThrottleTimeMs(INT32) ErrorCode(INT16) ProducerId(INT64, 5+) ProducerEpoch(INT16, 5+)
 *
 * Version 5 gives the epoch of the next transaction (KIP-890), and is for clusters whose transaction.version is 2.
 */

export interface EndTxnRequest {
  transactionalId: string
  producerId: bigint
  producerEpoch: number
  committed: boolean
}

export interface EndTxnResponse {
  throttleTimeMs: number
  errorCode: number
  /** -1 after an error, and before version 5. */
  producerId: bigint
  /** -1 after an error, and before version 5. */
  producerEpoch: number
}

export const endTxn: Api<EndTxnRequest, EndTxnResponse> = {
  key: 26,
  name: 'EndTxn',
  minVersion: 0,
  maxVersion: 5,
  firstFlexibleVersion: 3,

  encodeRequest(writer: Writer, request: EndTxnRequest): void {
    writer
      .string(request.transactionalId)
      .int64(request.producerId)
      .int16(request.producerEpoch)
      .boolean(request.committed)
      .tags()
  },

  decodeRequest(reader: Reader): EndTxnRequest {
    const request: EndTxnRequest = {
      transactionalId: reader.string(),
      producerId: reader.int64(),
      producerEpoch: reader.int16(),
      committed: reader.boolean(),
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: EndTxnResponse, version: number): void {
    writer.int32(response.throttleTimeMs).int16(response.errorCode)
    if (version >= 5) writer.int64(response.producerId).int16(response.producerEpoch)
    writer.tags()
  },

  decodeResponse(reader: Reader, version: number): EndTxnResponse {
    const response: EndTxnResponse = {
      throttleTimeMs: reader.int32(),
      errorCode: reader.int16(),
      producerId: version >= 5 ? reader.int64() : -1n,
      producerEpoch: version >= 5 ? reader.int16() : -1,
    }
    reader.tags()
    return response
  },
}

import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * InitProducerIdRequest (key 22, versions 0 to 5; flexible from 2)
 *   TransactionalId(NULLABLE_STRING) TransactionTimeoutMs(INT32) ProducerId(INT64, 3+) ProducerEpoch(INT16, 3+)
 *
 * InitProducerIdResponse
 *   ThrottleTimeMs(INT32) ErrorCode(INT16) ProducerId(INT64) ProducerEpoch(INT16)
 *
 * From version 3 on a producer can ask for the next epoch of the id that it has (KIP-360). From version 4 on a broker may
 * answer PRODUCER_FENCED (KIP-588), from version 5 on TRANSACTION_ABORTABLE (KIP-890).
 */

export interface InitProducerIdRequest {
  transactionalId: string | null
  /** Matters only with a transactional id. */
  transactionTimeoutMs: number
  /** -1 for a producer that has no id yet, and before version 3. */
  producerId: bigint
  /** -1 for a producer that has no id yet, and before version 3. */
  producerEpoch: number
}

export interface InitProducerIdResponse {
  throttleTimeMs: number
  errorCode: number
  producerId: bigint
  producerEpoch: number
}

export const initProducerId: Api<InitProducerIdRequest, InitProducerIdResponse> = {
  key: 22,
  name: 'InitProducerId',
  minVersion: 0,
  maxVersion: 5,
  firstFlexibleVersion: 2,

  encodeRequest(writer: Writer, request: InitProducerIdRequest, version: number): void {
    writer.nullableString(request.transactionalId).int32(request.transactionTimeoutMs)
    if (version >= 3) writer.int64(request.producerId).int16(request.producerEpoch)
    writer.tags()
  },

  decodeRequest(reader: Reader, version: number): InitProducerIdRequest {
    const request: InitProducerIdRequest = {
      transactionalId: reader.nullableString(),
      transactionTimeoutMs: reader.int32(),
      producerId: version >= 3 ? reader.int64() : -1n,
      producerEpoch: version >= 3 ? reader.int16() : -1,
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: InitProducerIdResponse): void {
    writer
      .int32(response.throttleTimeMs)
      .int16(response.errorCode)
      .int64(response.producerId)
      .int16(response.producerEpoch)
      .tags()
  },

  decodeResponse(reader: Reader): InitProducerIdResponse {
    const response: InitProducerIdResponse = {
      throttleTimeMs: reader.int32(),
      errorCode: reader.int16(),
      producerId: reader.int64(),
      producerEpoch: reader.int16(),
    }
    reader.tags()
    return response
  },
}

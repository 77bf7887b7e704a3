import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * FindCoordinatorRequest (key 10, versions 0 to 4; flexible from 3)
 *   Key(STRING, 0 to 3) KeyType(INT8, 1+) [CoordinatorKey(STRING)](4+)
 *
 * FindCoordinatorResponse
 *   ThrottleTimeMs(INT32, 1+) ErrorCode(INT16, 0 to 3) ErrorMessage(NULLABLE_STRING, 1 to 3)
 *   NodeId(INT32, 0 to 3) Host(STRING, 0 to 3) Port(INT32, 0 to 3) [Coordinator](4+)
 *   Coordinator => Key(STRING) NodeId(INT32) Host(STRING) Port(INT32) ErrorCode(INT16) ErrorMessage(NULLABLE_STRING)
 *
 * Version 4 asks for several coordinators at once (KIP-699).
 */

/** What a coordinator coordinates: `keyType`. */
export const CoordinatorType: { readonly GROUP: 0; readonly TRANSACTION: 1 } = { GROUP: 0, TRANSACTION: 1 }

export interface FindCoordinatorRequest {
  /** A group id or transactional id. Empty from version 4 on. */
  key: string
  /** One of {@link CoordinatorType}. */
  keyType: number
  /** Version 4 and later. */
  coordinatorKeys: string[]
}

export interface Coordinator {
  key: string
  nodeId: number
  host: string
  port: number
  errorCode: number
  errorMessage: string | null
}

/** Up to version 3 the answer stands in the fields themselves, from version 4 on in `coordinators`. */
export interface FindCoordinatorResponse {
  throttleTimeMs: number
  errorCode: number
  errorMessage: string | null
  nodeId: number
  host: string
  port: number
  coordinators: Coordinator[]
}

export const findCoordinator: Api<FindCoordinatorRequest, FindCoordinatorResponse> = {
  key: 10,
  name: 'FindCoordinator',
  minVersion: 0,
  maxVersion: 4,
  firstFlexibleVersion: 3,

  encodeRequest(writer: Writer, request: FindCoordinatorRequest, version: number): void {
    if (version <= 3) writer.string(request.key)
    if (version >= 1) writer.int8(request.keyType)
    if (version >= 4) writer.array(request.coordinatorKeys, key => writer.string(key))
    writer.tags()
  },

  decodeRequest(reader: Reader, version: number): FindCoordinatorRequest {
    const request: FindCoordinatorRequest = {
      key: version <= 3 ? reader.string() : '',
      keyType: version >= 1 ? reader.int8() : CoordinatorType.GROUP,
      coordinatorKeys: version >= 4 ? reader.array(() => reader.string()) : [],
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: FindCoordinatorResponse, version: number): void {
    if (version >= 1) writer.int32(response.throttleTimeMs)
    if (version <= 3) {
      writer.int16(response.errorCode)
      if (version >= 1) writer.nullableString(response.errorMessage)
      writer.int32(response.nodeId).string(response.host).int32(response.port)
    } else {
      writer.structs(response.coordinators, coordinator => {
        writer
          .string(coordinator.key)
          .int32(coordinator.nodeId)
          .string(coordinator.host)
          .int32(coordinator.port)
          .int16(coordinator.errorCode)
          .nullableString(coordinator.errorMessage)
      })
    }
    writer.tags()
  },

  decodeResponse(reader: Reader, version: number): FindCoordinatorResponse {
    const single = version <= 3
    const response: FindCoordinatorResponse = {
      throttleTimeMs: version >= 1 ? reader.int32() : 0,
      errorCode: single ? reader.int16() : 0,
      errorMessage: single && version >= 1 ? reader.nullableString() : '',
      nodeId: single ? reader.int32() : 0,
      host: single ? reader.string() : '',
      port: single ? reader.int32() : 0,
      coordinators: single ? [] : reader.array(() => decodeCoordinator(reader)),
    }
    reader.tags()
    return response
  },
}

function decodeCoordinator(reader: Reader): Coordinator {
  const coordinator: Coordinator = {
    key: reader.string(),
    nodeId: reader.int32(),
    host: reader.string(),
    port: reader.int32(),
    errorCode: reader.int16(),
    errorMessage: reader.nullableString(),
  }
  reader.tags()
  return coordinator
}

import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * HeartbeatRequest (key 12, versions 0 to 4; flexible from 4)
 *   GroupId(STRING) GenerationId(INT32) MemberId(STRING) GroupInstanceId(NULLABLE_STRING, 3+)
 *
 * HeartbeatResponse
 *   ThrottleTimeMs(INT32, 1+) ErrorCode(INT16)
 */

export interface HeartbeatRequest {
  groupId: string
  generationId: number
  memberId: string
  groupInstanceId: string | null
}

export interface HeartbeatResponse {
  throttleTimeMs: number
  errorCode: number
}

export const heartbeat: Api<HeartbeatRequest, HeartbeatResponse> = {
  key: 12,
  name: 'Heartbeat',
  minVersion: 0,
  maxVersion: 4,
  firstFlexibleVersion: 4,

  encodeRequest(writer: Writer, request: HeartbeatRequest, version: number): void {
    writer.string(request.groupId).int32(request.generationId).string(request.memberId)
    if (version >= 3) writer.nullableString(request.groupInstanceId)
    writer.tags()
  },

  decodeRequest(reader: Reader, version: number): HeartbeatRequest {
    const request: HeartbeatRequest = {
      groupId: reader.string(),
      generationId: reader.int32(),
      memberId: reader.string(),
      groupInstanceId: version >= 3 ? reader.nullableString() : null,
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: HeartbeatResponse, version: number): void {
    if (version >= 1) writer.int32(response.throttleTimeMs)
    writer.int16(response.errorCode).tags()
  },

  decodeResponse(reader: Reader, version: number): HeartbeatResponse {
    const response: HeartbeatResponse = {
      throttleTimeMs: version >= 1 ? reader.int32() : 0,
      errorCode: reader.int16(),
    }
    reader.tags()
    return response
  },
}

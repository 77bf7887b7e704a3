import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * SyncGroupRequest (key 14, versions 0 to 5; flexible from 4)
 *   GroupId(STRING) GenerationId(INT32) MemberId(STRING) GroupInstanceId(NULLABLE_STRING, 3+)
 *   ProtocolType(NULLABLE_STRING, 5+) ProtocolName(NULLABLE_STRING, 5+) [SyncGroupRequestAssignment]
 *   SyncGroupRequestAssignment => MemberId(STRING) Assignment(BYTES)
 *
 * SyncGroupResponse
 *   ThrottleTimeMs(INT32, 1+) ErrorCode(INT16) ProtocolType(NULLABLE_STRING, 5+) ProtocolName(NULLABLE_STRING, 5+)
 *   Assignment(BYTES)
 */

export interface SyncGroupRequestAssignment {
  memberId: string
  assignment: Uint8Array
}

export interface SyncGroupRequest {
  groupId: string
  generationId: number
  memberId: string
  groupInstanceId: string | null
  protocolType: string | null
  protocolName: string | null
  /** Empty from everybody but the leader. */
  assignments: SyncGroupRequestAssignment[]
}

export interface SyncGroupResponse {
  throttleTimeMs: number
  errorCode: number
  protocolType: string | null
  protocolName: string | null
  assignment: Uint8Array
}

export const syncGroup: Api<SyncGroupRequest, SyncGroupResponse> = {
  key: 14,
  name: 'SyncGroup',
  minVersion: 0,
  maxVersion: 5,
  firstFlexibleVersion: 4,

  encodeRequest(writer: Writer, request: SyncGroupRequest, version: number): void {
    writer.string(request.groupId).int32(request.generationId).string(request.memberId)
    if (version >= 3) writer.nullableString(request.groupInstanceId)
    if (version >= 5) writer.nullableString(request.protocolType).nullableString(request.protocolName)
    writer
      .structs(request.assignments, item => {
        writer.string(item.memberId).bytes(item.assignment)
      })
      .tags()
  },

  decodeRequest(reader: Reader, version: number): SyncGroupRequest {
    const request: SyncGroupRequest = {
      groupId: reader.string(),
      generationId: reader.int32(),
      memberId: reader.string(),
      groupInstanceId: version >= 3 ? reader.nullableString() : null,
      protocolType: version >= 5 ? reader.nullableString() : null,
      protocolName: version >= 5 ? reader.nullableString() : null,
      assignments: reader.structs<SyncGroupRequestAssignment>(() => ({
        memberId: reader.string(),
        assignment: reader.bytes(),
      })),
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: SyncGroupResponse, version: number): void {
    if (version >= 1) writer.int32(response.throttleTimeMs)
    writer.int16(response.errorCode)
    if (version >= 5) writer.nullableString(response.protocolType).nullableString(response.protocolName)
    writer.bytes(response.assignment).tags()
  },

  decodeResponse(reader: Reader, version: number): SyncGroupResponse {
    const response: SyncGroupResponse = {
      throttleTimeMs: version >= 1 ? reader.int32() : 0,
      errorCode: reader.int16(),
      protocolType: version >= 5 ? reader.nullableString() : null,
      protocolName: version >= 5 ? reader.nullableString() : null,
      assignment: reader.bytes(),
    }
    reader.tags()
    return response
  },
}

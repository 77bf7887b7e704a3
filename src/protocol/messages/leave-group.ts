import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * LeaveGroupRequest (key 13, versions 0 to 4; flexible from 4)
 *   GroupId(STRING) MemberId(STRING, 0 to 2) [MemberIdentity](3+)
 *   MemberIdentity => MemberId(STRING) GroupInstanceId(NULLABLE_STRING)
 *
 * LeaveGroupResponse
 *   ThrottleTimeMs(INT32, 1+) ErrorCode(INT16) [MemberResponse](3+)
 *   MemberResponse => MemberId(STRING) GroupInstanceId(NULLABLE_STRING) ErrorCode(INT16)
 */

export interface MemberIdentity {
  memberId: string
  groupInstanceId: string | null
}

export interface LeaveGroupRequest {
  groupId: string
  /** Empty from version 3 on. */
  memberId: string
  /** Version 3 and later. */
  members: MemberIdentity[]
}

export interface MemberResponse {
  memberId: string
  groupInstanceId: string | null
  errorCode: number
}

export interface LeaveGroupResponse {
  throttleTimeMs: number
  errorCode: number
  /** Version 3 and later. */
  members: MemberResponse[]
}

export const leaveGroup: Api<LeaveGroupRequest, LeaveGroupResponse> = {
  key: 13,
  name: 'LeaveGroup',
  minVersion: 0,
  maxVersion: 4,
  firstFlexibleVersion: 4,

  encodeRequest(writer: Writer, request: LeaveGroupRequest, version: number): void {
    writer.string(request.groupId)
    if (version <= 2) writer.string(request.memberId)
    else {
      writer.structs(request.members, member => {
        writer.string(member.memberId).nullableString(member.groupInstanceId)
      })
    }
    writer.tags()
  },

  decodeRequest(reader: Reader, version: number): LeaveGroupRequest {
    const request: LeaveGroupRequest = {
      groupId: reader.string(),
      memberId: version <= 2 ? reader.string() : '',
      members: version <= 2 ? [] : reader.array(() => decodeMemberIdentity(reader)),
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: LeaveGroupResponse, version: number): void {
    if (version >= 1) writer.int32(response.throttleTimeMs)
    writer.int16(response.errorCode)
    if (version >= 3) {
      writer.structs(response.members, member => {
        writer.string(member.memberId).nullableString(member.groupInstanceId).int16(member.errorCode)
      })
    }
    writer.tags()
  },

  decodeResponse(reader: Reader, version: number): LeaveGroupResponse {
    const response: LeaveGroupResponse = {
      throttleTimeMs: version >= 1 ? reader.int32() : 0,
      errorCode: reader.int16(),
      members: version >= 3 ? reader.array(() => decodeMemberResponse(reader)) : [],
    }
    reader.tags()
    return response
  },
}

function decodeMemberIdentity(reader: Reader): MemberIdentity {
  const member: MemberIdentity = { memberId: reader.string(), groupInstanceId: reader.nullableString() }
  reader.tags()
  return member
}

function decodeMemberResponse(reader: Reader): MemberResponse {
  const member: MemberResponse = {
    memberId: reader.string(),
    groupInstanceId: reader.nullableString(),
    errorCode: reader.int16(),
  }
  reader.tags()
  return member
}

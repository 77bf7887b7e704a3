import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * JoinGroupRequest (key 11, versions 2 to 7; flexible from 6)
 *   GroupId(STRING) SessionTimeoutMs(INT32) RebalanceTimeoutMs(INT32) MemberId(STRING)
 *   GroupInstanceId(NULLABLE_STRING, 5+) ProtocolType(STRING) [JoinGroupRequestProtocol]
 *   JoinGroupRequestProtocol => Name(STRING) Metadata(BYTES)
 *
 * JoinGroupResponse
 *   ThrottleTimeMs(INT32) ErrorCode(INT16) GenerationId(INT32) ProtocolType(NULLABLE_STRING, 7+)
 *   ProtocolName(STRING, nullable 7+) Leader(STRING) MemberId(STRING) [JoinGroupResponseMember]
 *   JoinGroupResponseMember => MemberId(STRING) GroupInstanceId(NULLABLE_STRING, 5+) Metadata(BYTES)
 *
 * From version 4 on a new member is first answered MEMBER_ID_REQUIRED with its id, and joins again with it.
 */

export interface JoinGroupRequestProtocol {
  name: string
  metadata: Uint8Array
}

export interface JoinGroupRequest {
  groupId: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  /** Empty for a new member. */
  memberId: string
  groupInstanceId: string | null
  protocolType: string
  protocols: JoinGroupRequestProtocol[]
}

export interface JoinGroupResponseMember {
  memberId: string
  groupInstanceId: string | null
  metadata: Uint8Array
}

export interface JoinGroupResponse {
  throttleTimeMs: number
  errorCode: number
  generationId: number
  /** null before version 7. */
  protocolType: string | null
  /** null only from version 7 on. */
  protocolName: string | null
  leader: string
  memberId: string
  /** Empty for everybody but the leader. */
  members: JoinGroupResponseMember[]
}

export const joinGroup: Api<JoinGroupRequest, JoinGroupResponse> = {
  key: 11,
  name: 'JoinGroup',
  minVersion: 2,
  maxVersion: 7,
  firstFlexibleVersion: 6,

  encodeRequest(writer: Writer, request: JoinGroupRequest, version: number): void {
    writer
      .string(request.groupId)
      .int32(request.sessionTimeoutMs)
      .int32(request.rebalanceTimeoutMs)
      .string(request.memberId)
    if (version >= 5) writer.nullableString(request.groupInstanceId)
    writer
      .string(request.protocolType)
      .structs(request.protocols, protocol => {
        writer.string(protocol.name).bytes(protocol.metadata)
      })
      .tags()
  },

  decodeRequest(reader: Reader, version: number): JoinGroupRequest {
    const request: JoinGroupRequest = {
      groupId: reader.string(),
      sessionTimeoutMs: reader.int32(),
      rebalanceTimeoutMs: reader.int32(),
      memberId: reader.string(),
      groupInstanceId: version >= 5 ? reader.nullableString() : null,
      protocolType: reader.string(),
      protocols: reader.structs<JoinGroupRequestProtocol>(() => ({ name: reader.string(), metadata: reader.bytes() })),
    }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: JoinGroupResponse, version: number): void {
    writer.int32(response.throttleTimeMs).int16(response.errorCode).int32(response.generationId)
    if (version >= 7) writer.nullableString(response.protocolType).nullableString(response.protocolName)
    else writer.string(response.protocolName ?? '')
    writer
      .string(response.leader)
      .string(response.memberId)
      .structs(response.members, member => {
        writer.string(member.memberId)
        if (version >= 5) writer.nullableString(member.groupInstanceId)
        writer.bytes(member.metadata)
      })
      .tags()
  },

  decodeResponse(reader: Reader, version: number): JoinGroupResponse {
    const response: JoinGroupResponse = {
      throttleTimeMs: reader.int32(),
      errorCode: reader.int16(),
      generationId: reader.int32(),
      protocolType: version >= 7 ? reader.nullableString() : null,
      protocolName: version >= 7 ? reader.nullableString() : reader.string(),
      leader: reader.string(),
      memberId: reader.string(),
      members: reader.structs<JoinGroupResponseMember>(() => ({
        memberId: reader.string(),
        groupInstanceId: version >= 5 ? reader.nullableString() : null,
        metadata: reader.bytes(),
      })),
    }
    reader.tags()
    return response
  },
}

import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * SaslAuthenticateRequest (key 36, versions 0 to 2; flexible from 2)
 *   AuthBytes(BYTES)
 *
 * SaslAuthenticateResponse
 *   ErrorCode(INT16) ErrorMessage(NULLABLE_STRING) AuthBytes(BYTES) SessionLifetimeMs(INT64, 1+)
 *
 * AuthBytes: a token of the mechanism that SaslHandshake has named. SessionLifetimeMs: of the last answer only, and 0 for a
 * unlimited session (KIP-368). A broker requires re-authentication only from clients that used version 1 or later.
 */

export interface SaslAuthenticateRequest {
  authBytes: Buffer
}

export interface SaslAuthenticateResponse {
  errorCode: number
  errorMessage: string | null
  authBytes: Buffer
  /** 0 before version 1. */
  sessionLifetimeMs: bigint
}

export const saslAuthenticate: Api<SaslAuthenticateRequest, SaslAuthenticateResponse> = {
  key: 36,
  name: 'SaslAuthenticate',
  minVersion: 0,
  maxVersion: 2,
  firstFlexibleVersion: 2,

  encodeRequest(writer: Writer, request: SaslAuthenticateRequest): void {
    writer.bytes(request.authBytes).tags()
  },

  decodeRequest(reader: Reader): SaslAuthenticateRequest {
    const request: SaslAuthenticateRequest = { authBytes: reader.bytes() }
    reader.tags()
    return request
  },

  encodeResponse(writer: Writer, response: SaslAuthenticateResponse, version: number): void {
    writer.int16(response.errorCode).nullableString(response.errorMessage).bytes(response.authBytes)
    if (version >= 1) writer.int64(response.sessionLifetimeMs)
    writer.tags()
  },

  decodeResponse(reader: Reader, version: number): SaslAuthenticateResponse {
    const response: SaslAuthenticateResponse = {
      errorCode: reader.int16(),
      errorMessage: reader.nullableString(),
      authBytes: reader.bytes(),
      sessionLifetimeMs: version >= 1 ? reader.int64() : 0n,
    }
    reader.tags()
    return response
  },
}

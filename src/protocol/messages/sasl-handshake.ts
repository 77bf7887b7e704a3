import type { Api } from '../wire/api.js'
import type { Reader } from '../wire/reader.js'
import type { Writer } from '../wire/writer.js'

/*
 * SaslHandshakeRequest (key 17, versions 0 and 1; never flexible)
 *   Mechanism(STRING)
 *
 * SaslHandshakeResponse
 *   ErrorCode(INT16) Mechanisms([STRING])
 *
 * After version 0 the tokens of the mechanism follow as bare frames, after version 1 inside SaslAuthenticate (KIP-152).
 * Mechanisms: the ones that the listener offers, with any error code.
 */

export interface SaslHandshakeRequest {
  mechanism: string
}

export interface SaslHandshakeResponse {
  errorCode: number
  mechanisms: string[]
}

/** More than anybody offers: the answer comes before anybody is authenticated. */
const MOST_MECHANISMS = 1_000

export const saslHandshake: Api<SaslHandshakeRequest, SaslHandshakeResponse> = {
  key: 17,
  name: 'SaslHandshake',
  minVersion: 0,
  maxVersion: 1,
  firstFlexibleVersion: Number.POSITIVE_INFINITY,

  encodeRequest(writer: Writer, request: SaslHandshakeRequest): void {
    writer.string(request.mechanism)
  },

  decodeRequest(reader: Reader): SaslHandshakeRequest {
    return { mechanism: reader.string() }
  },

  encodeResponse(writer: Writer, response: SaslHandshakeResponse): void {
    writer.int16(response.errorCode).array(response.mechanisms, mechanism => writer.string(mechanism))
  },

  decodeResponse(reader: Reader): SaslHandshakeResponse {
    return { errorCode: reader.int16(), mechanisms: reader.array(() => reader.string(), MOST_MECHANISMS) }
  },
}

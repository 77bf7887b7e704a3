import { MalformedMessageError } from '../../errors.js'
import { isFlexible, type RequestCodec, type ResponseCodec } from './api.js'
import { Reader } from './reader.js'
import { Writer } from './writer.js'

/*
 * Frame           => Size(INT32) Message
 * RequestHeader   => ApiKey(INT16) ApiVersion(INT16) CorrelationId(INT32) ClientId(NULLABLE_STRING) [TagSection]
 * ResponseHeader  => CorrelationId(INT32) [TagSection]
 *
 * ClientId stays a classic string in every header version. An ApiVersions response keeps the header without tags in
 * every version, because the client does not know yet what the broker speaks (KIP-511).
 */

const API_VERSIONS_KEY = 18

export interface RequestHeader {
  apiKey: number
  apiVersion: number
  correlationId: number
  clientId: string | null
}

/** Encodes a request frame, size included, as chunks for one vectored write. */
export function encodeRequestFrame<Q>(
  api: RequestCodec<Q>,
  version: number,
  correlationId: number,
  clientId: string | null,
  request: Q,
): Uint8Array[] {
  const flexible = isFlexible(api, version)
  // The size is not known yet: its four bytes are written when the rest is there.
  const header = new Writer(false).int32(0).int16(api.key).int16(version).int32(correlationId).nullableString(clientId)
  const body = new Writer(flexible).tags()
  api.encodeRequest(body, request, version)
  return frame(header, body)
}

/** Encodes a response frame, size included, as chunks for one vectored write. */
export function encodeResponseFrame<S>(
  api: ResponseCodec<S>,
  version: number,
  correlationId: number,
  response: S,
): Uint8Array[] {
  const body = new Writer(isFlexible(api, version))
  if (api.key !== API_VERSIONS_KEY) body.tags()
  api.encodeResponse(body, response, version)
  return frame(new Writer(false).int32(0).int32(correlationId), body)
}

/** The fields of a request header that stand before any flexible part; `message` is a frame without its size. */
export function decodeRequestHeader(message: Uint8Array): RequestHeader & { bodyOffset: number } {
  const reader = new Reader(message)
  return {
    apiKey: reader.int16(),
    apiVersion: reader.int16(),
    correlationId: reader.int32(),
    clientId: reader.nullableString(),
    bodyOffset: reader.position,
  }
}

/** The body of a request whose header {@link decodeRequestHeader} has read. */
export function decodeRequestBody<Q>(
  api: RequestCodec<Q>,
  version: number,
  message: Uint8Array,
  bodyOffset: number,
): Q {
  return api.decodeRequest(new Reader(message, isFlexible(api, version), bodyOffset).tags(), version)
}

export function decodeCorrelationId(message: Uint8Array): number {
  return new Reader(message).int32()
}

/**
 * The body of a response; `message` is a frame without its size. Bytes that are left over mean that it was read as something
 * that it is not, so nothing in it can be believed.
 */
export function decodeResponseBody<S>(api: ResponseCodec<S>, version: number, message: Uint8Array): S {
  const reader = new Reader(message, isFlexible(api, version), 4)
  if (api.key !== API_VERSIONS_KEY) reader.tags()
  const response = api.decodeResponse(reader, version)
  if (reader.remaining > 0) {
    throw new MalformedMessageError(
      `the message goes on after the last field of an answer to ${api.name} (bytes left: ${reader.remaining})`,
    )
  }
  return response
}

function frame(header: Writer, body: Writer): Uint8Array[] {
  const chunks = [...header.chunks(), ...body.chunks()]
  new DataView(chunks[0]!.buffer, chunks[0]!.byteOffset).setInt32(0, header.size + body.size - 4)
  return chunks
}

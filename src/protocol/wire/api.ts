import type { Reader } from './reader.js'
import type { Writer } from './writer.js'

/** A Kafka API: its number, and the versions this library can speak. */
export interface ApiInfo {
  readonly key: number
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
  /** The first version that uses compact types and tag sections (KIP-482). */
  readonly firstFlexibleVersion: number
}

export interface RequestCodec<Request> extends ApiInfo {
  encodeRequest(writer: Writer, request: Request, version: number): void
  decodeRequest(reader: Reader, version: number): Request
}

export interface ResponseCodec<Response> extends ApiInfo {
  encodeResponse(writer: Writer, response: Response, version: number): void
  decodeResponse(reader: Reader, version: number): Response
}

/**
 * A codec for both directions: a client needs two halves of it, the testing broker the other two.
 *
 * Field names are those of Kafka's message definitions, in camel case. The writer and the reader know whether the
 * version is flexible ({@link isFlexible}); request and response headers are not part of an API (message.ts).
 */
export interface Api<Request, Response> extends RequestCodec<Request>, ResponseCodec<Response> {}

export function isFlexible(api: ApiInfo, version: number): boolean {
  return version >= api.firstFlexibleVersion
}

import { apiVersions } from '../../src/protocol/messages/api-versions.js'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { metadata } from '../../src/protocol/messages/metadata.js'
import { produce } from '../../src/protocol/messages/produce.js'
import { saslAuthenticate } from '../../src/protocol/messages/sasl-authenticate.js'
import { saslHandshake } from '../../src/protocol/messages/sasl-handshake.js'
import type { Api } from '../../src/protocol/wire/api.js'
import { decodeCorrelationId, decodeResponseBody, encodeResponseFrame } from '../../src/protocol/wire/message.js'

/** A reply of a broker, as it goes over the wire. */
export interface Reply {
  readonly api: Api<unknown, unknown>
  readonly version: number
  /** Size included. */
  readonly frame: Buffer
}

/** What the producer asks brokers for. */
export const APIS = [apiVersions, metadata, initProducerId, produce, saslHandshake, saslAuthenticate] as readonly Api<
  unknown,
  unknown
>[]

/** Puts a size before a message. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(4 + message.length)
  frame.writeInt32BE(message.length)
  frame.set(message, 4)
  return frame
}

/** What a connection makes of a whole frame. @throws {MalformedMessageError} */
export function decode({ api, version, frame }: Reply): unknown {
  const message = frame.subarray(4)
  decodeCorrelationId(message)
  return decodeResponseBody(api, version, message)
}

/** The frame of another answer in the place of this one. */
export function encodedAnew({ api, version, frame }: Reply, answer: unknown): Buffer {
  return Buffer.concat(encodeResponseFrame(api, version, frame.readInt32BE(4), answer))
}

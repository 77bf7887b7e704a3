import { decodeRequestBody, decodeRequestHeader, type RequestHeader } from '../../src/protocol/wire/message.js'
import { FrameReader } from '../../src/transport/framing.js'
import type { Address, Socket, SocketListener, Transport } from '../../src/transport/transport.js'
import { APIS, framed, type Reply } from './reply.js'

/** A request that waits for its answer. */
interface Asked extends RequestHeader {
  readonly bodyOffset: number
  readonly message: Buffer
}

/** Stands in every connection, and may put other bytes in the place of a reply. */
export class Tap implements Transport {
  /** Where the connections go. */
  inner: Transport | undefined
  readonly #tamper: (reply: Reply, request: () => unknown) => Buffer

  /** @param tamper gives the bytes that take the place of a reply; it can look at the request. */
  constructor(tamper: (reply: Reply, request: () => unknown) => Buffer) {
    this.#tamper = tamper
  }

  connect(address: Address, listener: SocketListener): Socket {
    const asked: Asked[] = []
    const requests = new FrameReader(MAX_FRAME, message => asked.push({ ...decodeRequestHeader(message), message }))
    const replies = new FrameReader(MAX_FRAME, message => {
      // A broker answers a connection's requests in order.
      const { apiKey, apiVersion: version, message: sent, bodyOffset } = asked.shift()!
      const api = APIS.find(({ key }) => key === apiKey)
      const frame = framed(message)
      if (api === undefined) listener.received(frame)
      else {
        const request = (): unknown => decodeRequestBody(api, version, sent, bodyOffset)
        listener.received(this.#tamper({ api, version, frame }, request))
      }
    })
    const socket = this.inner!.connect(address, { ...bound(listener), received: chunk => replies.push(chunk) })
    return {
      write: chunks => {
        requests.push(Buffer.concat(chunks))
        socket.write(chunks)
      },
      destroy: () => socket.destroy(),
    }
  }
}

const MAX_FRAME = 2 ** 24

function bound(listener: SocketListener): Omit<SocketListener, 'received'> {
  return { opened: () => listener.opened(), closed: error => listener.closed(error) }
}

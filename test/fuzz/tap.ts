import { decodeRequestHeader } from '../../src/protocol/message.js'
import { FrameReader } from '../../src/transport/framing.js'
import type { Address, Socket, SocketListener, Transport } from '../../src/transport/transport.js'
import { APIS, framed, type Reply } from './reply.js'

interface Asked {
  readonly apiKey: number
  readonly apiVersion: number
}

/** Stands in every connection, and may put other bytes in the place of a reply. */
export class Tap implements Transport {
  /** Where the connections go. */
  inner: Transport | undefined
  readonly #tamper: (reply: Reply) => Buffer

  constructor(tamper: (reply: Reply) => Buffer) {
    this.#tamper = tamper
  }

  connect(address: Address, listener: SocketListener): Socket {
    const asked: Asked[] = []
    const requests = new FrameReader(MAX_FRAME, message => asked.push(decodeRequestHeader(message)))
    const replies = new FrameReader(MAX_FRAME, message => {
      // A broker answers a connection's requests in order.
      const { apiKey, apiVersion } = asked.shift()!
      const api = APIS.find(({ key }) => key === apiKey)
      const frame = framed(message)
      listener.received(api === undefined ? frame : this.#tamper({ api, version: apiVersion, frame }))
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

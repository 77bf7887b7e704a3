import type { Address, Socket, SocketListener, Transport } from '../../src/transport/transport.js'
import { formatAddress } from '../../src/transport/transport.js'

/** A socket whose other side is the test. */
export interface FakeSocket {
  readonly address: string
  readonly listener: SocketListener
  /** Frames that were written, without their sizes. */
  readonly frames: Buffer[]
  destroyed: boolean
}

/** A transport whose connections do only what a test tells them to. */
export class FakeTransport implements Transport {
  readonly sockets: FakeSocket[] = []

  connect(address: Address, listener: SocketListener): Socket {
    const socket: FakeSocket = { address: formatAddress(address), listener, frames: [], destroyed: false }
    this.sockets.push(socket)
    return {
      write(chunks: readonly Uint8Array[]): void {
        socket.frames.push(Buffer.concat(chunks).subarray(4))
      },
      destroy(): void {
        if (socket.destroyed) return
        socket.destroyed = true
        queueMicrotask(() => listener.closed())
      },
    }
  }

  get last(): FakeSocket {
    return this.sockets.at(-1)!
  }
}

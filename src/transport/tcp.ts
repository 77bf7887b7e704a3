import { connect, type Socket as NetSocket } from 'node:net'
import type { Address, Socket, SocketListener, Transport } from './transport.js'

/** Kafka over TCP, without delay of small writes (Nagle), with keep-alive probes. */
export const tcp: Transport = {
  connect(address: Address, listener: SocketListener): Socket {
    const socket = connect({ host: address.host, port: address.port, noDelay: true, keepAlive: true })
    return attach(socket, 'connect', listener)
  },
}

/**
 * Connects a Node stream to its listener.
 *
 * @param opened the event after which bytes may be written.
 * @param explain returns what the listener hears about the end, and about its error if there was one.
 */
export function attach(
  socket: NetSocket,
  opened: 'connect' | 'secureConnect',
  listener: SocketListener,
  explain: (error: Error | undefined) => Error | undefined = error => error,
): Socket {
  let failure: Error | undefined
  // A connection does not keep the process alive.
  socket.unref()
  socket.on(opened, () => listener.opened())
  socket.on('data', chunk => listener.received(chunk))
  // A broker that ends its half ends the connection: it will not answer any more requests.
  socket.on('end', () => socket.destroy())
  socket.on('error', error => {
    failure = error
  })
  socket.on('close', () => listener.closed(explain(failure)))
  return {
    write(chunks: readonly Uint8Array[]): void {
      if (socket.destroyed) return
      // Corked writes leave as one writev.
      socket.cork()
      for (const chunk of chunks) socket.write(chunk)
      socket.uncork()
    },
    destroy(): void {
      socket.destroy()
    },
  }
}

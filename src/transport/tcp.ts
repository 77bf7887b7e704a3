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
 * Joins a stream of Node's to its listener.
 *
 * @param opened the event after which bytes may be written.
 * @param explain what the listener is told of the end, and of the error that led to it if there was one.
 */
export function attach(
  socket: NetSocket,
  opened: 'connect' | 'secureConnect',
  listener: SocketListener,
  explain: (error: Error | undefined) => Error | undefined = error => error,
): Socket {
  let failure: Error | undefined
  // Whether a process goes on living is not for a connection to say.
  socket.unref()
  socket.on(opened, () => listener.opened())
  socket.on('data', chunk => listener.received(chunk))
  // The broker ending its half ends the connection: requests that it has not answered never will be.
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

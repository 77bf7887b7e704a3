import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Address } from '../transport/transport.js'
import type { Listening, Network, ServerListener, ServerSocket } from './network.js'

/** Real sockets. */
export const tcpNetwork: Network = {
  async listen(address: Address, accept: (socket: ServerSocket) => ServerListener): Promise<Listening> {
    const sockets = new Set<Socket>()
    const server = createServer({ noDelay: true }, socket => {
      sockets.add(socket)
      const listener = accept({
        peer: `${socket.remoteAddress}:${socket.remotePort}`,
        write: bytes => {
          if (!socket.destroyed) socket.write(bytes)
        },
        hold: held => {
          if (held) socket.pause()
          else socket.resume()
        },
        end: () => socket.destroySoon(),
        destroy: () => socket.destroy(),
      })
      socket.on('data', chunk => listener.received(chunk))
      socket.on('end', () => socket.destroy())
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        listener.closed()
      })
    })
    server.listen(address.port, address.host)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    return {
      address: { host: address.host, port },
      async close(): Promise<void> {
        const closed = once(server, 'close')
        server.close()
        for (const socket of sockets) socket.destroy()
        await closed
      },
    }
  },
}

import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Address } from '../../transport/transport.js'
import type { Listening, Network, ServerListener, ServerSocket } from './network.js'

/** A broker's side of TLS, as PEM. */
export interface ClusterSslOptions {
  /** The certificate's private key, in PEM. */
  readonly key: string | Buffer
  /** The certificate that clients are shown, in PEM. */
  readonly cert: string | Buffer
  /** Clients must show a certificate of this authority (`ssl.client.auth=required`). Default: they need none. */
  readonly ca?: string | Buffer
}

/**
 * Real sockets; with TLS, if there is something to show to clients.
 *
 * @param ssl its current value is read for each connection. Whether clients need a certificate is decided at the start.
 */
export function tcpNetwork(ssl?: { readonly current: ClusterSslOptions }): Network {
  return { listen: (address, accept) => listen(address, accept, ssl) }
}

async function listen(
  address: Address,
  accept: (socket: ServerSocket) => ServerListener,
  ssl: { readonly current: ClusterSslOptions } | undefined,
): Promise<Listening> {
  // With TLS, also the sockets that have not finished the handshake.
  const sockets = new Set<Socket>()
  const serve = (socket: Socket): void => {
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
    socket.on('close', () => listener.closed())
  }
  const server = ssl === undefined ? createServer({ noDelay: true }, serve) : createSecureServer(ssl, serve)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
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
}

function createSecureServer(ssl: { readonly current: ClusterSslOptions }, serve: (socket: Socket) => void): Server {
  const { current } = ssl
  const server = createTlsServer({ ...current, requestCert: current.ca !== undefined, noDelay: true }, serve)
  // Before the handshake begins.
  return server.prependListener('connection', () => server.setSecureContext(ssl.current))
}

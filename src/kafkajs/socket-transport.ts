import type { ISocketFactory, ISocketFactoryArgs } from 'kafkajs'
import type { Address, Socket, SocketListener, Transport } from '../index.js'

/** Reaches brokers through sockets that the user makes: `socketFactory`. */
export function socketTransport(socketFactory: ISocketFactory, ssl: unknown): Transport {
  return { connect: (address, listener) => connectBy(socketFactory, ssl, address, listener) }
}

function connectBy(
  socketFactory: ISocketFactory,
  ssl: unknown,
  { host, port }: Address,
  listener: SocketListener,
): Socket {
  let ended = false
  let failure: Error | undefined
  // Later, because a factory may call it before it returns.
  const onConnect = (): void => {
    queueMicrotask(() => {
      if (!ended) listener.opened()
    })
  }
  const socket = socketFactory({ host, port, ssl: ssl as ISocketFactoryArgs['ssl'], onConnect })
  // A connection does not keep the process alive; records that wait do.
  socket.unref?.()
  socket.on('data', chunk => listener.received(chunk as Buffer))
  socket.on('end', () => socket.destroy())
  socket.on('timeout', () => socket.destroy(new Error('the socket timed out')))
  socket.on('error', error => {
    failure = error
  })
  socket.on('close', () => {
    ended = true
    listener.closed(failure)
  })
  return {
    write(chunks: readonly Uint8Array[]): void {
      if (socket.destroyed) return
      socket.cork()
      for (const chunk of chunks) socket.write(chunk)
      socket.uncork()
    },
    destroy(): void {
      socket.destroy()
    },
  }
}

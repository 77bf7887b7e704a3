import { connect, type LookupFunction, type Socket as NetSocket, type TcpNetConnectOpts } from 'node:net'
import type { Address, Socket, SocketListener, Transport } from './transport.js'

/** The longest that one address of a host is tried while there are others, in ms: a lost SYN is repeated after that long. */
const LONGEST_ATTEMPT_MS = 1_000

/** Kafka over TCP, without delay of small writes (Nagle), with keep-alive probes. */
export class TcpTransport implements Transport {
  readonly #options: Partial<TcpNetConnectOpts>

  /**
   * @param connectTimeoutMs what the connection bounds all attempts with.
   * @param lookup resolves host names in place of `dns.lookup`.
   */
  constructor(connectTimeoutMs: number, lookup?: LookupFunction) {
    const own = lookup === undefined ? {} : { lookup }
    this.#options = { noDelay: true, keepAlive: true, ...everyAddress(connectTimeoutMs), ...own }
  }

  connect({ host, port }: Address, listener: SocketListener): Socket {
    return attach(connect({ ...this.#options, host, port }), 'connect', listener)
  }
}

/**
 * Has Node try every address of a host name, IPv6 and IPv4 in turn (KIP-302, `client.dns.lookup=use_all_dns_ips`). All but the last get
 * a part of the time, so that one that does not answer leaves some for the others.
 */
export function everyAddress(
  connectTimeoutMs: number,
): Pick<TcpNetConnectOpts, 'autoSelectFamily' | 'autoSelectFamilyAttemptTimeout'> {
  const attemptMs = Math.min(LONGEST_ATTEMPT_MS, Math.ceil(connectTimeoutMs / 4))
  return { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: attemptMs }
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

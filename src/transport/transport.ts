import { printable } from '../errors.js'

/** Where a broker listens. */
export interface Address {
  /** A name or an IP address. */
  readonly host: string
  /** From 0 to 65535. */
  readonly port: number
  /** The name that the broker's certificate must have. Default: `host`. */
  readonly servername?: string
}

/** An address to connect to. */
export interface Destination extends Address {
  /** Why connecting is bound to fail, if that is already known. */
  readonly fault?: string
}

/**
 * A byte stream to a broker. Real sockets and the testing broker's in-memory network implement the same three small
 * interfaces, so the producer runs unchanged over TCP and in virtual time.
 */
export interface Transport {
  /**
   * Starts to connect and returns at once. The listener hears the result, never from inside this call. If it throws, the connection could
   * not be made.
   */
  connect(address: Address, listener: SocketListener): Socket
}

/** Gets what arrives on a connection. */
export interface SocketListener {
  /** The connection stands; bytes may be written from now on. */
  opened(): void
  /** Bytes arrived, cut anywhere. The listener may keep a view of them: they are not reused. */
  received(chunk: Buffer): void
  /** The connection ended, could not be made, or was destroyed. Called exactly once, and nothing is called after it. */
  closed(error?: Error): void
}

/** The open end of a connection. */
export interface Socket {
  /** Queues the chunks, in order, as one write. They must not change until they are answered. Ignored once closed. */
  write(chunks: readonly Uint8Array[]): void
  /** Ends the connection now, whatever is still queued. `closed` follows; not from inside this call. */
  destroy(): void
}

/** For messages and events: brokers may name any host. */
export function formatAddress(address: Address): string {
  const host = printable(address.host)
  return host.includes(':') ? `[${host}]:${address.port}` : `${host}:${address.port}`
}

/** Why nobody can be reached at an address, as metadata may name one; undefined if it can be tried. */
export function addressFault({ host, port, fault }: Destination): string | undefined {
  if (fault !== undefined) return fault
  if (host === '') return 'its host is empty'
  if (port < 1 || port > 65535) return `its port is ${port}, and ports are numbers from 1 to 65535`
  return undefined
}

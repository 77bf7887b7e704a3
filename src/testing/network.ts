import type { Address } from '../transport/transport.js'

/** A broker's side of a connection. */
export interface ServerSocket {
  /** Who is at the other end, for the trace. */
  readonly peer: string
  write(bytes: Uint8Array): void
  /** Ends the connection now. */
  destroy(): void
}

export interface ServerListener {
  received(chunk: Buffer): void
  /** Called once, after which nothing is. */
  closed(): void
}

/** Something that accepts connections. */
export interface Listening {
  readonly address: Address
  /** Accepts no more, and ends the connections that stand. */
  close(): Promise<void>
}

/** Where brokers listen: TCP, or a network in memory. */
export interface Network {
  listen(address: Address, accept: (socket: ServerSocket) => ServerListener): Promise<Listening>
}

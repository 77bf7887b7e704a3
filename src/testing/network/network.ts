import type { Address } from '../../transport/transport.js'

/** A broker's side of a connection. */
export interface ServerSocket {
  /** The address of the other end, for the trace. */
  readonly peer: string
  write(bytes: Uint8Array): void
  /** Pauses or resumes the other end. Bytes under way still arrive. */
  hold(held: boolean): void
  /** Ends the connection when what was written has arrived. */
  end(): void
  /** Ends the connection now; what was written may be lost. */
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

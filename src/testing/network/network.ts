import type { Address } from '../../transport/transport.js'

/** A broker's side of a connection. */
export interface ServerSocket {
  /** The address of the other end, for the trace. */
  readonly peer: string
  /** Sends bytes to the client. */
  write(bytes: Uint8Array): void
  /** Pauses or resumes the other end. Bytes under way still arrive. */
  hold(held: boolean): void
  /** Ends the connection when what was written has arrived. */
  end(): void
  /** Ends the connection now; what was written may be lost. */
  destroy(): void
}

/** Gets what a client sends on one connection. */
export interface ServerListener {
  /** Bytes have arrived, cut anywhere. */
  received(chunk: Buffer): void
  /** The connection has ended. Called once, and nothing is called after it. */
  closed(): void
}

/** Something that accepts connections. */
export interface Listening {
  /** Where it listens. */
  readonly address: Address
  /** Accepts no more, and ends the connections that stand. */
  close(): Promise<void>
}

/** Where brokers listen: TCP, or a network in memory. */
export interface Network {
  /** Listens at an address; port 0: any that is free. Rejects when it can't. */
  listen(address: Address, accept: (socket: ServerSocket) => ServerListener): Promise<Listening>
}

import type { SchedulerLike, Subscription } from 'rxjs'
import {
  type Address,
  formatAddress,
  type Socket,
  type SocketListener,
  type Transport,
} from '../../transport/transport.js'
import type { Listening, Network, ServerListener, ServerSocket } from './network.js'

/** Options of {@link MemoryNetwork}. */
export interface MemoryNetworkOptions {
  /** The clock by which bytes arrive. */
  readonly scheduler: SchedulerLike
  /** How long bytes take from one end to the other, in ms. Default 0. */
  readonly latencyMs?: number
}

/**
 * A network inside the process, on a scheduler: the transport of clients and the network of brokers. Bytes arrive in
 * order, after `latencyMs`, and never from inside the call that sent them. Bytes that are under way when a connection is cut or
 * destroyed are lost.
 */
export class MemoryNetwork implements Transport, Network {
  readonly #scheduler: SchedulerLike
  readonly #latencyMs: number
  readonly #listening = new Map<string, (socket: ServerSocket) => ServerListener>()
  readonly #connections = new Set<MemoryConnection>()
  #nextPort = 20_000
  #nextPeer = 1

  constructor(options: MemoryNetworkOptions) {
    this.#scheduler = options.scheduler
    this.#latencyMs = options.latencyMs ?? 0
  }

  /** Connections that have not ended at both ends. */
  get connections(): number {
    return this.#connections.size
  }

  /** Cuts every connection to an address. Both ends learn of it. */
  cut(address: Address): void {
    for (const connection of [...this.#connections]) {
      if (connection.to === formatAddress(address)) connection.end(new Error('read ECONNRESET'))
    }
  }

  /** Opens a connection, as `Transport` of a producer. */
  connect(address: Address, listener: SocketListener): Socket {
    const connection = new MemoryConnection(this.#scheduler, this.#latencyMs, formatAddress(address), listener, () =>
      this.#connections.delete(connection),
    )
    this.#connections.add(connection)
    connection.deliver(() => {
      const accept = this.#listening.get(connection.to)
      if (accept === undefined) connection.end(new Error(`connect ECONNREFUSED ${connection.to}`))
      else connection.open(accept, `memory:${this.#nextPeer++}`)
    })
    return {
      write: chunks => connection.toServer(chunks),
      destroy: () => connection.end(undefined),
    }
  }

  /** Accepts connections at an address, as `Network` of a cluster. */
  listen(address: Address, accept: (socket: ServerSocket) => ServerListener): Promise<Listening> {
    const bound = { host: address.host, port: address.port === 0 ? this.#nextPort++ : address.port }
    const name = formatAddress(bound)
    if (this.#listening.has(name)) return Promise.reject(new Error(`listen EADDRINUSE ${name}`))
    this.#listening.set(name, accept)
    const close = (): Promise<void> => {
      this.#listening.delete(name)
      this.cut(bound)
      return Promise.resolve()
    }
    return Promise.resolve({ address: bound, close })
  }
}

class MemoryConnection {
  readonly to: string
  readonly #scheduler: SchedulerLike
  readonly #latencyMs: number
  readonly #client: SocketListener
  readonly #gone: () => void
  readonly #underWay = new Set<Subscription>()
  #server: ServerListener | undefined
  /** The broker reads no more, and what it writes from now on comes after the end. */
  #serverEnded = false
  /** What the client has written while it was to send nothing. */
  #held: Buffer[] | undefined
  #ended = false

  constructor(scheduler: SchedulerLike, latencyMs: number, to: string, client: SocketListener, gone: () => void) {
    this.#scheduler = scheduler
    this.#latencyMs = latencyMs
    this.to = to
    this.#client = client
    this.#gone = gone
  }

  open(accept: (socket: ServerSocket) => ServerListener, peer: string): void {
    this.#server = accept({
      peer,
      write: bytes => {
        const copy = Buffer.from(bytes)
        this.deliver(() => this.#client.received(copy))
      },
      hold: held => this.#hold(held),
      end: () => {
        this.#serverEnded = true
        this.deliver(() => this.end(undefined))
      },
      destroy: () => this.end(undefined),
    })
    this.#client.opened()
  }

  toServer(chunks: readonly Uint8Array[]): void {
    const copy = Buffer.concat(chunks)
    if (this.#held !== undefined) {
      this.#held.push(copy)
      return
    }
    this.deliver(() => {
      if (!this.#serverEnded) this.#server?.received(copy)
    })
  }

  #hold(held: boolean): void {
    if (held) {
      this.#held ??= []
      return
    }
    const waiting = this.#held ?? []
    this.#held = undefined
    if (waiting.length > 0) this.toServer(waiting)
  }

  /** Does something at the other end, unless the connection has ended by then. */
  deliver(action: () => void): void {
    if (this.#ended) return
    const delivery = this.#scheduler.schedule(() => {
      this.#underWay.delete(delivery)
      action()
    }, this.#latencyMs)
    this.#underWay.add(delivery)
  }

  /** Cuts the connection: bytes under way are lost, and both ends hear of it. */
  end(error: Error | undefined): void {
    if (this.#ended) return
    this.#ended = true
    for (const delivery of this.#underWay) delivery.unsubscribe()
    this.#scheduler.schedule(() => {
      this.#gone()
      this.#server?.closed()
      this.#client.closed(error)
    })
  }
}

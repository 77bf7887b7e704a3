import { Subscription } from 'rxjs'
import { channels, traced } from '../diagnostics.js'
import { ConnectionError } from '../errors.js'
import { type Connection, type ConnectionOptions, openConnection } from '../transport/connection.js'
import { type Destination, formatAddress } from '../transport/transport.js'
import { type BackoffOptions, backoffMs } from './backoff.js'

/** What happened to a broker's produce connection. */
export type BrokerEvent =
  | { readonly kind: 'connected'; readonly nodeId: number; readonly address: string }
  /** The SASL session was renewed; the same connection accepts requests again. */
  | { readonly kind: 'reauthenticated'; readonly nodeId: number; readonly address: string }
  | { readonly kind: 'disconnected'; readonly nodeId: number; readonly address: string; readonly error: Error }

/** The produce connection of one broker: opened on demand, one at a time, with back-off after failures. */
export class Broker {
  readonly nodeId: number
  readonly #address: () => Destination | undefined
  readonly #options: ConnectionOptions & BackoffOptions
  readonly #report: (event: BrokerEvent) => void
  #connection: Connection | undefined
  /** The attempt, connection or back-off that is under way. */
  #activity: Subscription | undefined
  /** The address of the connection, or of the attempt. */
  #target: Destination | undefined
  /** Whether a connection was requested during a back-off. */
  #wanted = false
  #failures = 0

  constructor(
    nodeId: number,
    address: () => Destination | undefined,
    options: ConnectionOptions & BackoffOptions,
    report: (event: BrokerEvent) => void,
  ) {
    this.nodeId = nodeId
    this.#address = address
    this.#options = options
    this.#report = report
  }

  /** The connection, once its handshake is done. */
  get connection(): Connection | undefined {
    return this.#connection
  }

  /** Whether metadata has its address. */
  get isKnown(): boolean {
    return this.#address() !== undefined
  }

  /** Whether metadata gives another address than the one that the connection, or the attempt, uses. */
  get hasMoved(): boolean {
    const address = this.#address()
    return address !== undefined && this.#target !== undefined && !isSame(address, this.#target)
  }

  /** Requests a connection: a `connected` or `disconnected` event follows. */
  connect(): void {
    const address = this.#address()
    if (this.#activity !== undefined || address === undefined) {
      this.#wanted = true
      return
    }
    const activity = new Subscription()
    this.#activity = activity
    this.#target = address
    this.#wanted = false
    const { nodeId } = this
    const { clientId } = this.#options
    const name = formatAddress(address)
    activity.add(
      traced(channels.connection, openConnection(address, this.#options), () => ({
        clientId,
        address: name,
        nodeId,
      })).subscribe({
        next: connection => {
          const kind = this.#connection === undefined ? 'connected' : 'reauthenticated'
          this.#connection = connection
          this.#report({ kind, nodeId, address: name })
        },
        error: error => {
          if (activity.closed) return
          const { endedIdle, served } = this.#connection ?? {}
          this.#connection = undefined
          this.#target = undefined
          if (endedIdle) {
            // No failure: the next `connect()` does not wait.
            this.#failures = 0
            this.#activity = undefined
          } else {
            // A handshake alone is not a success: the back-off also grows for a broker that closes at each request.
            this.#failures = served ? 1 : this.#failures + 1
            const pause = backoffMs(this.#failures, this.#options)
            activity.add(this.#options.scheduler.schedule(() => this.#resume(), pause))
          }
          this.#report({ kind: 'disconnected', nodeId, address: name, error })
        },
      }),
    )
  }

  /** Metadata may have its address now: opens a connection that was requested. */
  addressed(): void {
    if (this.#wanted && this.#activity === undefined) this.connect()
  }

  /**
   * Closes the connection, or cancels the attempt, because metadata says so. That is not a failure, so the next `connect()` does not wait.
   * Returns the event to emit, if there was a connection.
   */
  disconnect(): BrokerEvent | undefined {
    const { nodeId } = this
    const name = this.#connection?.name
    const address = this.#address()
    this.#end(undefined)
    if (name === undefined) return undefined
    const why =
      address === undefined ? `names no broker ${nodeId}` : `says that broker ${nodeId} is at ${formatAddress(address)}`
    const error = new ConnectionError(`the connection to ${name} was closed: metadata ${why} now`)
    return { kind: 'disconnected', nodeId, address: name, error }
  }

  /** Closes the connection for good. */
  close(): void {
    // An activity that never ends, so it does not connect again.
    this.#end(new Subscription())
  }

  #end(next: Subscription | undefined): void {
    const activity = this.#activity
    this.#activity = next
    if (this.#connection?.served) this.#failures = 0
    this.#connection = undefined
    this.#target = undefined
    activity?.unsubscribe()
  }

  #resume(): void {
    this.#activity = undefined
    if (this.#wanted) this.connect()
  }
}

function isSame(a: Destination, b: Destination): boolean {
  return a.host === b.host && a.port === b.port && a.fault === b.fault
}

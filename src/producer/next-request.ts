import type { Brokers } from '../cluster/brokers.js'
import type { Metadata } from '../cluster/metadata.js'
import type { Connection } from '../transport/connection.js'
import type { Accumulator } from './batching/accumulator.js'
import type { BrokerWindow, BrokerWindows } from './in-flight/broker-windows.js'
import type { DrainedRequest } from './in-flight/produce-request.js'
import type { RetrySlots } from './in-flight/retry-slots.js'
import type { ProducerEvents } from './model/events.js'

/** Answers one question: what goes to this broker next, and by which connection? */
export class NextRequest {
  readonly #batching: Accumulator
  readonly #brokers: Brokers
  readonly #metadata: Metadata
  readonly #windows: BrokerWindows
  readonly #retries: RetrySlots
  readonly #events$: ProducerEvents

  constructor(
    batching: Accumulator,
    brokers: Brokers,
    metadata: Metadata,
    windows: BrokerWindows,
    retries: RetrySlots,
    events$: ProducerEvents,
  ) {
    this.#batching = batching
    this.#brokers = brokers
    this.#metadata = metadata
    this.#windows = windows
    this.#retries = retries
    this.#events$ = events$
  }

  /** Drains the next request to a broker. Returns undefined when there is nothing to send, or no connection to send it by. */
  to(window: BrokerWindow): DrainedRequest | undefined {
    const { nodeId, limit } = window
    const connection = this.#connectionOf(window)
    if (connection === undefined || this.#batching.obstacles.isPaused(nodeId)) return undefined
    const parts = this.#batching.drain(nodeId, limit.bytes)
    return parts.length === 0 ? undefined : { sendIndex: window.nextSendIndex(), connection, parts, limit }
  }

  /** Returns the broker's connection if it accepts requests; if there is none, connects while there is something to send. */
  #connectionOf(window: BrokerWindow): Connection | undefined {
    const { broker, nodeId } = window
    const { ready } = this.#batching
    if (broker.hasMoved) {
      // The old address still owes responses, and two connections at once could store batches out of order.
      if (window.inFlight > 0) return undefined
      this.#disconnect(window)
    } else if (!broker.isKnown && window.inFlight === 0 && !ready.prune(nodeId)) {
      this.#close(window)
      return undefined
    }
    const { connection } = broker
    if (connection === undefined || connection.closed) {
      if (ready.prune(nodeId)) broker.connect()
      this.findLeaders(window)
      return undefined
    }
    // Not writable during a re-authentication; an event announces its end.
    return connection.writable ? connection : undefined
  }

  /** A broker that left the cluster leads nothing any more, even if the last metadata of some topics says so: refreshes theirs. */
  findLeaders({ broker, nodeId }: BrokerWindow): void {
    if (!broker.isKnown) this.#metadata.refresh(this.#batching.topics.at(nodeId))
  }

  /** Closes the window of a node that left the cluster and owes no response. */
  #close(window: BrokerWindow): void {
    const { nodeId } = window
    this.#windows.close(window)
    this.#disconnect(window)
    this.#brokers.drop(nodeId)
    this.#retries.left(nodeId)
    this.#batching.obstacles.left(nodeId)
  }

  /** Closes the connection because metadata says so; that is no reason to refresh metadata. */
  #disconnect({ broker }: BrokerWindow): void {
    const event = broker.disconnect()
    if (event !== undefined) this.#events$.next(event)
  }
}

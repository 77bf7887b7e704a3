import { type Observable, Subject } from 'rxjs'
import { channels, traced } from '../diagnostics.js'
import type { OtherClusterError } from '../errors.js'
import { initProducerId } from '../protocol/messages/init-producer-id.js'
import { metadata } from '../protocol/messages/metadata.js'
import { produce } from '../protocol/messages/produce.js'
import type { Api } from '../protocol/wire/api.js'
import { type Connection, type ConnectionOptions, openConnection } from '../transport/connection.js'
import { type Address, addressFault, type Destination } from '../transport/transport.js'
import type { BackoffOptions } from './backoff.js'
import { Bootstrap, type BootstrapList } from './bootstrap.js'
import { Broker, type BrokerEvent } from './broker.js'
import { ClusterIdentity } from './cluster-identity.js'
import { ControlConnections } from './control-connections.js'
import { Coordinator } from './coordinator.js'
import { type AddressMapping, mapAddress } from './map-address.js'

export interface BrokersOptions extends ConnectionOptions, BackoffOptions {
  /** Used first, and again when every known broker is gone. */
  readonly bootstrap: BootstrapList
  /** Where brokers of metadata are reached, if not where metadata says. */
  readonly mapAddress?: AddressMapping | undefined
}

/**
 * The brokers in metadata, and the connections to them: one a broker for produce requests, and one to any broker for everything else, so
 * that a metadata request never waits behind record batches.
 */
export class Brokers {
  readonly events$: Observable<BrokerEvent>
  /** @see {@link ClusterIdentity.others$} */
  readonly otherClusters$: Observable<OtherClusterError>
  readonly #events = new Subject<BrokerEvent>()
  readonly #options: BrokersOptions
  readonly #addresses = new Map<number, Destination>()
  readonly #brokers = new Map<number, Broker>()
  readonly #bootstrap: Bootstrap
  readonly #control: ControlConnections

  constructor(options: BrokersOptions) {
    const cluster = new ClusterIdentity()
    const admit = (connection: Connection): Observable<void> => cluster.admit(connection)
    this.#options = { ...options, requires: [metadata, initProducerId, produce], admit }
    this.events$ = this.#events.asObservable()
    this.#bootstrap = new Bootstrap(options)
    this.#control = new ControlConnections(this.#options, () => this.#addresses.values(), this.#bootstrap)
    this.otherClusters$ = cluster.others$
  }

  /** Applies the addresses of a metadata response. A broker at another address keeps its connection until it owes nothing. @see {@link Broker.hasMoved} */
  update(brokers: Iterable<readonly [nodeId: number, address: Address]>): void {
    this.#addresses.clear()
    for (const [nodeId, address] of brokers) {
      this.#addresses.set(nodeId, mapAddress(address, nodeId, this.#options.mapAddress))
    }
    this.#control.addressed()
    for (const broker of this.#brokers.values()) broker.addressed()
  }

  /** Adds the addresses of brokers that the last metadata does not have, until the next (KIP-951). */
  add(brokers: Iterable<readonly [nodeId: number, address: Address]>): void {
    for (const [nodeId, address] of brokers) {
      if (this.#addresses.has(nodeId)) continue
      this.#addresses.set(nodeId, mapAddress(address, nodeId, this.#options.mapAddress))
      this.#brokers.get(nodeId)?.addressed()
    }
  }

  /** Whether metadata has a broker that a connection can be tried to. */
  get areReachable(): boolean {
    return [...this.#addresses.values()].some(address => addressFault(address) === undefined)
  }

  get(nodeId: number): Broker {
    let broker = this.#brokers.get(nodeId)
    if (broker === undefined) {
      broker = new Broker(
        nodeId,
        () => this.#addresses.get(nodeId),
        this.#options,
        event => this.#events.next(event),
      )
      this.#brokers.set(nodeId, broker)
    }
    return broker
  }

  /** Closes the connection to a node that has left the cluster. If the node returns, {@link get} makes a new broker. */
  drop(nodeId: number): void {
    this.#brokers.get(nodeId)?.close()
    this.#brokers.delete(nodeId)
  }

  /** Sends a request that any broker can answer, on subscription. @see {@link ControlConnections.request} */
  request<Q, S>(api: Api<Q, S>, request: Q): Observable<S> {
    const { clientId } = this.#options
    return traced(channels.request, this.#control.request(api, request), () => ({ clientId, api: api.name }))
  }

  /**
   * Begins again with the bootstrap list (KIP-1102). Produce connections go on until metadata names other brokers: what is in flight on them
   * would only be sent twice.
   */
  rebootstrap(): void {
    this.#addresses.clear()
    this.#bootstrap.forget()
    this.#control.startOver()
  }

  /**
   * Returns the coordinator of a group or a transactional id. Its owner closes it.
   *
   * @param keyType a `CoordinatorType`.
   * @param failed called with every failure after which a request to it is sent again.
   */
  coordinator(key: string, keyType: number, failed?: (error: Error) => void): Coordinator {
    const { mapAddress: mapping } = this.#options
    return new Coordinator(
      key,
      keyType,
      failed === undefined ? this.#options : { ...this.#options, failed },
      (api, request) => this.request(api, request),
      (nodeId, address) => openConnection(mapAddress(address, nodeId, mapping), this.#options),
    )
  }

  /** @see {@link ControlConnections.lookElsewhere} */
  lookElsewhere(): void {
    this.#control.lookElsewhere()
  }

  close(): void {
    for (const broker of this.#brokers.values()) broker.close()
    this.#control.close()
    this.#events.complete()
  }
}

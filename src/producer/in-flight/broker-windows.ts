import { Subject } from 'rxjs'
import type { Broker } from '../../cluster/broker.js'
import type { Brokers } from '../../cluster/brokers.js'
import { RequestLimit } from './request-limit.js'
import { Slots } from './slots.js'

interface WindowOptions {
  readonly maxInFlight: number
  readonly maxRequestSize: number
}

/** The in-flight window of one broker that leads a partition in use. */
export class BrokerWindow {
  readonly broker: Broker
  readonly slots: Slots
  readonly limit: RequestLimit
  /** Emits when something has changed that may let a request go. */
  readonly wake$: Subject<void> = new Subject<void>()
  readonly closed$: Subject<void> = new Subject<void>()
  #sent = 0
  #waking = false

  constructor(broker: Broker, { maxInFlight, maxRequestSize }: WindowOptions) {
    this.broker = broker
    this.slots = new Slots(maxInFlight)
    this.limit = new RequestLimit(maxRequestSize)
  }

  get nodeId(): number {
    return this.broker.nodeId
  }

  /** Requests that the broker has not answered. */
  get inFlight(): number {
    return this.slots.inUse
  }

  /** Returns the place of the next request in the order in which requests are sent. */
  nextSendIndex(): number {
    return this.#sent++
  }

  /** Wakes the window in a microtask, so that records that are sent in one go leave together. */
  wakeSoon(): void {
    if (this.#waking) return
    this.#waking = true
    queueMicrotask(() => {
      this.#waking = false
      this.wake$.next()
    })
  }
}

/** The windows of all brokers, by node id. A window opens when its broker first leads a ready partition. */
export class BrokerWindows {
  readonly opened$: Subject<BrokerWindow> = new Subject<BrokerWindow>()
  readonly #brokers: Pick<Brokers, 'get'>
  readonly #options: WindowOptions
  readonly #windows = new Map<number, BrokerWindow>()

  constructor(brokers: Pick<Brokers, 'get'>, options: WindowOptions) {
    this.#brokers = brokers
    this.#options = options
  }

  [Symbol.iterator](): IterableIterator<BrokerWindow> {
    return this.#windows.values()
  }

  get(nodeId: number): BrokerWindow | undefined {
    return this.#windows.get(nodeId)
  }

  /** Returns the node's window, opened if it is not yet. */
  open(nodeId: number): BrokerWindow {
    let window = this.#windows.get(nodeId)
    if (window === undefined) {
      window = new BrokerWindow(this.#brokers.get(nodeId), this.#options)
      this.#windows.set(nodeId, window)
      this.opened$.next(window)
    }
    return window
  }

  /** Closes the window of a node that left the cluster. If the node returns, it gets a new window. */
  close(window: BrokerWindow): void {
    this.#windows.delete(window.nodeId)
    window.closed$.next()
  }
}

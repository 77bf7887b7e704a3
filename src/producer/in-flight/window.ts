import { Subject, Subscription } from 'rxjs'
import type { Broker } from '../../cluster/broker.js'
import { Slots } from './in-flight.js'
import { RequestLimit } from './request-limit.js'

/** What the data path keeps of a broker that leads a partition in use. */
export class BrokerWindow {
  readonly broker: Broker
  readonly slots: Slots
  readonly limit: RequestLimit
  /** Something has changed that may let a request go. */
  readonly wake$: Subject<void> = new Subject<void>()
  /** Ends the window when it is unsubscribed. */
  readonly life: Subscription = new Subscription()
  #issued = 0
  /** A wake-up is on its way. */
  #waking = false

  constructor(broker: Broker, options: { readonly maxInFlight: number; readonly maxRequestSize: number }) {
    this.broker = broker
    this.slots = new Slots(options.maxInFlight)
    this.limit = new RequestLimit(options.maxRequestSize)
  }

  /** Requests that the broker has not answered. */
  get inFlight(): number {
    return this.slots.taken
  }

  /** The number of the next request. */
  issue(): number {
    return this.#issued++
  }

  /** Records that come in one go are to leave together: the window wakes when the code that sent them has ended. */
  wakeSoon(): void {
    if (this.#waking) return
    this.#waking = true
    queueMicrotask(() => {
      this.#waking = false
      this.wake$.next()
    })
  }
}

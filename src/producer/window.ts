import { Subject } from 'rxjs'
import type { Broker } from '../cluster/broker.js'
import { Permits } from './in-flight.js'
import { RequestLimit } from './request-limit.js'

/** What the data path keeps of each broker that leads a partition in use. */
export class Window {
  readonly broker: Broker
  readonly permits: Permits
  readonly limit: RequestLimit
  /** Something has changed that may let a request go. */
  readonly wake$: Subject<void> = new Subject<void>()
  /** A wake-up is on its way. */
  waking = false
  /** How many requests have been drawn. */
  issued = 0

  constructor(broker: Broker, options: { readonly maxInFlight: number; readonly maxRequestSize: number }) {
    this.broker = broker
    this.permits = new Permits(options.maxInFlight)
    this.limit = new RequestLimit(options.maxRequestSize)
  }
}

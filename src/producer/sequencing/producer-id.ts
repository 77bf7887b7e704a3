import { defer, EMPTY, map, type Observable, retry, throwError, timer } from 'rxjs'
import { backoffMs } from '../../cluster/backoff.js'
import type { Brokers, BrokersOptions } from '../../cluster/brokers.js'
import { BrokerError, ConnectionError } from '../../errors.js'
import { brokerError, ErrorCode, mayPass } from '../../protocol/error-codes.js'
import { type InitProducerIdResponse, initProducerId } from '../../protocol/messages/init-producer-id.js'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'

/** Brokers ignore the timeout of a producer without transactions; Java's producer sends this value. */
const NO_TIMEOUT = 2147483647

/** Acquires producer ids, and never accepts one twice. */
export class ProducerIds {
  readonly #brokers: Brokers
  readonly #options: BrokersOptions
  readonly #had = new Set<bigint>()

  constructor(brokers: Brokers, options: BrokersOptions) {
    this.#brokers = brokers
    this.#options = options
  }

  /**
   * Requests a producer id (KIP-98), and again with back-off while brokers can't be reached or say "not yet". Errors with the
   * broker's error when that is final, such as CLUSTER_AUTHORIZATION_FAILED.
   *
   * @param failed called with every failure that may pass; returns whether to try again. If not, the Observable completes without an id.
   */
  acquire(failed: (error: Error) => boolean): Observable<ProducerIdAndEpoch> {
    const request = { transactionalId: null, transactionTimeoutMs: NO_TIMEOUT, producerId: -1n, producerEpoch: -1 }
    return defer(() => this.#brokers.request(initProducerId, request)).pipe(
      map(answer => this.#read(answer)),
      retry({
        delay: (error, failures) => {
          if (!(error instanceof ConnectionError || (error instanceof BrokerError && mayPass(error)))) {
            return throwError(() => error)
          }
          if (!failed(error)) return EMPTY
          this.#brokers.lookElsewhere()
          return timer(backoffMs(failures, this.#options), this.#options.scheduler)
        },
      }),
    )
  }

  #read({ errorCode, producerId, producerEpoch }: InitProducerIdResponse): ProducerIdAndEpoch {
    if (errorCode !== ErrorCode.NONE) throw new BrokerError(brokerError(errorCode))
    // Records with id -1 are not idempotent: a broker would store duplicates, in any order.
    if (producerId < 0n || producerEpoch < 0) {
      throw new ConnectionError(
        `the response to InitProducerId has no error, but producer id ${producerId} and epoch ${producerEpoch}; both must be at least 0`,
      )
    }
    // Sequences restart with the id, so a broker would take new records for duplicates, and ack them without storing them.
    if (this.#had.has(producerId)) {
      throw new ConnectionError(
        `the response to InitProducerId has producer id ${producerId}, which this producer had before; brokers give an id only once`,
      )
    }
    this.#had.add(producerId)
    return { producerId, producerEpoch }
  }
}

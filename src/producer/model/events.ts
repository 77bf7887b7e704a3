import { Subject } from 'rxjs'
import type { DataLossError } from '../../errors.js'
import { toPlain } from '../../json.js'
import type { InterceptorMethod } from './interceptor.js'
import { Warnings } from './warnings.js'

/** The buffer memory that a partition holds, or a topic whose partitions are not known yet. */
export interface WaitingOn {
  /** The topic's name. */
  readonly topic: string
  /** -1: records that await the topic's metadata. */
  readonly partition: number
  /** Bytes of `bufferMemory` that its records take. */
  readonly bytes: number
  /** Why the records are not sent, if that is known. */
  readonly error: Error | undefined
}

/** What happens in a producer, beside acks. No event requires an action; `fatal` ends the producer. */
export type ProducerEvent =
  | { readonly kind: 'connected'; readonly nodeId: number; readonly address: string }
  /** The SASL session was renewed, on the same connection, before it expired. */
  | { readonly kind: 'reauthenticated'; readonly nodeId: number; readonly address: string }
  /** With an `IdleConnectionError`: the producer closed it because it was not used. */
  | { readonly kind: 'disconnected'; readonly nodeId: number; readonly address: string; readonly error: Error }
  | {
      readonly kind: 'metadata'
      readonly topics: readonly { readonly name: string; readonly leaders: readonly number[] }[]
    }
  /** Metadata is requested again; after an `OtherClusterError`, from another broker. */
  | { readonly kind: 'metadataFailed'; readonly error: Error }
  | { readonly kind: 'producerId'; readonly producerId: bigint; readonly producerEpoch: number }
  /** There is no producer id yet; it is requested again. */
  | { readonly kind: 'producerIdFailed'; readonly error: Error }
  /** A request of a transaction to a coordinator failed; it is sent again. */
  | { readonly kind: 'coordinatorFailed'; readonly error: Error }
  /** A transaction was aborted; `error` says why. */
  | { readonly kind: 'transactionAborted'; readonly error: Error }
  /** Batches of this partition were not stored, and are sent again after a back-off; `failures` in a row. */
  | {
      readonly kind: 'retrying'
      readonly topic: string
      readonly partition: number
      readonly failures: number
      readonly error: Error
    }
  /** The partition's sequences restart in a new epoch. With a `TopicRecreatedError`: because its topic was recreated. */
  | {
      readonly kind: 'epochBumped'
      readonly topic: string
      readonly partition: number
      readonly producerEpoch: number
      readonly error: Error
    }
  /** Acked records of this partition may be lost; `error` says why. Later records are written in a new epoch. */
  | { readonly kind: 'dataLoss'; readonly topic: string; readonly partition: number; readonly error: DataLossError }
  /** A password or token is sent over an unencrypted connection that leaves this machine. Emitted once. */
  | { readonly kind: 'plaintext'; readonly address: string; readonly mechanism: string }
  /** A broker asked the producer to pause, as for a quota (KIP-219). */
  | { readonly kind: 'throttled'; readonly nodeId: number; readonly throttleTimeMs: number }
  /** A source has waited for buffer memory for a second. The partitions that hold most of it come first. */
  | { readonly kind: 'blocked'; readonly bufferedBytes: number; readonly waitingOn: readonly WaitingOn[] }
  /** A method of an interceptor threw, or returned no record. The record goes on without it. */
  | { readonly kind: 'interceptorFailed'; readonly method: InterceptorMethod; readonly error: Error }
  | { readonly kind: 'fatal'; readonly error: Error }
  | { readonly kind: 'closed' }

/** Not enumerable, so that an event has no more fields than its type says. */
const JSON_METHOD: PropertyDescriptor = {
  value(this: ProducerEvent): unknown {
    return toPlain({ ...this })
  },
}

/**
 * Emits events that `JSON.stringify` accepts: ids as strings, and errors with their messages. While nobody observes or
 * logs them, brokers that cannot be reached, and interceptors that throw, cause a process warning.
 */
export class ProducerEvents extends Subject<ProducerEvent> {
  readonly #warnings = new Warnings()
  readonly #log: ((event: ProducerEvent) => void) | undefined

  /** @param log told of each event before those who observe them. */
  constructor(log?: (event: ProducerEvent) => void) {
    super()
    this.#log = log
  }

  override next(event: ProducerEvent): void {
    if (this.#log !== undefined) this.#log(event)
    else if (!this.observed) this.#warnings.about(event)
    super.next(Object.defineProperty(event, 'toJSON', JSON_METHOD))
  }
}

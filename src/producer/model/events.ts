import { Subject } from 'rxjs'
import type { DataLossError } from '../../errors.js'
import { toPlain } from '../../json.js'
import { Warnings } from './warnings.js'

/** What a partition, or a topic whose partitions are not known yet, holds of the buffer. */
export interface WaitingOn {
  readonly topic: string
  /** -1: records that wait to learn of the topic's partitions. */
  readonly partition: number
  readonly bytes: number
  /** Why it does not get rid of it, if that is known. */
  readonly error: Error | undefined
}

/** What a producer tells of itself, beside acks. Nothing has to be done about any of it; `fatal` ends the producer. */
export type ProducerEvent =
  | { readonly kind: 'connected'; readonly nodeId: number; readonly address: string }
  /** The SASL session was renewed, on the same connection, before it would have ended. */
  | { readonly kind: 'reauthenticated'; readonly nodeId: number; readonly address: string }
  | { readonly kind: 'disconnected'; readonly nodeId: number; readonly address: string; readonly error: Error }
  | {
      readonly kind: 'metadata'
      readonly topics: readonly { readonly name: string; readonly leaders: readonly number[] }[]
    }
  /** It will be asked for again. With an OtherClusterError: of another broker, by now. */
  | { readonly kind: 'metadataFailed'; readonly error: Error }
  | { readonly kind: 'producerId'; readonly producerId: bigint; readonly producerEpoch: number }
  /** No producer id yet; it will be asked for again. */
  | { readonly kind: 'producerIdFailed'; readonly error: Error }
  /** Batches of this partition were not stored, and will be sent again; `failures` in a row. */
  | {
      readonly kind: 'retrying'
      readonly topic: string
      readonly partition: number
      readonly failures: number
      readonly error: Error
    }
  /** The partition's sequences start anew, in a new epoch; with a `TopicRecreatedError` because its topic was made anew. */
  | {
      readonly kind: 'epochBumped'
      readonly topic: string
      readonly partition: number
      readonly producerEpoch: number
      readonly error: Error
    }
  /** Records of this partition that were acked may be lost; `error` says why. What follows is written in a new epoch. */
  | { readonly kind: 'dataLoss'; readonly topic: string; readonly partition: number; readonly error: DataLossError }
  /** A password or token is sent over an unencrypted connection that leaves this machine. Told once. */
  | { readonly kind: 'plaintext'; readonly address: string; readonly mechanism: string }
  /** A broker asked to be left alone for a while (a quota). */
  | { readonly kind: 'throttled'; readonly nodeId: number; readonly throttleTimeMs: number }
  /** A source has waited for room in the buffer for a second. The partitions that hold most of it come first. */
  | { readonly kind: 'blocked'; readonly bufferedBytes: number; readonly waitingOn: readonly WaitingOn[] }
  | { readonly kind: 'fatal'; readonly error: Error }
  | { readonly kind: 'closed' }

/** Not enumerable, so that an event has no more fields than its type says. */
const JSON_METHOD: PropertyDescriptor = {
  value(this: ProducerEvent): unknown {
    return toPlain({ ...this })
  },
}

/**
 * Emits events that `JSON.stringify` accepts: ids as strings, and errors with their messages. While nobody observes them, brokers that
 * cannot be reached cause a process warning.
 */
export class ProducerEvents extends Subject<ProducerEvent> {
  readonly #warnings = new Warnings()

  override next(event: ProducerEvent): void {
    const failed = event.kind === 'metadataFailed' || event.kind === 'producerIdFailed'
    if (failed && !this.observed) this.#warnings.about(event.error)
    super.next(Object.defineProperty(event, 'toJSON', JSON_METHOD))
  }
}

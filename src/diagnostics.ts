import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import { Observable } from 'rxjs'
import { KafkaError } from './errors.js'

/** What every message of a tracing channel has, once its operation has ended. */
export interface TraceEnd {
  /** Why it failed. */
  error?: Error
}

/** The messages of the tracing channel `rx-kafka:produce`: one object for each Produce request. */
export interface ProduceTrace extends TraceEnd {
  /** The `Producer` that sends it; several in a process may have one `clientId`. Not enumerable, as it is no plain value. */
  readonly producer: object
  /** The option `clientId` of the producer. */
  readonly clientId: string
  /** The broker's node id. */
  readonly nodeId: number
  /** The broker's address, as `host:port`. */
  readonly address: string
  /** At most one for each partition. */
  readonly batches: readonly ProduceTraceBatch[]
  /** One for each batch, in the same order; before `asyncStart`, and if no response arrived, undefined. */
  results?: readonly ProduceTraceResult[]
}

/** A batch that a request carries. */
export interface ProduceTraceBatch {
  /** The topic's name. */
  readonly topic: string
  /** The partition, from 0. */
  readonly partition: number
  /** How many records it has. */
  readonly count: number
  /** Its bytes, compressed. */
  readonly bytes: number
  /** Which request carries it: 1 for the first. */
  readonly attempt: number
  /** The producer epoch that it is stamped with; each partition counts its own. */
  readonly producerEpoch: number
  /** The sequence of its first record. The last one's is `count - 1` higher, and starts again at 0 after 2147483647. */
  readonly baseSequence: number
  /** Its records, as interceptors made them; empty once the batch has its outcome. Made when it is read, so it costs nothing else. */
  readonly records: readonly object[]
}

/** What the response says about a batch. */
export interface ProduceTraceResult {
  /** The offset of the batch's first record; -1: not stored, or stored at an unknown offset. */
  readonly baseOffset: bigint
  /** Why the batch is not stored, or may not be; undefined: it is stored. */
  readonly error: Error | undefined
}

/** The messages of `rx-kafka:connection`: one object for each attempt to connect, handshake included. */
export interface ConnectionTrace extends TraceEnd {
  /** The option `clientId` of the producer. */
  readonly clientId: string
  /** The broker's address, as `host:port`. */
  readonly address: string
  /** The broker whose records it will carry; undefined: it is for requests that any broker can answer. */
  readonly nodeId: number | undefined
}

/** The messages of `rx-kafka:request`: one object for each request that any broker can answer, such as `Metadata`. */
export interface RequestTrace extends TraceEnd {
  /** The option `clientId` of the producer. */
  readonly clientId: string
  /** Kafka's name of the request. */
  readonly api: string
}

/** The tracing channels, by their names without `rx-kafka:`. */
export const channels: {
  readonly produce: TracingChannel<unknown, ProduceTrace>
  readonly connection: TracingChannel<unknown, ConnectionTrace>
  readonly request: TracingChannel<unknown, RequestTrace>
} = {
  produce: tracingChannel('rx-kafka:produce'),
  connection: tracingChannel('rx-kafka:connection'),
  request: tracingChannel('rx-kafka:request'),
}

/**
 * Publishes one operation on a tracing channel, as `TracingChannel.tracePromise` does for a promise: `start` and `end` around its
 * subscription, `asyncStart` and `asyncEnd` around its first value or its error, and `error` before those if it failed. An operation that is
 * given up has failed. Without subscribers, returns the operation as it is.
 *
 * @param messageOf returns the message, which the events of the operation share.
 * @param ended adds the result to the message; returns why the operation failed although it emitted a value.
 */
export function traced<C extends TraceEnd & object, T>(
  channel: TracingChannel<unknown, C>,
  operation: Observable<T>,
  messageOf: () => C,
  ended?: (message: C, value: T) => Error | undefined,
): Observable<T> {
  return new Observable(subscriber => {
    if (!isObserved(channel)) return operation.subscribe(subscriber)
    const message = messageOf()
    let open = true
    const end = (error: Error | undefined, then: () => void): void => {
      open = false
      if (error !== undefined) {
        message.error = error
        channel.error.publish(message)
      }
      channel.asyncStart.runStores(message, () => {
        try {
          then()
        } finally {
          channel.asyncEnd.publish(message)
        }
      })
    }
    subscriber.add(() => {
      if (open) end(new KafkaError('it was given up: nobody waits for it any more'), () => {})
    })
    return channel.start.runStores(message, () => {
      try {
        return operation.subscribe({
          next: value => {
            if (open) end(ended?.(message, value), () => subscriber.next(value))
            else subscriber.next(value)
          },
          error: error => {
            if (open) end(error, () => subscriber.error(error))
            else subscriber.error(error)
          },
          complete: () => subscriber.complete(),
        })
      } finally {
        channel.end.publish(message)
      }
    })
  })
}

/** Whether anybody subscribes to one of its five channels. */
export function isObserved<C extends object>(channel: TracingChannel<unknown, C>): boolean {
  const { start, end, asyncStart, asyncEnd, error } = channel
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  )
}

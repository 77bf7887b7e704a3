/**
 * Records that failed are sent again, where that is safe.
 *
 *     npm run example -- retry-failed
 */
import { from, map, mergeMap, type Observable, type OperatorFunction, of, timer } from 'rxjs'
import { type Ack, createProducer, InvalidRecordError, type Producer, type ProducerRecord } from '../src/index.js'
import { ErrorCode } from '../src/protocol/error-codes.js'
import { openKafka } from './support/kafka.js'

/**
 * As `producer.send()`, but a record that was not written is sent again, up to `times` times. Emits the last ack of each.
 *
 * The producer tries again by itself, in order, for as long as `retries` and `deliveryTimeoutMs` allow: raise these first.
 * From here a record comes behind those that were sent after it.
 */
function sendAndRetry<M>(producer: Producer, times: number): OperatorFunction<ProducerRecord<M>, Ack<M>> {
  const again = (ack: Ack<M>, left: number): Observable<Ack<M>> => {
    if (left === 0 || !isWorthIt(ack)) return of(ack)
    console.log(`${ack.record.value} was not written: once more`)
    return timer(100).pipe(
      map(() => ack.record),
      producer.send<M>(),
      mergeMap(ack => again(ack, left - 1)),
    )
  }
  return records$ =>
    records$.pipe(
      producer.send<M>(),
      mergeMap(ack => again(ack, times)),
    )
}

/** Not what is written, nor may be ('maybe'): it could be there twice then. Nor what will never be a record. */
function isWorthIt(ack: Ack): boolean {
  return ack.kind === 'failed' && ack.persisted === 'no' && !(ack.error instanceof InvalidRecordError)
}

const topic = 'example-retry-failed'
await using kafka = await openKafka({ nodes: 2, topics: { [topic]: { partitions: 2 } } })
await using producer = createProducer({
  brokers: kafka.brokers,
  // So that the embedded broker's trouble outlasts what the producer does against it.
  ...(kafka.cluster && { retries: 1, requestTimeoutMs: 300, deliveryTimeoutMs: 900 }),
})

// Partition 0 lacks replicas for a while. Partition 1 stores what it gets, but does not say so.
const lacking = { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS } as const
kafka.cluster?.inject({ topic, partition: 0, fault: lacking, times: 3 })
kafka.cluster?.inject({ topic, partition: 1, fault: { kind: 'neverAnswer' }, times: Number.POSITIVE_INFINITY })

const stored: ProducerRecord[] = []
await from(Array.from({ length: 6 }, (_, i) => ({ topic, key: `customer ${i}`, value: `order ${i}` })))
  .pipe(sendAndRetry(producer, 2))
  .forEach(ack => {
    console.log(`${ack.record.value}: ${ack.kind}${ack.kind === 'failed' ? `, persisted: '${ack.persisted}'` : ''}`)
    stored.push(ack.record)
  })

// Those that may be stored are: sent again, they would be there twice.
kafka.verify(topic, stored)

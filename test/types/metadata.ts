/** Checked by the compiler, never run: what goes in as `metadata` comes out of `ack.record.metadata` with its type. */
import { Readable } from 'node:stream'
import { filter, map, type Observable, of } from 'rxjs'
import {
  type Ack,
  type AckDuplex,
  type Acked,
  type BatchAck,
  type Failed,
  failFast,
  type Producer,
  type ProducerRecord,
  type RecordFailedError,
  type WebTransform,
} from '../../src/index.js'
import { expectType } from './expect.js'

interface Order {
  readonly id: string
  readonly total: number
}

declare const producer: Producer
declare const orders$: Observable<Order>
const record = { topic: 't', value: 'v', metadata: 1 }
const records = new ReadableStream<typeof record>()

// Operators: without a single annotation.
expectType<Observable<Ack<number>>>()(of(record).pipe(producer.send()))
expectType<Observable<Ack<number>>>()(of(record).pipe(producer.send({})))
expectType<Observable<Acked<number>>>()(of(record).pipe(producer.send(), failFast()))
expectType<Observable<BatchAck<number>>>()(of(record).pipe(producer.sendBatches()))
expectType<Observable<Ack>>()(of({ topic: 't', value: 'v' }).pipe(producer.send()))
expectType<Observable<Ack<string>>>()(
  of<ProducerRecord<string>>({ topic: 't', value: null, metadata: 'm' }).pipe(producer.send()),
)

of(record).pipe(
  producer.send(),
  map(ack => expectType<Ack<number>>()(ack)),
)
of(record).pipe(
  producer.send(),
  failFast(),
  map(ack => {
    expectType<bigint>()(ack.offset)
    expectType<number | undefined>()(ack.record.metadata)
  }),
)
of(record).pipe(
  producer.sendBatches(),
  map(batch => {
    expectType<BatchAck<number>>()(batch)
    for (const ack of batch) expectType<Ack<number>>()(ack)
    batch.forEach(ack => {
      expectType<Ack<number>>()(ack)
    })
  }),
)
orders$.pipe(
  map(order => ({ topic: 'orders', key: order.id, value: JSON.stringify(order), metadata: order })),
  producer.send(),
  map(ack => expectType<Ack<Order>>()(ack)),
)

// An ack says what it has by its kind.
of(record).pipe(
  producer.send(),
  filter(ack => ack.kind !== 'acked'),
  map(ack => {
    expectType<Failed<number>>()(ack)
    expectType<Error>()(ack.error)
    expectType<'no' | 'maybe'>()(ack.persisted)
  }),
)
of(record).pipe(
  producer.send(),
  map(ack => {
    if (ack.kind === 'acked') expectType<bigint>()(ack.offset)
    // @ts-expect-error: only what was acked has an offset
    return ack.offset
  }),
)

// publish(): every kind of source.
expectType<Observable<Ack<number>>>()(producer.publish(of(record)))
expectType<Observable<Ack<number>>>()(producer.publish([record]))
expectType<Observable<Ack<number>>>()(producer.publish(new Set([record])))
expectType<Observable<Ack<number>>>()(producer.publish(Promise.resolve(record)))
expectType<Observable<Ack<number>>>()(producer.publish(records))
expectType<Observable<Ack<number>>>()(
  producer.publish(
    (function* () {
      yield record
    })(),
  ),
)
expectType<Observable<Ack<number>>>()(
  producer.publish(
    (async function* () {
      yield record
    })(),
  ),
)
// A Readable does not say what it gives.
expectType<Observable<Ack>>()(producer.publish(Readable.from([record])))
expectType<Observable<Ack<number>>>()(producer.publish<number>(Readable.from([record])))

// Streams.
expectType<AckDuplex<number>>()(producer.duplex<number>())
expectType<AckDuplex<number>>()(Readable.from([record]).pipe(producer.duplex<number>()))
expectType<ReadableStream<Ack<number>>>()(records.pipeThrough(producer.webTransform()))
expectType<WebTransform<ProducerRecord<number>, number>>()(producer.webTransform<number>())
records.pipeTo(producer.webWritable())
records.pipeTo(producer.webWritable({ onFailed: ack => expectType<number | undefined>()(ack.record.metadata) }))
producer.writable<number>({
  onFailed: ack => {
    expectType<Failed<number>>()(ack)
    expectType<'failed'>()(ack.kind)
  },
})
export async function readAcks(): Promise<void> {
  for await (const ack of producer.duplex<number>()) expectType<Ack<number>>()(ack)
}

// What failFast() errors with knows the metadata too.
declare const failure: RecordFailedError<number>
expectType<Failed<number>>()(failure.ack)
expectType<'no' | 'maybe'>()(failure.persisted)

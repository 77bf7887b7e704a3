/** Checked by the compiler, never run: with `topic`, what goes in comes out of `ack.record.metadata` with its type. */
import { map, type Observable, of } from 'rxjs'
import {
  type Ack,
  type AckDuplex,
  type Acked,
  type BatchAck,
  type Producer,
  type RecordOptions,
  type Serializer,
  serializers,
  type WebTransform,
} from '../../src/index.js'
import { expectType } from './expect.js'

interface Order {
  readonly id: string
  readonly total: number
}

declare const producer: Producer
declare const orders$: Observable<Order>
declare const orders: ReadableStream<Order>
declare const avro: Serializer<Order>
declare const options: RecordOptions<Order>

// Operators: the source says what the functions are given.
expectType<Observable<Ack<Order>>>()(orders$.pipe(producer.send(options)))
expectType<Observable<BatchAck<Order>>>()(orders$.pipe(producer.sendBatches(options)))
expectType<Observable<Ack<Order>>>()(orders$.pipe(producer.send({ topic: 'orders', value: avro })))
expectType<Observable<Ack<Order>>>()(orders$.pipe(producer.send({ topic: 'orders', value: serializers.json })))
expectType<Observable<Ack<string>>>()(of('line').pipe(producer.send({ topic: 'lines' })))
orders$.pipe(
  producer.send({ topic: 'orders', key: order => order.id, value: serializers.json }),
  map(ack => expectType<Ack<Order>>()(ack)),
)
orders$.pipe(
  producer.sendBatches({ topic: 'orders', key: order => order.id, value: serializers.string }),
  map(batch => expectType<BatchAck<Order>>()(batch)),
)
orders$.pipe(
  producer.send({
    topic: order => `orders-${order.total}`,
    key: async (order, { isKey }) => `${order.id} ${isKey}`,
    value: async (order, { topic }) => Buffer.from(`${topic} ${order.total}`),
    headers: order => ({ id: order.id }),
    partition: order => order.total,
    timestamp: order => order.total,
    signal: new AbortController().signal,
  }),
  map(ack => expectType<Ack<Order>>()(ack)),
)

// publish(), whatever the source is.
expectType<Observable<Ack<Order>>>()(producer.publish(orders$, { topic: 'orders', value: serializers.json }))
expectType<Observable<Ack<Order>>>()(producer.publish(orders, { topic: 'orders', value: order => order.id }))
expectType<Observable<Ack<string>>>()(producer.publish(['line'], { topic: 'lines' }))
expectType<Observable<Ack<number>>>()(
  producer.publish(
    (async function* () {
      yield 1
    })(),
    { topic: 'numbers', value: n => n.toFixed(2) },
  ),
)

// Streams.
expectType<ReadableStream<Ack<Order>>>()(
  orders.pipeThrough(producer.webTransform({ topic: 'orders', value: order => order.id })),
)
orders.pipeTo(
  producer.webWritable({
    topic: 'orders',
    value: order => order.id,
    onFailed: ack => expectType<Order | undefined>()(ack.record.metadata),
  }),
)
expectType<WebTransform<Order, Order>>()(producer.webTransform(options))
expectType<AckDuplex<Order>>()(producer.duplex(options))
expectType<AckDuplex<Order>>()(producer.duplex<Order>({ topic: 'orders', key: order => order.id, value: avro }))
producer.writable({ ...options, onFailed: ack => expectType<Order | undefined>()(ack.record.metadata) })

// What is a record's value as it is needs no serializer; anything else does.
of(Buffer.alloc(1)).pipe(producer.send({ topic: 'bytes', concurrency: 4 }))
expectType<Observable<Ack<string | null>>>()(producer.publish(of('line', null), { topic: 'lines' }))
producer.writable({ topic: 'lines' })
producer.duplex({ topic: 'lines', key: line => line })
// @ts-expect-error an Order is no value.
orders$.pipe(producer.send({ topic: 'orders' }))
// @ts-expect-error an Order is no value.
orders$.pipe(producer.send({ topic: 'orders', key: (order: Order) => order.id }))
// @ts-expect-error an Order is no value.
orders$.pipe(producer.sendBatches({ topic: 'orders' }))
// @ts-expect-error an Order is no value.
producer.publish(orders$, { topic: 'orders' })
// @ts-expect-error an Order is no value.
producer.writable<Order>({ topic: 'orders' })
// @ts-expect-error an Order is no value.
producer.duplex<Order>({ topic: 'orders' })
// @ts-expect-error an Order is no value.
producer.webWritable<Order>({ topic: 'orders' })
// @ts-expect-error an Order is no value.
producer.webTransform<Order>({ topic: 'orders' })

// One record.
expectType<Promise<Acked<Order>>>()(producer.sendOne({ topic: 'orders', value: 'v', metadata: {} as Order }))
expectType<Promise<void>>()(producer.connect({ signal: AbortSignal.timeout(1) }))

/**
 * Records that can never be written go to a dead-letter topic, with the reason.
 *
 *     npm run example -- dead-letter
 */
import { inspect } from 'node:util'
import { connect, filter, from, map, merge } from 'rxjs'
import {
  type Ack,
  BrokerError,
  createProducer,
  InvalidRecordError,
  type ProducerRecord,
  serializers,
} from '../src/index.js'
import { openKafka } from './support/kafka.js'

interface Order {
  readonly id: number
  readonly customer: string
  readonly items: unknown
}

const topic = 'example-orders'
const deadLetters = 'example-orders-dead-letter'
await using kafka = await openKafka({
  topics: { [topic]: { partitions: 3 }, [deadLetters]: { partitions: 1 } },
  maxMessageBytes: 500_000,
})
await using producer = createProducer({ brokers: kafka.brokers })

/** Of a hundred orders one has no JSON, one is larger than the broker takes, and one larger than the producer does. */
const items = (id: number): unknown =>
  ({ 13: 1n, 42: 'x'.repeat(700_000), 77: 'x'.repeat(2_000_000) })[id] ?? ['teapot']
const orders = Array.from({ length: 100 }, (_, id): Order => ({ id, customer: `c${id % 10}`, items: items(id) }))

type Failed = Ack<Order> & { kind: 'failed' }

/** Where to send it again would fail again. What brokers are to blame for does not belong to the dead letters. */
const isHopeless = (ack: Ack<Order>): ack is Failed =>
  ack.kind === 'failed' &&
  // Only what is certainly not in the topic: one that may be, and is written once more from here, would be there twice.
  ack.persisted === 'no' &&
  (ack.error instanceof InvalidRecordError ||
    (ack.error instanceof BrokerError && ack.error.codeName === 'MESSAGE_TOO_LARGE'))

/** What can be kept of a record that is too large, or has no bytes at all: its data, as far as it fits. */
const deadLetter = ({ record, error }: Failed): ProducerRecord => ({
  topic: deadLetters,
  key: record.metadata!.customer,
  value: inspect(record.metadata).slice(0, 1_000),
  headers: { reason: error.message, topic: record.topic },
})

// connect() has all branches share one subscription. Each one of its own would send every order again.
const acks$ = from(orders).pipe(
  producer.send<Order>({ topic, key: order => order.customer, value: serializers.json }),
  connect(acks$ =>
    merge(
      acks$.pipe(filter(ack => !isHopeless(ack))),
      acks$.pipe(filter(isHopeless), map(deadLetter), producer.send()),
    ),
  ),
)

const written: ProducerRecord[] = []
const dead: ProducerRecord[] = []
await acks$.forEach(ack => {
  if (ack.kind === 'acked') (ack.topic === topic ? written : dead).push(ack.record)
  // Left for a person: a broker's trouble, or 'maybe': whether it is there can only be seen in the topic.
  else console.error(`neither written nor a dead letter: ${inspect(ack, { depth: 1 })}`)
})
kafka.verify(topic, written)
kafka.verify(deadLetters, dead)
for (const { headers } of kafka.cluster?.records(deadLetters, 0) ?? []) {
  console.log(`dead letter: ${headers.map(([name, value]) => `${name}: ${value}`).join('; ')}`)
}

/**
 * An observable of records, and the ack of each.
 *
 *     npm run example -- acks
 */
import { from } from 'rxjs'
import { createProducer, type ProducerRecord } from '../src/index.js'
import { openKafka } from './support/kafka.js'

const topic = 'example-acks'
await using kafka = await openKafka({ topics: { [topic]: { partitions: 3 } } })
await using producer = createProducer({ brokers: kafka.brokers })

/** A thousand orders; number 500 is far larger than what brokers take. */
const orders = Array.from({ length: 1_000 }, (_, i) => ({
  topic,
  key: `customer-${i % 50}`,
  value: i === 500 ? 'x'.repeat(2_000_000) : `order ${i}`,
  metadata: i,
}))

const perPartition = new Map<number, number>()
const written: ProducerRecord[] = []

// A record that fails does not end the stream: every record has one ack, and its neighbours go on.
await from(orders)
  .pipe(producer.send<number>())
  .forEach(ack => {
    switch (ack.kind) {
      case 'acked':
        perPartition.set(ack.partition, (perPartition.get(ack.partition) ?? 0) + 1)
        written.push(ack.record)
        break
      case 'failed':
        // 'no': it is not in the log. 'maybe': it was sent, and nobody answered.
        console.log(`order ${ack.record.metadata} failed, persisted: '${ack.persisted}': ${ack.error.message}`)
    }
  })

for (const [partition, count] of [...perPartition].sort(([a], [b]) => a - b)) {
  console.log(`partition ${partition}: ${count} acked`)
}
kafka.verify(topic, written)

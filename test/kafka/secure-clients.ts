import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { concat, finalize, firstValueFrom, interval, lastValueFrom, NEVER, of, toArray } from 'rxjs'
import { type Ack, createProducer, type ProducerEvent, type ProducerOptions } from '../../src/index.js'
import { findings } from '../support/validator.js'
import type { KafkaCluster, SecureListener } from './kafka-cluster.js'
import { readWithKcat } from './readers.js'

export interface Run {
  /** Is created. */
  readonly topic: string
  readonly partitions: number
  readonly listener: SecureListener
  readonly ms: number
}

/** Sends records for a while, four requests in flight to some broker, and checks what Kafka has of them. Returns the events. */
export async function sendFor(
  kafka: KafkaCluster,
  { topic, partitions, listener, ms }: Run,
  options: Partial<ProducerOptions>,
): Promise<ProducerEvent[]> {
  await kafka.createTopic(topic, partitions)
  // Little is buffered, so that the end is near when the source has ended, on a slow machine too.
  const sizes = { batchSize: 20_000, maxRequestSize: 100_000, bufferMemory: 1_000_000 }
  await using producer = createProducer({ brokers: kafka.brokersAt(listener), ...sizes, ...options })
  const events: ProducerEvent[] = []
  producer.events$.subscribe(event => events.push(event))
  const start = Date.now()
  let count = 0
  async function* records() {
    for (; Date.now() < start + ms; count++) {
      // Bursts of at most 25 records a ms: a reader has to hold them all in memory, on a fast machine too.
      while (count > 2_000 + 25 * (Date.now() - start)) await sleep(10)
      yield { topic, key: `k${count % 10}`, value: `value ${count}`.padEnd(2000), metadata: count }
    }
  }
  let most = 0
  const watching = interval(1).subscribe(() => {
    most = Math.max(most, ...producer.inFlight.values())
  })
  const acks: Ack<number>[] = await lastValueFrom(
    producer.publish(records()).pipe(
      toArray(),
      finalize(() => watching.unsubscribe()),
    ),
  )
  assert.equal(most, 4)
  assert.deepEqual(findings(count, acks, await readWithKcat(kafka.brokers, topic)), [])
  assert.deepEqual(
    acks.filter(ack => ack.kind !== 'acked'),
    [],
  )
  let stored = 0
  for (const batches of (await kafka.dumpLogs(topic)).values()) {
    let next = 0
    for (const batch of batches) {
      assert.deepEqual([batch.baseSequence, batch.producerEpoch, batch.isvalid], [next, 0, true])
      next += batch.count
    }
    stored += next
  }
  assert.equal(stored, count)
  return events
}

/** What a producer tells of its first failure, and whether that ends it. */
export async function firstFailure(
  brokers: readonly string[],
  options: Partial<ProducerOptions>,
): Promise<{ error: Error; fatal: boolean }> {
  const soon = { requestTimeoutMs: 1000, deliveryTimeoutMs: 2000 }
  const producer = createProducer({ brokers, ...soon, ...options })
  const told: { error: Error; fatal: boolean }[] = []
  producer.events$.subscribe(event => {
    if ('error' in event) told.push({ error: event.error, fatal: event.kind === 'fatal' })
  })
  const acks$ = concat(of({ topic: 't', value: 'v' }), NEVER).pipe(producer.send())
  const ack = await firstValueFrom(acks$)
  assert.equal(ack.kind, 'failed')
  await producer.close()
  return told.find(one => one.fatal) ?? told[0]!
}

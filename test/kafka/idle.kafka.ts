import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { filter, firstValueFrom } from 'rxjs'
import { createProducer, IdleConnectionError, type ProducerEvent } from '../../src/index.js'
import { KafkaCluster } from './kafka-cluster.js'
import { readWithKcat } from './readers.js'

/* Connections that nobody uses: the broker closes them, or the producer does. */

const MAX_IDLE_MS = 3_000

let kafka: KafkaCluster

before(async () => {
  kafka = await KafkaCluster.start({ properties: { 'connections.max.idle.ms': MAX_IDLE_MS } })
})
after(() => kafka.stop())

for (const [who, idleConnectionMs] of [
  ['broker', 0],
  ['producer', MAX_IDLE_MS / 3],
] as const) {
  test(`the ${who} closes an idle connection: no retry, no failed request, and the next record is written`, async () => {
    const topic = `idle-${who}`
    await kafka.createTopic(topic, 1)
    await using producer = createProducer({ brokers: kafka.brokers, idleConnectionMs })
    // A broker that has just started may have no producer id yet.
    await producer.connect()
    const events: ProducerEvent[] = []
    producer.events$.subscribe(event => events.push(event))
    for (const value of ['a', 'b', 'c']) {
      // The next one is sent as soon as the connection of this one is gone.
      const gone = firstValueFrom(producer.events$.pipe(filter(event => event.kind === 'disconnected')))
      await producer.sendOne({ topic, value })
      const { error } = await gone
      assert.equal(error instanceof IdleConnectionError, who === 'producer', error.message)
    }
    const kinds = new Set(events.map(({ kind }) => kind))
    assert.deepEqual([...kinds].sort(), ['connected', 'disconnected', 'metadata'])
    assert.deepEqual(
      (await readWithKcat(kafka.brokers, topic)).map(({ value }) => String(value)),
      ['a', 'b', 'c'],
    )
  })
}

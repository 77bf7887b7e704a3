import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createProducer } from '../../src/index.js'
import { Lines } from '../support/lines.js'
import { KafkaCluster } from './kafka-cluster.js'

test('a rolling restart of three brokers under load is a story of less than ten lines at level info', async () => {
  await using kafka = await KafkaCluster.start({ nodes: 3 })
  await kafka.createTopic('rolling', 6)
  const lines = new Lines()
  await using producer = createProducer({ brokers: kafka.brokers, logger: lines })
  let stopped = false
  let acked = 0
  async function* records() {
    for (let i = 0; !stopped; i++) {
      yield { topic: 'rolling', partition: i % 6, value: `v${i}` }
      if (i % 6 === 5) await sleep(10)
    }
  }
  const done = producer.publish(records()).forEach(ack => {
    assert.equal(ack.kind, 'acked')
    acked++
  })
  await sleep(2_000)
  const before = lines.story.length
  for (const id of kafka.nodeIds) {
    await kafka.kill(id, 'SIGTERM')
    await sleep(2_000)
    await kafka.heal()
    // The controller gives a broker its partitions back only after minutes, or when it is asked to.
    for (const partition of [0, 1, 2, 3, 4, 5])
      await kafka.moveLeader('rolling', partition, kafka.nodeIds[partition % 3]!)
    await sleep(1_000)
  }
  stopped = true
  await done
  const story = lines.story.slice(before)
  console.log(`${lines.story.join('\n')}\n(${lines.all.length} lines at level debug, ${acked} records)`)
  assert.ok(story.length < 10, `${story.length}`)
  for (const id of kafka.nodeIds) {
    assert.ok(story.some(line => line.startsWith(`warn: lost the connection to broker ${id} `)))
    assert.ok(story.some(line => line.startsWith(`info: connected to broker ${id} `) && line.includes(' again after ')))
  }
})

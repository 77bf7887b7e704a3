import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { startCluster } from '../../src/testing/index.js'

const PARTITIONS = 4
const values = Array.from({ length: 200 }, (_, i) => `v${i}`)

test('two consumers of another client share a topic; one leaves, the other takes over where it was', async () => {
  await using cluster = await startCluster({ nodes: 2, topics: { t: { partitions: PARTITIONS } } })
  const kafka = new kafkajs.Kafka({ brokers: [...cluster.brokers], logLevel: kafkajs.logLevel.NOTHING })
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  const read: { consumer: string; partition: number; offset: string; value: string }[] = []
  const assigned: Record<string, number[]> = {}
  const changed = new Set<() => void>()

  /** Resolves when the predicate holds, which is looked at when something was read or assigned. */
  const until = (predicate: () => boolean): Promise<void> =>
    new Promise(resolve => {
      const check = (): void => {
        if (!predicate()) return
        changed.delete(check)
        resolve()
      }
      changed.add(check)
      check()
    })
  const start = async (name: string): Promise<kafkajs.Consumer> => {
    const consumer = kafka.consumer({ groupId: 'g', heartbeatInterval: 50, maxWaitTimeInMs: 50 })
    consumer.on('consumer.group_join', ({ payload }) => {
      assigned[name] = payload.memberAssignment.t ?? []
      for (const check of changed) check()
    })
    await consumer.connect()
    await consumer.subscribe({ topic: 't', fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ partition, message: { offset, value } }) => {
        read.push({ consumer: name, partition, offset, value: `${value}` })
        for (const check of changed) check()
      },
    })
    return consumer
  }
  const send = (from: number, to: number): Promise<unknown> =>
    producer.send({
      topic: 't',
      messages: values.slice(from, to).map((value, i) => ({ value, partition: i % PARTITIONS })),
    })

  await producer.connect()
  const [a, b] = await Promise.all([start('a'), start('b')])
  await until(() => assigned.a?.length === 2 && assigned.b?.length === 2)
  assert.deepEqual([...assigned.a!, ...assigned.b!].sort(), [0, 1, 2, 3])
  await send(0, 100)
  await until(() => read.length === 100)
  assert.equal(read.filter(({ consumer }) => consumer === 'a').length, 50)

  await b.disconnect()
  await until(() => assigned.a?.length === PARTITIONS)
  await send(100, 200)
  await until(() => read.length >= 200)
  assert.deepEqual(
    read.map(({ value }) => value).sort(),
    [...values].sort(),
    'each once: the offsets that the one that left had committed are known',
  )
  assert.ok(read.slice(100).every(({ consumer }) => consumer === 'a'))
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const offsets = read.filter(one => one.partition === partition).map(({ offset }) => Number(offset))
    assert.deepEqual(
      offsets,
      Array.from({ length: 50 }, (_, i) => i),
    )
  }
  await Promise.all([a.disconnect(), producer.disconnect()])
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import kafkajs from 'kafkajs'
import { startCluster, type TestCluster } from '../../../src/testing/index.js'

/** Over TCP, with a client that shares no code with this project; it speaks the classic protocol. */
function client(cluster: TestCluster): kafkajs.Kafka {
  const retry = { retries: 10, initialRetryTime: 5, factor: 0, multiplier: 1 }
  return new kafkajs.Kafka({ brokers: cluster.brokers, logLevel: kafkajs.logLevel.NOTHING, retry })
}

async function transactional(kafka: kafkajs.Kafka, transactionalId = 'tx'): Promise<kafkajs.Producer> {
  const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  return producer
}

/** The values that a consumer gets, once there are so many. */
async function consumed(
  kafka: kafkajs.Kafka,
  topic: string,
  count: number,
  readUncommitted = false,
): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: `reads ${topic}`, readUncommitted, maxWaitTimeInMs: 20 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const values: string[] = []
  await new Promise<void>(resolve => {
    void consumer.run({
      eachMessage: async ({ message }) => {
        values.push(`${message.value}`)
        if (values.length === count) resolve()
      },
    })
  })
  await consumer.disconnect()
  return values
}

describe('kafkajs', () => {
  for (const markerDelayMs of [0, 20]) {
    test(`commits and aborts over several partitions and nodes; markers after ${markerDelayMs} ms`, async () => {
      await using cluster = await startCluster({ nodes: 3, markerDelayMs, topics: { t: { partitions: 3 } } })
      const kafka = client(cluster)
      const producer = await transactional(kafka)
      for (let i = 0; i < 6; i++) {
        const transaction = await producer.transaction()
        for (let partition = 0; partition < 3; partition++) {
          await transaction.send({ topic: 't', messages: [{ partition, value: `${i}` }] })
        }
        await (i % 2 === 0 ? transaction.commit() : transaction.abort())
      }
      await producer.send({ topic: 't', messages: [{ partition: 0, value: 'last' }] })
      const values = await consumed(kafka, 't', 10)
      assert.deepEqual(values.sort(), [...['0', '2', '4'].flatMap(i => [i, i, i]), 'last'])
      for (let partition = 0; partition < 3; partition++) {
        const committed = cluster.records('t', partition, { isolation: 'read_committed' })
        assert.deepEqual(
          committed.map(({ value }) => `${value}`),
          partition === 0 ? ['0', '2', '4', 'last'] : ['0', '2', '4'],
        )
      }
      await producer.disconnect()
    })
  }

  test('reads uncommitted records on request', async () => {
    await using cluster = await startCluster({ topics: { t: { partitions: 1 } } })
    const kafka = client(cluster)
    const producer = await transactional(kafka)
    const transaction = await producer.transaction()
    await transaction.send({ topic: 't', messages: [{ value: 'a' }, { value: 'b' }] })
    assert.deepEqual(await consumed(kafka, 't', 2, true), ['a', 'b'])
    await transaction.abort()
    await producer.disconnect()
  })

  test('consumes, transforms and produces: offsets and records go together', async () => {
    await using cluster = await startCluster({ topics: { source: { partitions: 1 }, target: { partitions: 1 } } })
    const kafka = client(cluster)
    const producer = await transactional(kafka)
    for (const [offset, end] of [
      ['5', 'abort'],
      ['7', 'commit'],
    ] as const) {
      const transaction = await producer.transaction()
      await transaction.send({ topic: 'target', messages: [{ value: end }] })
      const topics = [{ topic: 'source', partitions: [{ partition: 0, offset }] }]
      await transaction.sendOffsets({ consumerGroupId: 'g', topics })
      await transaction[end]()
      const admin = kafka.admin()
      await admin.connect()
      const [committed] = await admin.fetchOffsets({ groupId: 'g', topics: ['source'] })
      assert.equal(committed?.partitions[0]?.offset, end === 'commit' ? '7' : '-1')
      await admin.disconnect()
    }
    assert.deepEqual(await consumed(kafka, 'target', 1), ['commit'])
    await producer.disconnect()
  })

  test('finds a coordinator that has moved', async () => {
    await using cluster = await startCluster({ nodes: 2, topics: { t: { partitions: 1 } } })
    const kafka = client(cluster)
    cluster.moveCoordinator('tx', 1)
    const producer = await transactional(kafka)
    const transaction = await producer.transaction()
    await transaction.send({ topic: 't', messages: [{ value: 'a' }] })
    await transaction.commit()
    cluster.moveCoordinator('tx', 2)
    const another = await transactional(kafka)
    const next = await another.transaction()
    await next.send({ topic: 't', messages: [{ value: 'b' }] })
    await next.commit()
    assert.deepEqual(await consumed(kafka, 't', 2), ['a', 'b'])
    await assert.rejects(
      producer.transaction().then(async old => old.send({ topic: 't', messages: [{ value: 'c' }] })),
      'it was fenced',
    )
    await Promise.all([producer.disconnect(), another.disconnect()])
  })
})

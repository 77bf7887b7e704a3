import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import kafkajs from 'kafkajs'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'

/** Over TCP, as kafkajs 2.2.4 sees it: a client that shares no code with this project. */
const client = (cluster: TestCluster, retries = 5): kafkajs.Kafka =>
  new kafkajs.Kafka({
    brokers: cluster.brokers,
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries, initialRetryTime: 5, factor: 0, multiplier: 1 },
  })

const values = (cluster: TestCluster, topic: string, partition = 0): string[] =>
  cluster.records(topic, partition).map(({ value }) => String(value))

describe('kafkajs: producer', () => {
  for (const idempotent of [false, true]) {
    test(`${idempotent ? 'idempotent' : 'plain'}: keys, nulls, headers, timestamps and order`, async () => {
      await using cluster = await startCluster({ nodes: 3, topics: { t: { partitions: 3 } } })
      const producer = client(cluster).producer({ idempotent, maxInFlightRequests: 1 })
      await producer.connect()
      for (const partition of [0, 1, 2]) {
        for (let i = 0; i < 3; i++) {
          const [sent] = await producer.send({
            topic: 't',
            acks: -1,
            messages: [
              { partition, key: `k${i}`, value: `v${i}`, timestamp: `${1000 + i}`, headers: { a: 'b', c: 'd' } },
              { partition, key: null, value: null, timestamp: '7' },
            ],
          })
          assert.deepEqual([sent?.partition, sent?.errorCode, sent?.baseOffset], [partition, 0, `${i * 2}`])
        }
      }
      await producer.disconnect()
      for (const partition of [0, 1, 2]) {
        const records = cluster.records('t', partition)
        assert.deepEqual(
          records.map(({ offset, key, value, timestamp }) => [offset, key && `${key}`, value && `${value}`, timestamp]),
          [0, 1, 2].flatMap(i => [
            [BigInt(i * 2), `k${i}`, `v${i}`, BigInt(1000 + i)],
            [BigInt(i * 2 + 1), null, null, 7n],
          ]),
        )
        assert.deepEqual(
          records[0]?.headers.map(([name, value]) => [name, String(value)]),
          [
            ['a', 'b'],
            ['c', 'd'],
          ],
        )
        assert.deepEqual(
          records.map(({ sequence }) => sequence),
          idempotent ? [0, 1, 2, 3, 4, 5] : [-1, -1, -1, -1, -1, -1],
        )
        assert.equal(records[0]!.producerId >= 0n, idempotent)
      }
    })
  }

  test('gzip, and acks 1 and 0', async () => {
    await using cluster = await startCluster({ topics: { t: { partitions: 1 } } })
    const producer = client(cluster).producer()
    await producer.connect()
    const messages = [{ value: 'x'.repeat(500) }]
    await producer.send({ topic: 't', messages, compression: kafkajs.CompressionTypes.GZIP })
    await producer.send({ topic: 't', messages, acks: 0 })
    await producer.send({ topic: 't', messages, acks: 1 })
    await producer.disconnect()
    assert.deepEqual(
      cluster.records('t', 0).map(({ value }) => value?.length),
      [500, 500, 500],
    )
    assert.deepEqual(
      cluster.batches('t', 0).map(({ compression }) => compression),
      [1, 0, 0],
    )
  })

  test('a topic that it is the first to name is created', async () => {
    await using cluster = await startCluster({ nodes: 2, defaultPartitions: 2, leaderElectionMs: 20 })
    const producer = client(cluster, 20).producer()
    await producer.connect()
    await producer.send({ topic: 'new', messages: [{ value: 'a', partition: 1 }] })
    await producer.disconnect()
    assert.deepEqual(values(cluster, 'new', 1), ['a'])
  })

  test('idempotent: appended, then the connection drops: sent again, a duplicate, stored once', async () => {
    await using cluster = await startCluster({ topics: { t: { partitions: 1 } } })
    const producer = client(cluster).producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    await producer.send({ topic: 't', messages: [{ value: 'a' }] })
    cluster.inject({ fault: { kind: 'appendThenDrop' } })
    const [sent] = await producer.send({ topic: 't', messages: [{ value: 'b' }] })
    await producer.send({ topic: 't', messages: [{ value: 'c' }] })
    await producer.disconnect()
    assert.deepEqual([sent?.errorCode, sent?.baseOffset], [0, '1'])
    assert.deepEqual(values(cluster, 't'), ['a', 'b', 'c'])
    assert.equal(cluster.trace.filter(({ kind }) => kind === 'duplicate').length, 1)
  })

  test('not idempotent: the same fault stores it twice', async () => {
    await using cluster = await startCluster({ topics: { t: { partitions: 1 } } })
    const producer = client(cluster).producer()
    await producer.connect()
    cluster.inject({ fault: { kind: 'appendThenDrop' } })
    await producer.send({ topic: 't', messages: [{ value: 'a' }] })
    await producer.disconnect()
    assert.deepEqual(values(cluster, 't'), ['a', 'a'])
  })

  test('a leader that moves is found again', async () => {
    await using cluster = await startCluster({ nodes: 2, topics: { t: { partitions: 1 } } })
    const producer = client(cluster).producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    await producer.send({ topic: 't', messages: [{ value: 'a' }] })
    cluster.moveLeader('t', 0, 2)
    await producer.send({ topic: 't', messages: [{ value: 'b' }] })
    await producer.disconnect()
    assert.deepEqual(values(cluster, 't'), ['a', 'b'])
    const rejected = cluster.trace.filter(entry => entry.kind === 'rejected')
    assert.deepEqual(
      rejected.map(({ rule, errorCode }) => [rule, errorCode]),
      [['leader', ErrorCode.NOT_LEADER_OR_FOLLOWER]],
    )
  })

  test('an error that it cannot get over reaches the caller', async () => {
    await using cluster = await startCluster({ topics: { t: { partitions: 1 } }, maxMessageBytes: 1000 })
    const producer = client(cluster).producer()
    await producer.connect()
    await assert.rejects(producer.send({ topic: 't', messages: [{ value: 'x'.repeat(2000) }] }), /too large|larger/i)
    await producer.disconnect()
    assert.deepEqual(values(cluster, 't'), [])
  })

  test('old brokers: only versions of Kafka 2.1', async () => {
    await using cluster = await startCluster({
      topics: { t: { partitions: 1 } },
      apiVersions: { Produce: [3, 7], Fetch: [4, 10], Metadata: [4, 7], InitProducerId: [0, 1], ApiVersions: [0, 2] },
    })
    const producer = client(cluster).producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    await producer.send({ topic: 't', messages: [{ value: 'a' }] })
    await producer.disconnect()
    assert.deepEqual(values(cluster, 't'), ['a'])
  })
})

describe('kafkajs: admin', () => {
  test('creates topics, lists them, describes the cluster, finds offsets', async () => {
    await using cluster = await startCluster({ nodes: 3 })
    const admin = client(cluster).admin()
    await admin.connect()
    const topics = [
      { topic: 'a', numPartitions: 4 },
      { topic: 'b', numPartitions: 1 },
    ]
    assert.equal(await admin.createTopics({ topics, waitForLeaders: true }), true)
    assert.equal(await admin.createTopics({ topics }), false, 'they are there already')
    assert.deepEqual((await admin.listTopics()).sort(), ['a', 'b'])
    const described = await admin.fetchTopicMetadata({ topics: ['a'] })
    assert.equal(described.topics[0]?.partitions.length, 4)
    assert.deepEqual(
      (await admin.describeCluster()).brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]),
      cluster.brokers.map((broker, i) => [i + 1, broker]),
    )
    const producer = client(cluster).producer()
    await producer.connect()
    await producer.send({
      topic: 'b',
      messages: [
        { value: '1', timestamp: '100' },
        { value: '2', timestamp: '200' },
      ],
    })
    assert.deepEqual(await admin.fetchTopicOffsets('b'), [{ partition: 0, offset: '2', low: '0', high: '2' }])
    assert.deepEqual(await admin.fetchTopicOffsetsByTimestamp('b', 150), [{ partition: 0, offset: '1' }])
    await Promise.all([producer.disconnect(), admin.disconnect()])
  })
})

describe('kafkajs: consumer', () => {
  test('reads everything, in order, from all nodes, while it is being written', async () => {
    await using cluster = await startCluster({ nodes: 3, topics: { t: { partitions: 3 } } })
    const kafka = client(cluster)
    const producer = kafka.producer()
    const consumer = kafka.consumer({ groupId: 'g', maxWaitTimeInMs: 50 })
    await Promise.all([producer.connect(), consumer.connect()])
    const send = (from: number): Promise<unknown> =>
      Promise.all(
        [0, 1, 2].map(partition =>
          producer.send({
            topic: 't',
            messages: Array.from({ length: 50 }, (_, i) => ({ partition, value: `${from + i}` })),
          }),
        ),
      )
    await send(0)
    await consumer.subscribe({ topic: 't', fromBeginning: true })
    const read: string[][] = [[], [], []]
    const done = new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
      void consumer.run({
        eachMessage: async ({ partition, message }) => {
          read[partition]!.push(String(message.value))
          if (read.every(values => values.length === 100)) resolve()
        },
      })
    })
    await send(50)
    await done
    await Promise.all([consumer.disconnect(), producer.disconnect()])
    const expected = Array.from({ length: 100 }, (_, i) => `${i}`)
    assert.deepEqual(read, [expected, expected, expected])
  })
})

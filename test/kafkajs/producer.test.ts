import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import kafkajs from 'kafkajs'
import { CompressionTypes, Kafka, KafkaJSError, KafkaJSNonRetriableError } from '../../src/kafkajs/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'
import { APIS, client, connected, messages, rejection, valuesIn } from './support.js'

const ONE = { topics: { t: { partitions: 1 } } }

/** The entry of a partition in what a send resolves to. */
const entry = (topicName: string, baseOffset: number, partition = 0): kafkajs.RecordMetadata => ({
  topicName,
  partition,
  errorCode: 0,
  baseOffset: `${baseOffset}`,
  logAppendTime: '-1',
  logStartOffset: '0',
})

const requestCount = (cluster: TestCluster): number =>
  cluster.trace.filter(entry => entry.kind === 'request' && entry.api === 'Produce').length

describe('what a call is refused with, the same as kafkajs', () => {
  const CALLS: readonly (readonly [what: string, send: (producer: kafkajs.Producer) => Promise<unknown>])[] = [
    ['no topic', producer => producer.send({ topic: null as never, messages: [] })],
    ['no messages', producer => producer.send({ topic: 't', messages: null as never })],
    ['a message without value', producer => producer.send({ topic: 't', messages: [{ foo: 'bar' } as never] })],
    ['a batch without a topic', producer => producer.sendBatch({ topicMessages: [{ topic: '', messages: [] }] })],
    ['a producer that is not connected', producer => producer.send({ topic: 't', messages: messages(1) })],
    ['a transaction without transactionalId', producer => producer.transaction()],
    ['an unknown event', async producer => producer.on('NONE' as never, () => {})],
  ]
  for (const [what, call] of CALLS) {
    test(what, async () => {
      await using cluster = await startCluster(ONE)
      const [its, mine] = await Promise.all(
        APIS.map(async ([, api]) => rejection(call(client(cluster, api).producer({ idempotent: true })))),
      )
      assert.deepEqual([mine!.name, mine!.message, mine!.retriable], [its!.name, its!.message, its!.retriable])
      assert.ok(mine instanceof KafkaJSError)
    })
  }
})

test('acks 0 and 1 are refused, with what to change', async () => {
  await using cluster = await startCluster(ONE)
  const producer = await connected(cluster)
  for (const acks of [0, 1]) {
    const error = await rejection(producer.send({ topic: 't', acks, messages: messages(1) }))
    assert.ok(error instanceof KafkaJSNonRetriableError)
    assert.match(error.message, /^Not requiring ack for all messages invalidates .*leave it out, or set -1$/)
  }
  await producer.send({ topic: 't', acks: -1, messages: messages(1) })
  await producer.disconnect()
  assert.deepEqual(valuesIn(cluster, 't'), ['value-0'])
})

test('while it is disconnecting it takes no more, and delivers what it has', async () => {
  await using cluster = await startCluster({ ...ONE, replyDelayMs: 20 })
  const producer = await connected(cluster)
  const sent = producer.send({ topic: 't', messages: messages(1) })
  const closing = producer.disconnect()
  const error = await rejection(producer.send({ topic: 't', messages: messages(1, 1) }))
  assert.match(error.message, /The producer is disconnecting/)
  assert.equal(error.retriable, false)
  await closing
  assert.deepEqual(await sent, [entry('t', 0)])
  assert.deepEqual(valuesIn(cluster, 't'), ['value-0'])
})

test('calls whose messages still wait for their turn are delivered before it closes', async () => {
  await using cluster = await startCluster(ONE)
  const producer = await connected(cluster)
  const sends = [0, 1, 2].map(i => producer.send({ topic: 't', messages: messages(3_000, i * 3_000) }))
  await producer.disconnect()
  await Promise.all(sends)
  assert.equal(valuesIn(cluster, 't').length, 9_000)
})

test('it connects again after it was disconnected, and disconnects however often it is asked to', async () => {
  await using cluster = await startCluster(ONE)
  const producer = await connected(cluster)
  await producer.send({ topic: 't', messages: messages(1) })
  await producer.disconnect()
  await producer.disconnect()
  assert.match((await rejection(producer.send({ topic: 't', messages: [] }))).message, /The producer is disconnected/)
  await producer.connect()
  await producer.connect()
  assert.deepEqual(await producer.send({ topic: 't', messages: messages(1, 1) }), [entry('t', 1)])
  await producer.disconnect()
  assert.deepEqual(valuesIn(cluster, 't'), ['value-0', 'value-1'])
})

test('one entry for each partition of a send, with the offset of its first message', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 3 }, u: { partitions: 1 } } })
  const producer = await connected(cluster)
  const spread = [2, 0, 2, 1, 0].map((partition, i) => ({ partition, value: `${i}` }))
  assert.deepEqual(await producer.send({ topic: 't', messages: spread }), [
    entry('t', 0, 0),
    entry('t', 0, 1),
    entry('t', 0, 2),
  ])
  assert.deepEqual(await producer.send({ topic: 't', messages: spread }), [
    entry('t', 2, 0),
    entry('t', 1, 1),
    entry('t', 2, 2),
  ])
  const topicMessages = [
    { topic: 'u', messages: messages(2) },
    { topic: 't', messages: [{ partition: 1, value: 'x' }] },
    { topic: 'u', messages: messages(1, 2) },
  ]
  assert.deepEqual(await producer.sendBatch({ topicMessages }), [entry('u', 0), entry('t', 2, 1)])
  await producer.disconnect()
  assert.deepEqual(valuesIn(cluster, 'u'), ['value-0', 'value-1', 'value-2'])
})

test('a partition has one entry, however many batches the send took', async () => {
  await using cluster = await startCluster(ONE)
  const producer = await connected(cluster)
  await producer.send({ topic: 't', messages: messages(3) })
  const large = Array.from({ length: 10 }, () => ({ value: 'x'.repeat(150_000) }))
  assert.deepEqual(await producer.send({ topic: 't', messages: large }), [entry('t', 3)])
  await producer.disconnect()
  assert.ok(cluster.batches('t', 0).length > 5)
})

test('nothing to send is sent at once', async () => {
  await using cluster = await startCluster(ONE)
  const producer = await connected(cluster)
  assert.deepEqual(await producer.send({ topic: 't', messages: [] }), [])
  assert.deepEqual(await producer.sendBatch({ topicMessages: [] }), [])
  assert.deepEqual(await producer.sendBatch({}), [])
  await producer.disconnect()
  assert.equal(requestCount(cluster), 0)
})

test('a send is one request for each broker', async () => {
  await using cluster = await startCluster({ nodes: 2, topics: { t: { partitions: 4 } } })
  const producer = await connected(cluster)
  await producer.send({ topic: 't', messages: messages(100) })
  const before = requestCount(cluster)
  await producer.send({ topic: 't', messages: messages(100) })
  assert.equal(requestCount(cluster) - before, 2)
  await producer.disconnect()
})

test('tombstones, timestamps, headers and bytes are stored as kafkajs stores them', async () => {
  await using cluster = await startCluster(ONE)
  const sent = [
    { key: 'k', value: null, timestamp: '1509928155660' },
    {
      key: null,
      value: Buffer.from([0, 255]),
      timestamp: '7',
      headers: { a: 'b', c: Buffer.from('d'), e: ['f', Buffer.from('g')] },
    },
    { key: Buffer.from('k'), value: '', timestamp: '8', headers: {} },
    { key: 'n', value: 'v', timestamp: 9 as never },
  ]
  for (const [, api] of APIS) {
    const producer = client(cluster, api).producer()
    await producer.connect()
    await producer.send({ topic: 't', messages: sent })
    await producer.disconnect()
  }
  const stored = cluster
    .records('t', 0)
    .map(({ key, value, headers, timestamp }) => [
      key,
      value,
      timestamp,
      headers.map(([name, value]) => [name, String(value)]),
    ])
  assert.equal(stored.length, 8)
  assert.deepEqual(stored.slice(4), stored.slice(0, 4))
  assert.deepEqual(stored[5]![3], [
    ['a', 'b'],
    ['c', 'd'],
    ['e', 'f'],
    ['e', 'g'],
  ])
})

test('a header that is undefined is left out; numbers and objects are refused, as by kafkajs', async () => {
  await using cluster = await startCluster(ONE)
  const producer = await connected(cluster)
  await producer.send({ topic: 't', messages: [{ value: 'v', headers: { a: undefined, b: 'c' } }] })
  assert.deepEqual(
    cluster.records('t', 0)[0]!.headers.map(([name]) => name),
    ['b'],
  )
  for (const value of [42, { an: 'object' }]) {
    const error = await rejection(producer.send({ topic: 't', messages: [{ value: value as never }] }))
    assert.ok(error instanceof KafkaJSNonRetriableError)
    assert.match(error.message, /`value` must be a string, a Uint8Array or null, got/)
  }
  await producer.disconnect()
})

test('LogAppendTime is told as kafkajs tells it', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 1, logAppendTime: true } } })
  const producer = await connected(cluster)
  const [sent] = await producer.send({ topic: 't', messages: [{ value: 'v', timestamp: '5' }] })
  assert.equal(sent?.logAppendTime, `${cluster.records('t', 0)[0]!.timestamp}`)
  await producer.disconnect()
})

test('logStartOffset is told, after records were deleted as well', async () => {
  await using cluster = await startCluster(ONE)
  const producer = await connected(cluster)
  await producer.send({ topic: 't', messages: messages(3) })
  cluster.deleteRecords('t', 0, 2n)
  const [sent] = await producer.send({ topic: 't', messages: messages(1) })
  assert.deepEqual([sent?.baseOffset, sent?.logStartOffset], ['3', '2'])
  await producer.disconnect()
})

test('the methods can be taken off the producer, as those of kafkajs', async () => {
  await using cluster = await startCluster(ONE)
  const { connect, send, sendBatch, disconnect, isIdempotent, logger, on, events } = client(cluster).producer()
  let told = 0
  on(events.CONNECT, () => told++)
  await connect()
  await send({ topic: 't', messages: messages(1) })
  await sendBatch({ topicMessages: [{ topic: 't', messages: messages(1) }] })
  await disconnect()
  assert.equal(isIdempotent(), true)
  assert.equal(typeof logger().namespace, 'function')
  assert.equal(told, 1)
})

describe('errors', () => {
  test('a topic with an invalid name is refused, and the producer goes on', async () => {
    await using cluster = await startCluster(ONE)
    const producer = await connected(cluster)
    const error = await rejection(producer.send({ topic: 't-abc)(*&^%', messages: messages(1) }))
    assert.deepEqual(
      [error.name, error.type, error.code, error.retriable],
      ['KafkaJSProtocolError', 'INVALID_TOPIC_EXCEPTION', 17, false],
    )
    await producer.send({ topic: 't', messages: messages(1) })
    await producer.disconnect()
    assert.deepEqual(valuesIn(cluster, 't'), ['value-0'])
  })

  test('a message that the broker finds too large', async () => {
    await using cluster = await startCluster({ ...ONE, maxMessageBytes: 1000 })
    const [its, mine] = await Promise.all(
      APIS.map(async ([, api]) => {
        const producer = client(cluster, api).producer()
        await producer.connect()
        const error = await rejection(producer.send({ topic: 't', messages: [{ value: 'x'.repeat(2000) }] }))
        await producer.disconnect()
        return [error.name, error.type, error.code, error.retriable]
      }),
    )
    assert.deepEqual(mine, its)
    assert.deepEqual(mine, ['KafkaJSProtocolError', 'MESSAGE_TOO_LARGE', 10, false])
  })

  test('larger ones than a megabyte are sent, as far as the topic takes them', async () => {
    await using cluster = await startCluster({ ...ONE, maxMessageBytes: 10_000_000 })
    const producer = await connected(cluster)
    await producer.send({ topic: 't', messages: [{ value: 'x'.repeat(5_000_000) }] })
    await producer.disconnect()
    assert.equal(cluster.records('t', 0)[0]!.value?.length, 5_000_000)
  })

  test('what could pass and did not: the number of retries is exceeded, with the error of the broker as its cause', async () => {
    await using cluster = await startCluster(ONE)
    const code = ErrorCode.NOT_ENOUGH_REPLICAS
    cluster.inject({ times: Number.POSITIVE_INFINITY, fault: { kind: 'error', code } })
    const [its, mine] = await Promise.all(
      APIS.map(async ([, api]) => {
        const retry = { retries: 2, initialRetryTime: 5, maxRetryTime: 5 }
        const producer = client(cluster, api, { retry }).producer()
        await producer.connect()
        const error = await rejection(producer.send({ topic: 't', messages: messages(1) }))
        await producer.disconnect()
        const cause = error.cause as kafkajs.KafkaJSProtocolError
        return [error.name, error.retriable, error.retryCount, cause.name, cause.type, cause.code, cause.retriable]
      }),
    )
    assert.deepEqual(mine, its)
    assert.deepEqual(mine!.slice(3, 5), ['KafkaJSProtocolError', 'NOT_ENOUGH_REPLICAS'])
  })

  test('an error says whether the message may be stored', async () => {
    await using cluster = await startCluster({ ...ONE, maxMessageBytes: 1000 })
    const producer = await connected(cluster)
    const error = await rejection(producer.send({ topic: 't', messages: [{ value: 'x'.repeat(2000) }] }))
    assert.equal(error.persisted, 'no')
    await producer.disconnect()
    const retry = { retries: 3, initialRetryTime: 50 }
    const hasty = await connected(cluster, {}, { requestTimeout: 50, retry })
    cluster.inject({ times: Number.POSITIVE_INFINITY, fault: { kind: 'neverAnswer' } })
    const unknown = await rejection(hasty.send({ topic: 't', messages: messages(1) }))
    assert.equal(unknown.name, 'KafkaJSNumberOfRetriesExceeded')
    assert.equal((unknown.cause as Error).name, 'KafkaJSRequestTimeoutError')
    assert.equal(unknown.persisted, 'maybe')
    await hasty.disconnect()
  })

  test('nobody listens at the address: a connection error after the retries, and the process may end', async () => {
    const cluster = await startCluster(ONE)
    await cluster.stop()
    const retry = { retries: 2, initialRetryTime: 5 }
    const [its, mine] = await Promise.all(
      APIS.map(async ([, api]) => {
        const error = await rejection(client(cluster, api, { retry }).producer().connect())
        const cause = error.cause as kafkajs.KafkaJSConnectionError & { code: string }
        return [error.name, error.retryCount, cause.name, cause.broker, cause.code]
      }),
    )
    assert.deepEqual(mine, its)
    assert.equal(mine![4], 'ECONNREFUSED')
  })

  test('a broker that starts while it tries to connect', async () => {
    await using cluster = await startCluster(ONE)
    await cluster.stopNode(1)
    const producer = client(cluster, undefined, {
      retry: { retries: 1000, initialRetryTime: 1, multiplier: 1 },
    }).producer()
    const connecting = producer.connect()
    await cluster.startNode(1)
    await connecting
    await producer.send({ topic: 't', messages: messages(1) })
    await producer.disconnect()
    assert.deepEqual(valuesIn(cluster, 't'), ['value-0'])
  })
})

describe('compression', () => {
  for (const [name, id] of Object.entries(CompressionTypes)) {
    test(`${name} needs no codec of kafkajs`, async () => {
      await using cluster = await startCluster(ONE)
      const producer = await connected(cluster)
      await producer.send({ topic: 't', compression: id as CompressionTypes, messages: [{ value: 'x'.repeat(500) }] })
      await producer.disconnect()
      assert.deepEqual(
        cluster.batches('t', 0).map(({ compression }) => compression),
        [id],
      )
      assert.deepEqual(valuesIn(cluster, 't'), ['x'.repeat(500)])
    })
  }

  test('one codec for each topic: that of its first send; another one is told once', async () => {
    await using cluster = await startCluster({ topics: { t: { partitions: 1 }, u: { partitions: 1 } } })
    const logged: string[] = []
    const logCreator = () => (line: kafkajs.LogEntry) => void logged.push(`${line.label}: ${line.log.message}`)
    const logLevel = kafkajs.logLevel.WARN
    const producer = await connected(cluster, {}, { logCreator, logLevel })
    const sent = [{ value: 'x'.repeat(500) }]
    await producer.send({ topic: 't', compression: CompressionTypes.GZIP, messages: sent })
    await producer.send({ topic: 'u', messages: sent })
    await producer.send({ topic: 't', messages: sent })
    await producer.send({ topic: 't', messages: sent })
    await producer.disconnect()
    const codecs = (topic: string): number[] => cluster.batches(topic, 0).map(({ compression }) => compression)
    assert.deepEqual([codecs('t'), codecs('u')], [[1, 1, 1], [0]])
    assert.equal(logged.length, 1)
    assert.match(
      logged[0]!,
      /^WARN: A producer compresses a topic as its first send says: messages to t stay 'gzip', not 'none'/,
    )
  })

  test('an unknown type is refused', async () => {
    await using cluster = await startCluster(ONE)
    const producer = await connected(cluster)
    const error = await rejection(producer.send({ topic: 't', compression: 9 as never, messages: messages(1) }))
    assert.match(error.message, /^compression is 9, but it must be one of CompressionTypes/)
    await producer.disconnect()
  })
})

test('consumer and admin are of kafkajs, with the same configuration', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 2 } } })
  const kafka = new Kafka({ brokers: cluster.brokers, logLevel: kafkajs.logLevel.NOTHING })
  const [producer, consumer, admin] = [
    kafka.producer(),
    kafka.consumer({ groupId: 'g', maxWaitTimeInMs: 20 }),
    kafka.admin(),
  ]
  await Promise.all([producer.connect(), consumer.connect(), admin.connect()])
  assert.deepEqual(await admin.listTopics(), ['t'])
  await consumer.subscribe({ topic: 't', fromBeginning: true })
  const read: string[] = []
  const done = new Promise<void>(resolve => {
    void consumer.run({
      eachMessage: async ({ message }) => {
        read.push(String(message.value))
        if (read.length === 20) resolve()
      },
    })
  })
  await producer.send({ topic: 't', compression: CompressionTypes.GZIP, messages: messages(20) })
  await done
  await Promise.all([producer.disconnect(), consumer.disconnect(), admin.disconnect()])
  assert.deepEqual(
    read.sort(),
    messages(20)
      .map(({ value }) => value)
      .sort(),
  )
})

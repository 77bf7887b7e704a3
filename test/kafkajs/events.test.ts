import assert from 'node:assert/strict'
import { tracingChannel } from 'node:diagnostics_channel'
import { describe, test } from 'node:test'
import kafkajs from 'kafkajs'
import { Kafka } from '../../src/kafkajs/index.js'
import { startCluster } from '../../src/testing/index.js'
import { APIS, client, connected, messages, rejection } from './support.js'

const ONE = { topics: { t: { partitions: 1 } } }

describe('instrumentation events', () => {
  test('their names, and those of connect and disconnect, are those of kafkajs', async () => {
    await using cluster = await startCluster(ONE)
    const [its, mine] = await Promise.all(
      APIS.map(async ([, api]) => {
        const producer = client(cluster, api).producer()
        const told: unknown[] = [producer.events]
        const remove = producer.on(producer.events.CONNECT, ({ id, type, timestamp, payload }) =>
          told.push([typeof id, type, typeof timestamp, payload]),
        )
        producer.on(producer.events.DISCONNECT, ({ type, payload }) => told.push([type, payload]))
        await producer.connect()
        await producer.disconnect()
        told.push(typeof remove)
        remove()
        await producer.connect()
        await producer.disconnect()
        return told
      }),
    )
    assert.equal(mine!.length, 5, 'nobody is told after the listener was removed')
    assert.deepEqual(mine, its)
  })

  test('one for each Produce request that was answered, with the fields of kafkajs', async () => {
    await using cluster = await startCluster(ONE)
    const [its, mine] = await Promise.all(
      APIS.map(async ([, api]) => {
        const producer = client(cluster, api).producer()
        const requests: kafkajs.RequestEvent[] = []
        producer.on(producer.events.REQUEST, event => requests.push(event))
        await producer.connect()
        await producer.send({ topic: 't', messages: messages(1) })
        await producer.disconnect()
        return requests.find(({ payload }) => payload.apiName === 'Produce')!
      }),
    )
    const { payload, type } = mine!
    assert.deepEqual(Object.keys(payload).sort(), Object.keys(its!.payload).sort())
    assert.equal(type, its!.type)
    const { apiKey, apiName, broker, clientId } = payload
    assert.deepEqual([apiKey, apiName, broker, clientId], [0, 'Produce', cluster.brokers[0], 'kafkajs'])
    assert.ok(payload.duration >= 0 && payload.sentAt === payload.createdAt && payload.pendingDuration === 0)
  })

  test('one for a request that timed out', async () => {
    await using cluster = await startCluster(ONE)
    cluster.inject({ fault: { kind: 'neverAnswer' } })
    const retry = { retries: 100, initialRetryTime: 100, multiplier: 1 }
    const producer = await connected(cluster, {}, { requestTimeout: 30, retry })
    const timedOut: kafkajs.RequestTimeoutEvent[] = []
    producer.on(producer.events.REQUEST_TIMEOUT, event => timedOut.push(event))
    await producer.send({ topic: 't', messages: messages(1) })
    await producer.disconnect()
    assert.deepEqual(
      timedOut.map(({ type, payload }) => [type, payload.apiName, payload.broker]),
      [['producer.network.request_timeout', 'Produce', cluster.brokers[0]]],
    )
  })

  test('of this producer alone, and nothing is traced while nobody listens', async () => {
    await using cluster = await startCluster(ONE)
    const [producer, other] = [await connected(cluster), await connected(cluster)]
    const channel = tracingChannel('rx-kafka:produce')
    let requests = 0
    assert.equal(channel.start.hasSubscribers, false)
    const remove = producer.on(producer.events.REQUEST, () => requests++)
    assert.equal(channel.start.hasSubscribers, true)
    await other.send({ topic: 't', messages: messages(1) })
    assert.equal(requests, 0)
    await producer.send({ topic: 't', messages: messages(1) })
    assert.equal(requests, 1)
    remove()
    assert.equal(channel.start.hasSubscribers, false)
    producer.on(producer.events.REQUEST, () => requests++)
    await Promise.all([producer.disconnect(), other.disconnect()])
    assert.equal(channel.start.hasSubscribers, false, 'disconnected')
    await producer.connect()
    await producer.send({ topic: 't', messages: messages(1) })
    assert.equal(requests, 2)
    await producer.disconnect()
  })

  test('a listener that throws, or rejects, is logged, and breaks nothing', async () => {
    await using cluster = await startCluster(ONE)
    const logged: kafkajs.LogEntry[] = []
    const producer = await connected(
      cluster,
      {},
      { logLevel: kafkajs.logLevel.ERROR, logCreator: () => line => logged.push(line) },
    )
    producer.on(producer.events.DISCONNECT, () => {
      throw new Error('thrown')
    })
    producer.on(producer.events.DISCONNECT, async () => Promise.reject(new Error('rejected')))
    await producer.disconnect()
    await new Promise(resolve => setImmediate(resolve))
    assert.deepEqual(
      logged.map(({ namespace, label, log }) => [namespace, label, log.message, log.eventName]),
      ['thrown', 'rejected'].map(why => [
        'Producer',
        'ERROR',
        `Failed to execute listener: ${why}`,
        'producer.disconnect',
      ]),
    )
  })
})

describe('logger', () => {
  type Lines = (Omit<kafkajs.LogEntry, 'log'> & { readonly log: object })[]

  /** What a logger writes, level by level, in namespaces, and after its level was set. */
  function logAll(logger: kafkajs.Logger): void {
    for (const one of [logger, logger.namespace('A'), logger.namespace('B', kafkajs.logLevel.ERROR)])
      for (const level of ['debug', 'info', 'warn', 'error'] as const) one[level](`a ${level}`, { extra: level })
    logger.setLogLevel(kafkajs.logLevel.NOTHING)
    logger.error('nothing')
    logger.namespace('C', kafkajs.logLevel.INFO).info('its own level')
    logger.setLogLevel(kafkajs.logLevel.DEBUG)
    logger.debug('again')
  }

  for (const logLevel of [undefined, 0, 1, 2, 4, 5] as const) {
    test(`logCreator gets what kafkajs gives it at level ${logLevel ?? 'default'}`, () => {
      const [its, mine] = APIS.map(([, api]) => {
        const lines: Lines = []
        const levels: number[] = []
        const logCreator = (level: kafkajs.logLevel) => {
          levels.push(level)
          return ({ log: { timestamp, ...log }, ...line }: kafkajs.LogEntry) => void lines.push({ ...line, log })
        }
        const kafka = new api.Kafka({ brokers: ['b:1'], logCreator, ...(logLevel !== undefined && { logLevel }) })
        logAll(kafka.logger())
        return { lines, levels }
      })
      assert.deepEqual(mine, its)
      assert.ok(mine!.lines.length > 0)
    })
  }

  test('the environment sets the level, as for kafkajs', t => {
    t.after(() => delete process.env.KAFKAJS_LOG_LEVEL)
    process.env.KAFKAJS_LOG_LEVEL = 'warn'
    const lines: string[] = []
    const kafka = new Kafka({
      brokers: ['b:1'],
      logCreator:
        () =>
        ({ log }) =>
          void lines.push(log.message),
    })
    kafka.logger().info('info')
    kafka.logger().warn('warn')
    assert.deepEqual(lines, ['warn'])
  })

  test('without logCreator each line goes to the console as kafkajs writes it', t => {
    const [its, mine] = APIS.map(([, api]) => {
      const written: [string, object][] = []
      for (const method of ['log', 'info', 'warn', 'error'] as const)
        t.mock.method(console, method, (line: string) => {
          const { timestamp, ...rest } = JSON.parse(line)
          written.push([method, rest])
        })
      logAll(new api.Kafka({ brokers: ['b:1'], logLevel: kafkajs.logLevel.DEBUG }).logger())
      t.mock.restoreAll()
      return written
    })
    assert.equal(its!.length, 11)
    assert.deepEqual(mine, its)
  })

  test('of a producer that works, nothing is logged at the default level; of one that does not, why', async () => {
    await using cluster = await startCluster(ONE)
    const lines: string[] = []
    const logCreator = () => (line: kafkajs.LogEntry) =>
      void lines.push(`${line.label} ${line.namespace}: ${line.log.message}`)
    const config = { logCreator, logLevel: kafkajs.logLevel.INFO, retry: { retries: 1, initialRetryTime: 1 } }
    const producer = await connected(cluster, {}, config)
    await producer.send({ topic: 't', messages: messages(1) })
    await producer.disconnect()
    assert.deepEqual(lines, [])
    await cluster.stopNode(1)
    await rejection(client(cluster, undefined, config).producer().connect())
    assert.ok(
      lines.some(line => /^ERROR Producer: .*ECONNREFUSED/s.test(line)),
      lines.join('\n'),
    )
  })
})

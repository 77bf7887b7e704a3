import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Producer } from '../../src/index.js'
import { getProducerToken, RxKafkaModule } from '../../src/nestjs/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { startCluster } from '../../src/testing/index.js'
import { serveProbes } from './support.js'

const TOPICS = { t: { partitions: 1 } }
/** Busy machines take their time. */
const PATIENT = { connectTimeoutMs: 30_000 }

test('up once the producer could connect, with or without records; down after the application has closed it', async t => {
  await using cluster = await startCluster({ topics: TOPICS })
  const { app, probe } = await serveProbes(t, [RxKafkaModule.forRoot({ brokers: cluster.brokers })], PATIENT)
  const producer = app.get<Producer>(getProducerToken())
  assert.deepEqual(await probe('live'), { code: 200, status: 'up', message: undefined })
  assert.equal(producer.health().state, 'starting')
  assert.deepEqual(await probe('ready'), { code: 200, status: 'up', message: undefined })
  assert.equal(producer.health().state, 'ready')
  await producer.close()
  for (const path of ['live', 'ready'] as const)
    assert.deepEqual(await probe(path), { code: 503, status: 'down', message: 'the producer is closed' })
})

test('not ready, but live, while no broker answers; ready as soon as one does', async t => {
  await using cluster = await startCluster({ topics: TOPICS })
  cluster.inject({ api: 'InitProducerId', fault: { kind: 'neverAnswer' } })
  const options = { brokers: cluster.brokers, requestTimeoutMs: 200 }
  const { app, probe } = await serveProbes(t, [RxKafkaModule.forRoot(options)], { connectTimeoutMs: 50 })
  const message = 'the producer is not connected: no broker was ready within 50 ms (`connectTimeoutMs`)'
  assert.deepEqual(await probe('ready'), { code: 503, status: 'down', message })
  assert.deepEqual(await probe('live'), { code: 200, status: 'up', message: undefined })
  // The attempt that is under way may fail yet.
  const producer = app.get<Producer>(getProducerToken())
  while (producer.health().state === 'starting') await producer.connect().catch(() => {})
  assert.equal((await probe('ready')).status, 'up')
})

test('not ready, but live, when a record is too old, or the buffer too full', async t => {
  await using cluster = await startCluster({ topics: TOPICS })
  const module = RxKafkaModule.forRoot({ brokers: cluster.brokers, bufferMemory: 20_000 })
  const old = await serveProbes(t, [module], { ...PATIENT, maxRecordAgeMs: 1, maxBufferShare: 1 })
  const full = await serveProbes(t, [module], { ...PATIENT, maxBufferShare: 0.5 })
  for (const { app, probe } of [old, full]) {
    assert.equal((await probe('ready')).status, 'up')
    const fault = { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS } as const
    const held = cluster.inject({ fault, times: Number.POSITIVE_INFINITY })
    const sent = app.get<Producer>(getProducerToken()).sendOne({ topic: 't', value: 'x'.repeat(9_600) })
    // Until the record is a millisecond old.
    let down = await probe('ready')
    while (down.status === 'up' && probe === old.probe) down = await probe('ready')
    assert.equal(down.code, 503)
    assert.match(
      down.message!,
      probe === old.probe
        ? /^the oldest record has had no ack for \d+ ms \(`maxRecordAgeMs` is 1\)$/
        : /^\d+ of 20000 bytes of the buffer are used \(`maxBufferShare` is 0\.5\)$/,
    )
    assert.equal((await probe('live')).status, 'up')
    held.remove()
    await sent
    assert.equal((await probe('ready')).status, 'up')
  }
})

test('a fatal error is down for both, with its message; another producer is chosen by name', async t => {
  await using cluster = await startCluster({ topics: TOPICS, sasl: { users: { app: 'right' } } })
  const sasl = (password: string) => ({ mechanism: 'plain', username: 'app', password }) as const
  const imports = [
    RxKafkaModule.forRoot({ brokers: cluster.brokers, sasl: sasl('right') }),
    RxKafkaModule.forRoot({ name: 'audit', brokers: cluster.brokers, sasl: sasl('wrong') }),
  ]
  const right = await serveProbes(t, imports, PATIENT)
  const wrong = await serveProbes(t, imports, { ...PATIENT, name: 'audit' })
  assert.equal((await right.probe('ready')).status, 'up')
  for (const path of ['ready', 'live'] as const) {
    const { code, status, message } = await wrong.probe(path)
    assert.deepEqual([code, status], [503, 'down'])
    assert.match(message!, /^the producer has failed: .*SASL_AUTHENTICATION_FAILED/)
    assert.equal((await right.probe(path)).code, 200)
  }
})

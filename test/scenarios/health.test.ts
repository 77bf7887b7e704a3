import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NEVER, of, startWith } from 'rxjs'
import type { ProducerHealth } from '../../src/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { startWorld, type World, type WorldOptions, watch } from '../support/world.js'

const world = (options: WorldOptions = {}): Promise<World> =>
  startWorld({ latencyMs: 5, ...options, cluster: { nodes: 2, topics: { t: { partitions: 2 } }, ...options.cluster } })

const NOTHING: ProducerHealth = {
  state: 'starting',
  error: undefined,
  connectedBrokers: 0,
  bufferUsedBytes: 0,
  bufferTotalBytes: 33554432,
  oldestRecordAgeMs: 0,
  waitingSources: 0,
}

test('starting until a broker has given a producer id, then ready; closed in the end', async () => {
  const it = await world()
  assert.deepEqual(it.producer.health(), NOTHING)
  const connected = it.producer.connect()
  assert.equal(it.producer.health().state, 'starting')
  await it.time.until(connected)
  assert.deepEqual(it.producer.health(), { ...NOTHING, state: 'ready' }, 'no record, so no connection for them')
  for (const partition of [0, 1]) {
    await it.time.until(it.producer.sendOne({ topic: 't', partition, value: 'v' }))
    assert.equal(it.producer.health().connectedBrokers, partition + 1)
  }
  assert.deepEqual(it.producer.health(), { ...NOTHING, state: 'ready', connectedBrokers: 2 })
  await it.end()
  assert.deepEqual(it.producer.health(), { ...NOTHING, state: 'closed' })
})

test('while nothing answers it stays starting, however long records wait', async () => {
  const it = await world()
  for (const node of [1, 2]) await it.cluster.stopNode(node)
  const acks = watch(of({ topic: 't', value: 'v' }).pipe(it.producer.send()))
  await it.time.advance(10_000)
  const { state, connectedBrokers, oldestRecordAgeMs, bufferUsedBytes } = it.producer.health()
  assert.deepEqual(
    { state, connectedBrokers, oldestRecordAgeMs },
    { state: 'starting', connectedBrokers: 0, oldestRecordAgeMs: 10_000 },
  )
  assert.equal(bufferUsedBytes, it.producer.bufferedBytes)
  assert.ok(bufferUsedBytes > 0)
  await it.time.advance(110_000)
  assert.equal(acks.values[0]!.kind, 'failed')
  assert.deepEqual([it.producer.health().oldestRecordAgeMs, it.producer.health().bufferUsedBytes], [0, 0])
  await it.end()
})

test('the oldest record counts, wherever it waits: in flight, in a back-off, with its serializer, for metadata', async () => {
  const it = await world()
  const age = (): number => it.producer.health().oldestRecordAgeMs
  const sent = (partition: number): Promise<unknown> => it.producer.sendOne({ topic: 't', partition, value: 'v' })
  await it.time.until(Promise.all([sent(0), sent(1)]))

  it.cluster.inject({ partition: 0, fault: { kind: 'delay', ms: 1_000 } })
  const first = sent(0)
  await it.time.advance(300)
  const second = sent(1)
  await it.time.advance(100)
  assert.equal(age(), 400, 'in flight; the younger one is acked already')
  await it.time.until(Promise.all([first, second]))
  assert.equal(age(), 0)

  it.cluster.inject({ fault: { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS }, times: 5 })
  const retried = sent(0)
  await it.time.advance(250)
  assert.equal(age(), 250, 'a retry does not make it younger')
  await it.time.until(retried)

  let serialized = (_bytes: string): void => {}
  const stream = watch(
    of(1).pipe(it.producer.send({ topic: 't', value: () => new Promise<string>(done => (serialized = done)) })),
  )
  await it.time.advance(70)
  assert.equal(age(), 70)
  it.cluster.inject({ fault: { kind: 'delay', ms: 50 } })
  serialized('v')
  await it.time.advance(30)
  assert.equal(age(), 100, 'in its batch it is as old as before')
  await it.time.advance(100)
  assert.equal(stream.done, true)
  assert.equal(age(), 0)

  it.cluster.inject({ api: 'Metadata', fault: { kind: 'delay', ms: 500 } })
  const unknown = it.producer.sendOne({ topic: 'unknown', value: 'v' })
  await it.time.advance(200)
  assert.equal(age(), 200)
  await it.time.until(unknown)
  assert.equal(age(), 0)
  await it.end()
})

test('a full buffer is seen: what it holds, and who waits for it', async () => {
  const it = await world({ producer: { bufferMemory: 3_000, maxRequestSize: 1_024 } })
  it.cluster.inject({ fault: { kind: 'delay', ms: 1_000 } })
  const stream = watch(it.producer.publish(Array.from({ length: 20 }, () => ({ topic: 't', value: 'v' }))))
  await it.time.advance(100)
  const { bufferUsedBytes, bufferTotalBytes, waitingSources } = it.producer.health()
  assert.deepEqual([bufferTotalBytes, waitingSources], [3_000, 1])
  assert.equal(bufferUsedBytes, it.producer.bufferedBytes)
  assert.ok(bufferUsedBytes > 1_000)
  await it.time.until(it.producer.flush())
  await it.time.advance(2_000)
  assert.equal(stream.done, true)
  await it.end()
})

test('closing while accepted records are still delivered', async () => {
  const it = await world()
  it.cluster.inject({ fault: { kind: 'delay', ms: 1_000 } })
  const sent = it.producer.sendOne({ topic: 't', value: 'v' })
  await it.time.advance(100)
  const closed = it.producer.close()
  const { state, oldestRecordAgeMs } = it.producer.health()
  assert.deepEqual([state, oldestRecordAgeMs], ['closing', 100])
  await it.time.until(Promise.all([sent, closed]))
  assert.equal(it.producer.health().state, 'closed')
  await it.end()
})

test('failed, with the error, once it cannot go on; closing it changes nothing about that', async () => {
  const it = await world({
    cluster: { sasl: { users: { app: 'right' } } },
    producer: { sasl: { mechanism: 'plain', username: 'app', password: 'wrong' } },
  })
  const stream = watch(NEVER.pipe(startWith({ topic: 't', value: 'v' }), it.producer.send()))
  await it.time.advance(1_000)
  const health = it.producer.health()
  assert.equal(health.state, 'failed')
  assert.equal(health.error, stream.error)
  assert.equal(health.error?.name, 'AuthenticationError')
  assert.equal(health.oldestRecordAgeMs, 0)
  const text = JSON.parse(JSON.stringify(health))
  assert.deepEqual([text.state, text.error.name], ['failed', 'AuthenticationError'])
  await it.end()
  assert.equal(it.producer.health().state, 'failed')
})

test('a connection that was closed because nobody used it leaves the producer ready', async () => {
  const it = await world({ producer: { idleConnectionMs: 1_000 } })
  await it.time.until(it.producer.sendOne({ topic: 't', value: 'v' }))
  assert.equal(it.producer.health().connectedBrokers, 1)
  await it.time.advance(2_000)
  assert.deepEqual(it.producer.health(), { ...NOTHING, state: 'ready' })
  await it.end()
})

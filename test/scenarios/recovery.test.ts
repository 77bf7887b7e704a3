import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  BrokerError,
  createProducer,
  DataLossError,
  DeliveryTimeoutError,
  type ProducerEvent,
  ProducerFencedError,
  type ProducerOptions,
} from '../../src/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { BATCH_HEADER_SIZE } from '../../src/protocol/records/record-batch.js'
import { MemoryNetwork, startCluster, VirtualTime } from '../../src/testing/index.js'
import type { Transport } from '../../src/transport/transport.js'
import { open, startWorld, valuesIn, type World, watch } from '../support/world.js'

const ONE_PARTITION = { topics: { t: { partitions: 1 } }, replyDelayMs: 10 }

/** Room for one record a batch: as many batches as records. */
const ONE_RECORD_BATCHES = { batchSize: BATCH_HEADER_SIZE + 1 }

const told = <K extends ProducerEvent['kind']>(world: World, kind: K): Extract<ProducerEvent, { kind: K }>[] =>
  world.events.filter((event): event is Extract<ProducerEvent, { kind: K }> => event.kind === kind)

test('batches that are too large are split until the topic takes them; later ones are made that small at once', async () => {
  const world = await startWorld({
    cluster: { ...ONE_PARTITION, maxMessageBytes: 600 },
    producer: { batchSize: 20_000 },
  })
  const { push, acks } = open<number>(world.producer)
  const values = Array.from({ length: 400 }, (_, i) => `${i}`.padEnd(i === 77 ? 700 : 50, '.'))
  for (const [i, value] of values.slice(0, 200).entries()) push.next({ topic: 't', value, metadata: i })
  let flushed = false
  void world.producer.flush().then(() => {
    flushed = true
  })
  await world.time.until(() => {
    assert.ok(!flushed || acks.values.length === 200, 'flush() waits for the parts')
    return flushed
  })
  const tooLarge = () =>
    world.cluster.trace.filter(entry => entry.kind === 'rejected' && entry.errorCode === ErrorCode.MESSAGE_TOO_LARGE)
      .length
  const splits = tooLarge()
  for (const [i, value] of values.slice(200).entries()) push.next({ topic: 't', value, metadata: 200 + i })
  await world.time.until(() => acks.values.length === 400)
  assert.equal(tooLarge(), splits)
  const failed = acks.values.filter(ack => ack.kind !== 'acked')
  assert.equal(failed.length, 1)
  assert.ok(failed[0]?.kind === 'failed' && failed[0].error instanceof BrokerError)
  assert.deepEqual([failed[0].record.metadata, failed[0].persisted], [77, 'no'])
  assert.equal(failed[0].error.codeName, 'MESSAGE_TOO_LARGE')
  assert.deepEqual(
    valuesIn(world.cluster, 't', 0),
    values.filter((_, i) => i !== 77),
  )
  assert.equal(told(world, 'epochBumped').length, 0)
  await world.end()
})

test('what is pipelined behind a throttled request has the time of the throttling more', async () => {
  const world = await startWorld({
    cluster: ONE_PARTITION,
    producer: { ...ONE_RECORD_BATCHES, requestTimeoutMs: 1_000, deliveryTimeoutMs: 60_000 },
  })
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: 'first' })
  await world.time.until(() => acks.values.length === 1)
  world.cluster.inject({ fault: { kind: 'throttle', ms: 5_000 } })
  for (let i = 0; i < 8; i++) push.next({ topic: 't', value: `v${i}` })
  await world.time.until(() => acks.values.length === 9)
  assert.deepEqual(told(world, 'disconnected'), [])
  assert.deepEqual(told(world, 'retrying'), [])
  assert.equal(told(world, 'throttled').length, 1)
  await world.end()
})

for (const [code, type] of [
  [ErrorCode.PRODUCER_FENCED, ProducerFencedError],
  [ErrorCode.CLUSTER_AUTHORIZATION_FAILED, BrokerError],
] as const) {
  test(`${code} ends the producer: every record has its end first, and what an ack handler sends is not taken`, async () => {
    const world = await startWorld({ cluster: ONE_PARTITION, producer: ONE_RECORD_BATCHES })
    const { push, acks } = open(world.producer)
    push.next({ topic: 't', value: 'first' })
    await world.time.until(() => acks.values.length === 1)
    world.cluster.inject({ after: 1, fault: { kind: 'error', code } })
    const late = open(world.producer)
    let ends = 0
    const others = watch(world.producer.events$)
    const { push: second, acks: answers } = open(world.producer)
    answers.values.push = (...items) => {
      ends += items.length
      if (items[0]?.kind === 'failed') late.push.next({ topic: 't', value: 'sent by a handler' })
      return Array.prototype.push.apply(answers.values, items)
    }
    for (let i = 0; i < 8; i++) second.next({ topic: 't', value: `v${i}` })
    await world.time.until(() => answers.error !== undefined && others.done)
    assert.equal(ends, 8)
    assert.ok(answers.error instanceof type)
    assert.deepEqual(answers.values.map(ack => (ack.kind === 'failed' ? ack.persisted : ack.kind)).slice(0, 2), [
      'acked',
      'no',
    ])
    assert.equal(told(world, 'fatal').length, 1)
    assert.deepEqual(late.acks.values, [])
    assert.ok(late.acks.error instanceof type)
    assert.equal(world.producer.bufferedBytes, 0)
    await world.end()
  })
}

test('a broker that lost acked records: it is told, and what follows is written in a new epoch', async () => {
  const world = await startWorld({ cluster: ONE_PARTITION, producer: ONE_RECORD_BATCHES })
  const { push, acks } = open(world.producer)
  for (let i = 0; i < 3; i++) push.next({ topic: 't', value: `v${i}` })
  await world.time.until(() => acks.values.length === 3)
  world.cluster.truncate('t', 0, 1n)
  push.next({ topic: 't', value: 'next' })
  await world.time.until(() => acks.values.length === 4)
  const [loss] = told(world, 'dataLoss')
  assert.ok(loss?.error instanceof DataLossError && loss.error.cause instanceof BrokerError)
  assert.equal(told(world, 'epochBumped').length, 1)
  assert.deepEqual(valuesIn(world.cluster, 't', 0), ['v0', 'next'])
  await world.end()
})

test('a broker that starts again and knows the last batch only: older ones that may be stored are, and none is written twice', async () => {
  const world = await startWorld({ cluster: ONE_PARTITION, producer: ONE_RECORD_BATCHES })
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: 'first' })
  await world.time.until(() => acks.values.length === 1)
  for (let i = 0; i < 6; i++) push.next({ topic: 't', value: `v${i}` })
  await world.time.until(() => valuesIn(world.cluster, 't', 0).length === 5)
  await world.cluster.stopNode(1)
  world.cluster.reloadProducers('t', 0)
  await world.cluster.startNode(1)
  await world.time.until(() => acks.values.length === 7)
  assert.deepEqual(valuesIn(world.cluster, 't', 0), ['first', 'v0', 'v1', 'v2', 'v3', 'v4', 'v5'])
  assert.deepEqual(
    acks.values.map(ack => (ack.kind === 'acked' ? ack.offset : ack.kind)),
    [0n, -1n, -1n, -1n, 4n, 5n, 6n],
  )
  assert.deepEqual([...told(world, 'epochBumped'), ...told(world, 'dataLoss')], [])
  await world.end()
})

test('an epoch that somebody else has overtaken: the partition goes on with another producer id', async () => {
  const world = await startWorld({ cluster: { topics: { t: { partitions: 2 } } } })
  const { push, acks } = open(world.producer)
  for (const partition of [0, 1]) push.next({ topic: 't', value: 'first', partition })
  await world.time.until(() => acks.values.length === 2)
  world.cluster.inject({ partition: 0, fault: { kind: 'error', code: ErrorCode.INVALID_PRODUCER_EPOCH } })
  for (const partition of [0, 1]) push.next({ topic: 't', value: 'second', partition })
  await world.time.until(() => acks.values.length === 4)
  const ids = [0, 1].map(partition => world.cluster.records('t', partition).map(record => record.producerId))
  assert.equal(new Set(ids[0]).size, 2)
  assert.equal(new Set(ids[1]).size, 1)
  assert.equal(told(world, 'producerId').length, 2)
  await world.end()
})

test('a batch that expires unsent says what stood in the way', async () => {
  const timeouts = { deliveryTimeoutMs: 2_000, requestTimeoutMs: 500 }
  const expired = async (hinder: (world: World) => void): Promise<string> => {
    const world = await startWorld({ cluster: ONE_PARTITION, producer: timeouts })
    const { push, acks } = open(world.producer)
    hinder(world)
    push.next({ topic: 't', value: 'v' })
    await world.time.until(() => acks.values.length === 1)
    const [ack] = acks.values
    assert.ok(ack?.kind === 'failed' && ack.persisted === 'no' && ack.error instanceof DeliveryTimeoutError)
    await world.end()
    return ack.error.message
  }
  const times = Number.POSITIVE_INFINITY
  const node = 1
  assert.match(
    await expired(({ cluster }) =>
      cluster.inject({ api: 'InitProducerId', times, fault: { kind: 'error', code: 14 } }),
    ),
    /it was not sent; no broker has given a producer id yet$/,
  )
  assert.match(
    await expired(({ cluster }) =>
      cluster.inject({ api: 'ApiVersions', node, after: 1, times, fault: { kind: 'dropBeforeAppend' } }),
    ),
    /it was not sent; the connection to .* was closed by the broker/,
  )
})

test('a stream whose source has ended errors too when the producer can not go on', async () => {
  const world = await startWorld()
  world.cluster.inject({ api: 'InitProducerId', fault: { kind: 'error', code: 31 } })
  const acks = watch(world.producer.publish([{ topic: 't', value: 'v' }]))
  await world.time.until(() => acks.done || acks.error !== undefined)
  assert.ok(acks.values[0]?.kind === 'failed')
  assert.equal(acks.error, acks.values[0].error)
  await world.end()
})

test('a right that is taken from a topic in use, and given back: it is asked for again, not after minutes only', async () => {
  const world = await startWorld({ cluster: ONE_PARTITION, producer: { metadataMaxAgeMs: 3_000 } })
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: 'first' })
  await world.time.until(() => acks.values.length === 1)
  const fault = { kind: 'error', code: ErrorCode.TOPIC_AUTHORIZATION_FAILED } as const
  const denied = world.cluster.inject({ api: 'Metadata', times: 2, fault })
  await world.time.until(() => denied.fired === 1)
  push.next({ topic: 't', value: 'second' })
  await world.time.until(() => acks.values.length === 2, 2_000)
  assert.equal(acks.values[1]?.kind, 'acked')
  await world.end()
})

test('a batch that is split before its linger is over leaves no timer behind', async () => {
  const world = await startWorld({
    cluster: { ...ONE_PARTITION, maxMessageBytes: BATCH_HEADER_SIZE + 40 },
    producer: { linger: 1_000, batchSize: 200 },
  })
  const { push, acks } = open(world.producer)
  for (let i = 0; i < 20; i++) push.next({ topic: 't', value: `value ${i}` })
  // Closed before metadata has come: the batches are made, and hurried, after that.
  await world.end()
  assert.equal(acks.values.filter(ack => ack.kind === 'acked').length, 20)
})

/** A producer of which every byte that its sockets were given is kept, with what it was then. */
async function startKeeping(options: Partial<ProducerOptions> = {}) {
  const written: { chunk: Uint8Array; before: Buffer }[] = []
  const time = new VirtualTime()
  const network = new MemoryNetwork({ scheduler: time })
  const transport: Transport = {
    connect(address, listener) {
      const { write, destroy } = network.connect(address, listener)
      return {
        write(chunks) {
          for (const chunk of chunks) written.push({ chunk, before: Buffer.from(chunk) })
          write(chunks)
        },
        destroy,
      }
    },
  }
  const cluster = await startCluster({ ...ONE_PARTITION, scheduler: time, network })
  const producer = createProducer({ brokers: cluster.brokers, scheduler: time, transport, ...options })
  const stream = open(producer)
  const send = async (value: string): Promise<void> => {
    const count = stream.acks.values.length
    stream.push.next({ topic: 't', value })
    await time.until(() => stream.acks.values.length > count)
  }
  const end = async (): Promise<void> => {
    assert.ok(
      written.some(({ before, chunk }) => !before.equals(chunk)),
      'memory of what was answered at once is used again',
    )
    await time.until(producer.close())
    await cluster.stop()
  }
  /** What was written and holds this value is still what it was. */
  const unchanged = (value: string, times: number): void => {
    const found = written.filter(({ before }) => before.includes(value))
    assert.equal(found.length, times)
    for (const { chunk, before } of found) assert.deepEqual(Buffer.from(chunk), before)
  }
  return { cluster, acks: stream.acks, send, unchanged, end }
}

test('what a socket was given stays as it was, for a socket that is cut may not have sent it yet', async () => {
  const { cluster, send, unchanged, end } = await startKeeping()
  await send('first')
  cluster.inject({ fault: { kind: 'dropBeforeAppend' } })
  await send('twice sent')
  for (let i = 0; i < 20; i++) await send(`other ${i}`)
  unchanged('twice sent', 2)
  await end()
})

test('what a socket was given stays as it was when its time is over, for it may be sent yet', async () => {
  const { cluster, acks, send, unchanged, end } = await startKeeping({
    requestTimeoutMs: 1_000,
    deliveryTimeoutMs: 1_000,
  })
  // It waits for metadata first: the request has half of its time left when the record has none.
  cluster.inject({ api: 'Metadata', fault: { kind: 'delay', ms: 500 } })
  cluster.inject({ fault: { kind: 'neverAnswer' } })
  await send('sent once, and given up')
  assert.ok(acks.values[0]?.kind === 'failed' && acks.values[0].persisted === 'maybe')
  for (let i = 0; i < 20; i++) await send(`other ${i}`)
  unchanged('sent once, and given up', 1)
  await end()
})

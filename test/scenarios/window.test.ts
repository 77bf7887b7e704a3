import assert from 'node:assert/strict'
import { test } from 'node:test'
import { from } from 'rxjs'
import { BATCH_HEADER_SIZE } from '../../src/protocol/records/record-batch.js'
import { open, startWorld, valuesIn, watch } from '../support/world.js'

const ONE_PARTITION = { topics: { t: { partitions: 1 } }, replyDelayMs: 10 }

/** Room for one record a batch: as many batches as records. */
const ONE_RECORD_BATCHES = { batchSize: BATCH_HEADER_SIZE + 1 }

const records = (count: number) => Array.from({ length: count }, (_, i) => ({ topic: 't', value: `v${i}` }))

/** Sends so many batches, one record each, through a window; tells how long that took in virtual time. */
async function run(batches: number, maxInFlight: number): Promise<{ ms: number; depth: number; values: string[] }> {
  const world = await startWorld({ cluster: ONE_PARTITION, producer: { ...ONE_RECORD_BATCHES, maxInFlight } })
  const { push, acks } = open(world.producer)
  // Connected, and past the first success: what is measured is the window.
  push.next({ topic: 't', value: 'first' })
  await world.time.until(() => acks.values.length === 1)
  const start = world.time.now()
  for (const record of records(batches)) push.next(record)
  await world.time.until(() => acks.values.length === batches + 1)
  const ms = world.time.now() - start
  const depth = world.cluster.depth.most()
  const values = valuesIn(world.cluster, 't', 0).slice(1)
  await world.end()
  return { ms, depth, values }
}

test('four requests of one connection are in flight at once, with idempotence, and never five', async () => {
  const { depth, values } = await run(100, 4)
  assert.equal(depth, 4)
  assert.deepEqual(
    values,
    records(100).map(record => record.value),
  )
})

for (const maxInFlight of [1, 2, 3, 5]) {
  test(`a window of ${maxInFlight} is ${maxInFlight}, seen from the broker`, async () => {
    assert.equal((await run(50, maxInFlight)).depth, maxInFlight)
  })
}

test('a window of four needs a quarter of the round trips of a window of one', async () => {
  const [one, four] = [await run(100, 1), await run(100, 4)]
  assert.equal(one.ms / 10, 100)
  assert.equal(four.ms / 10, 25)
})

test('one request goes out before the first success, then four', async () => {
  const world = await startWorld({ cluster: ONE_PARTITION, producer: ONE_RECORD_BATCHES })
  const { push } = open(world.producer)
  for (const record of records(10)) push.next(record)
  const requests = () => world.cluster.trace.filter(entry => entry.kind === 'request' && entry.api === 'Produce').length
  await world.time.until(() => requests() > 0)
  await world.time.advance(9)
  assert.equal(requests(), 1)
  await world.time.advance(1)
  assert.equal(requests(), 5)
  await world.end()
})

test('while the window is full, records go on filling batches, and no request is built ahead', async () => {
  const world = await startWorld({ cluster: ONE_PARTITION })
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: 'first' })
  await world.time.until(() => acks.values.length === 1)
  for (let i = 0; i < 4; i++) {
    push.next({ topic: 't', value: `single ${i}` })
    await world.time.advance(0)
  }
  assert.equal(world.producer.inFlight.get(1), 4)
  for (let i = 0; i < 100; i++) {
    push.next({ topic: 't', value: `filling ${i}` })
    await world.time.advance(0)
  }
  await world.time.until(() => acks.values.length === 105)
  assert.deepEqual(
    world.cluster.batches('t', 0).map(batch => batch.recordCount),
    [1, 1, 1, 1, 1, 100],
  )
  await world.end()
})

test('every broker has a window of its own', async () => {
  const world = await startWorld({
    cluster: { nodes: 3, topics: { t: { partitions: 3 } }, replyDelayMs: 10 },
    producer: ONE_RECORD_BATCHES,
  })
  const { push, acks } = open(world.producer)
  for (let i = 0; i < 90; i++) push.next({ topic: 't', value: `v${i}`, partition: i % 3 })
  await world.time.until(() => acks.values.length >= 30)
  assert.deepEqual([...world.producer.inFlight.values()], [4, 4, 4])
  const seen = (kind: 'request' | 'answered') =>
    world.cluster.trace.filter(entry => entry.kind === kind && entry.api === 'Produce').length
  assert.equal(seen('request') - seen('answered'), 12, 'all of them are full at the same time')
  await world.time.until(() => acks.values.length === 90)
  assert.deepEqual(
    [1, 2, 3].map(node => world.cluster.depth.most(node)),
    [4, 4, 4],
  )
  assert.deepEqual([...world.producer.inFlight.values()], [0, 0, 0])
  await world.end()
})

test('a request carries at most one batch of a partition, and no more bytes than maxRequestSize', async () => {
  const world = await startWorld({
    cluster: { topics: { t: { partitions: 5 } }, replyDelayMs: 10 },
    producer: { batchSize: 1000, maxRequestSize: 2500 },
  })
  const { push, acks } = open(world.producer)
  for (let i = 0; i < 500; i++) push.next({ topic: 't', value: 'x'.repeat(100), partition: i % 5 })
  await world.time.until(() => acks.values.length === 500)
  const requests: { partition: number; count: number }[][] = []
  for (const entry of world.cluster.trace) {
    if (entry.kind === 'request' && entry.api === 'Produce') requests.push([])
    else if (entry.kind === 'appended') requests.at(-1)!.push(entry)
  }
  for (const parts of requests) {
    assert.equal(new Set(parts.map(({ partition }) => partition)).size, parts.length)
    // A record takes 107 bytes at least, beside its batch's header.
    const bytes = parts.reduce((sum, { count }) => sum + BATCH_HEADER_SIZE + 107 * count, 0)
    assert.ok(bytes <= 2500, `${bytes} bytes in a request`)
  }
  assert.ok(requests.some(parts => parts.length >= 2))
  await world.end()
})

test('sequences are continuous, whatever the size of the batches', async () => {
  const world = await startWorld({
    cluster: { topics: { t: { partitions: 2 } }, replyDelayMs: 3 },
    producer: { batchSize: 300 },
  })
  const acks = watch(from(records(1000)).pipe(world.producer.send()))
  await world.time.until(() => acks.done)
  for (const partition of [0, 1]) {
    let next = 0
    for (const { baseSequence, recordCount, producerEpoch } of world.cluster.batches('t', partition)) {
      assert.equal(baseSequence, next)
      assert.equal(producerEpoch, 0)
      next += recordCount
    }
  }
  await world.end()
})

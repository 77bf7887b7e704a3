/**
 * With transaction.version 2, while the coordinator has something in hand: the transaction before, which takes milliseconds, or what another
 * broker adds. Kafka's brokers wait for it by themselves, and answer Produce with CONCURRENT_TRANSACTIONS after 100 ms.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProducerFencedError, TransactionAbortedError } from '../../../src/index.js'
import { ErrorCode } from '../../../src/protocol/error-codes.js'
import type { World } from '../../support/world.js'
import { begun, committed, record, records, rejection, startTransactional, successor } from './support.js'

const CONCURRENT = { kind: 'error', code: ErrorCode.CONCURRENT_TRANSACTIONS } as const

/** Pauses between the produce requests since a time, in ms; the first one is from that time on. */
function pauses({ cluster }: World, since: number): number[] {
  const at = cluster.trace.flatMap(entry =>
    entry.kind === 'request' && entry.api === 'Produce' && entry.at >= since ? [entry.at] : [],
  )
  return at.map((time, i) => time - (at[i - 1] ?? since))
}

/** How often partitions were added by a request. */
function added({ cluster }: World): number {
  return cluster.trace.filter(entry => entry.kind === 'request' && entry.api === 'AddPartitionsToTxn').length
}

/** The transaction before is over. */
async function later({ time }: World): Promise<number> {
  await time.advance(1_000)
  return time.now()
}

async function transact(world: World, values: readonly ReturnType<typeof record>[]): Promise<void> {
  const { transaction } = await begun(world, values)
  await world.time.until(transaction.commit())
}

test('it is asked again after 1 ms, then twice as long, at most `retryBackoffMs`', async () => {
  const world = await startTransactional(2)
  await transact(world, [record('a')])
  world.cluster.inject({ fault: CONCURRENT, times: 9 })
  const since = await later(world)
  await transact(world, [record('b')])
  // The jitter of these worlds is none.
  assert.deepEqual(pauses(world, since), [0, 1, 2, 4, 8, 16, 32, 64, 100, 100])
  assert.deepEqual(committed(world.cluster), ['a', 'b'])
  await world.end()
})

test('a `retryBackoffMs` that is shorter counts', async () => {
  const world = await startTransactional(2, { producer: { retryBackoffMs: 2 } })
  await transact(world, [record('a')])
  world.cluster.inject({ fault: CONCURRENT, times: 3 })
  const since = await later(world)
  await transact(world, [record('b')])
  assert.deepEqual(pauses(world, since), [0, 1, 2, 2])
  await world.end()
})

test('partitions that were told so together come back in one request, and wait for no other back-off', async () => {
  const world = await startTransactional(2, { cluster: { topics: { t: { partitions: 4 } } } })
  const all = [0, 1, 2, 3].map(partition => record(`a${partition}`, partition))
  await transact(world, all)
  world.cluster.inject({ partition: 3, fault: { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS } })
  for (const partition of [0, 1, 2]) world.cluster.inject({ partition, fault: CONCURRENT, times: 2 })
  const since = await later(world)
  await transact(world, all)
  assert.deepEqual(pauses(world, since), [0, 1, 2, 97])
  await world.end()
})

test('markers that are late delay the next transaction by no more than twice their time', async () => {
  for (const markerDelayMs of [1, 7, 30, 90]) {
    const world = await startTransactional(2, { cluster: { markerDelayMs } })
    await transact(world, records('a', 3))
    const since = world.time.now()
    await transact(world, records('b', 3))
    assert.ok(world.time.now() - since <= 2 * markerDelayMs, `${world.time.now() - since} ms`)
    await world.time.advance(markerDelayMs)
    assert.deepEqual(committed(world.cluster), ['a0', 'a1', 'a2', 'b0', 'b1', 'b2'])
    await world.end()
  }
})

test('right after a commit, the coordinator is asked when it is done; otherwise the first batch adds its partition', async () => {
  const world = await startTransactional(2)
  await transact(world, [record('a'), record('b', 1)])
  assert.equal(added(world), 0, 'there is no transaction before')
  await transact(world, [record('c'), record('d', 1)])
  assert.equal(added(world), 1, 'both partitions at once')
  await later(world)
  await transact(world, [record('e'), record('f', 1)])
  assert.equal(added(world), 1, 'it has completed it long since')
  const { transaction } = await begun(world, [record('g')])
  await world.time.advance(10)
  assert.equal(added(world), 2)
  transaction.publish([record('h', 1)]).subscribe()
  await world.time.advance(10)
  await world.time.until(transaction.commit())
  assert.equal(added(world), 2, 'what it has answered once, it need not be asked again')
  await world.end()
})

test('after an abort as well', async () => {
  const world = await startTransactional(2)
  const first = await begun(world, [record('a')])
  await world.time.advance(10)
  await world.time.until(first.transaction.abort())
  await transact(world, [record('b')])
  assert.equal(added(world), 1)
  await world.end()
})

test('a coordinator that is far away is not asked: it is done before the batch arrives', async () => {
  const world = await startTransactional(2, { cluster: { replyDelayMs: 10 } })
  for (const value of ['a', 'b', 'c']) await transact(world, [record(value)])
  assert.equal(added(world), 0)
  await world.end()
})

test('partitions of several brokers are added by one request: brokers that add them one by one wait for each other', async () => {
  for (const replyDelayMs of [0, 10]) {
    const world = await startTransactional(2, { cluster: { nodes: 2, replyDelayMs } })
    await transact(world, [record('a'), record('b', 1)])
    assert.equal(added(world), 1)
    await later(world)
    await transact(world, [record('c'), record('d', 1)])
    assert.equal(added(world), 2)
    await later(world)
    await transact(world, [record('e'), record('f')])
    assert.equal(added(world), 2, 'one broker')
    assert.deepEqual(committed(world.cluster), ['a', 'c', 'e', 'f'])
    await world.end()
  }
})

test('PRODUCER_FENCED to that request, once something is stored: the end of the transaction tells whether it is so', async () => {
  const world = await startTransactional(2, { cluster: { nodes: 2 } })
  const { transaction } = await begun(world, [record('a')])
  await world.time.advance(10)
  world.cluster.inject({ api: 'AddPartitionsToTxn', fault: { kind: 'error', code: ErrorCode.PRODUCER_FENCED } })
  transaction.publish([record('b', 1)]).subscribe({ error: () => {} })
  await world.time.advance(10)
  const error = await world.time.until(rejection(transaction.commit()))
  assert.ok(error instanceof TransactionAbortedError)
  await transact(world, [record('c')])
  assert.deepEqual(committed(world.cluster), ['c'])
  await world.end()
})

test('PRODUCER_FENCED by a producer that has taken over ends this one', async () => {
  const world = await startTransactional(2, { cluster: { nodes: 2 } })
  const { transaction } = await begun(world, [record('a')])
  await world.time.advance(10)
  const next = successor(world)
  await world.time.until(next.connect())
  transaction.publish([record('b', 1)]).subscribe({ error: () => {} })
  const error = await world.time.until(rejection(transaction.commit().catch(() => transaction.commit())))
  assert.ok(error instanceof ProducerFencedError)
  await world.time.until(next.close())
  await world.end()
})

/** CONCURRENT_TRANSACTIONS to Produce: the coordinator completes the transaction before, which takes milliseconds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrorCode } from '../../../src/protocol/error-codes.js'
import type { World } from '../../support/world.js'
import { begun, committed, record, records, startTransactional } from './support.js'

const CONCURRENT = { kind: 'error', code: ErrorCode.CONCURRENT_TRANSACTIONS } as const

/** Pauses between the produce requests since a time, in ms; the first one is from that time on. */
function pauses({ cluster }: World, since: number): number[] {
  const at = cluster.trace.flatMap(entry =>
    entry.kind === 'request' && entry.api === 'Produce' && entry.at >= since ? [entry.at] : [],
  )
  return at.map((time, i) => time - (at[i - 1] ?? since))
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

test('it is asked again after 5 ms, then twice as long, at most `retryBackoffMs`', async () => {
  const world = await startTransactional(2)
  await transact(world, [record('a')])
  world.cluster.inject({ fault: CONCURRENT, times: 7 })
  const since = await later(world)
  await transact(world, [record('b')])
  // The jitter of these worlds is none.
  assert.deepEqual(pauses(world, since), [0, 5, 10, 20, 40, 80, 100, 100])
  assert.deepEqual(committed(world.cluster), ['a', 'b'])
  await world.end()
})

test('a `retryBackoffMs` that is shorter counts', async () => {
  const world = await startTransactional(2, { producer: { retryBackoffMs: 2 } })
  await transact(world, [record('a')])
  world.cluster.inject({ fault: CONCURRENT, times: 3 })
  const since = await later(world)
  await transact(world, [record('b')])
  assert.deepEqual(pauses(world, since), [0, 2, 2, 2])
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
  assert.deepEqual(pauses(world, since), [0, 5, 10, 85])
  await world.end()
})

test('markers that are late delay the next transaction by no more than twice their time', async () => {
  for (const markerDelayMs of [1, 7, 30, 90]) {
    const world = await startTransactional(2, { cluster: { markerDelayMs } })
    await transact(world, records('a', 3))
    const since = world.time.now()
    await transact(world, records('b', 3))
    assert.ok(world.time.now() - since <= 5 + 2 * markerDelayMs, `${world.time.now() - since} ms`)
    await world.time.advance(markerDelayMs)
    assert.deepEqual(committed(world.cluster), ['a0', 'a1', 'a2', 'b0', 'b1', 'b2'])
    await world.end()
  }
})

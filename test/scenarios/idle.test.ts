/** Connections that nobody uses, closed by the producer or by the broker. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { IdleConnectionError, type ProducerEvent } from '../../src/index.js'
import { startWorld, valuesIn, type World, type WorldOptions } from '../support/world.js'

const TOPICS = { t: { partitions: 1 } }
/** How long both sides wait by default, in ms: the producer closes first. */
const [MINE, KAFKAS] = [540_000, 600_000]

/** A world in which one record was acked. */
async function startUsed(options: WorldOptions = {}): Promise<World> {
  const world = await startWorld({ ...options, cluster: { topics: TOPICS, ...options.cluster } })
  await send(world, 'a')
  return world
}

async function send({ producer, time }: World, value: string): Promise<number> {
  const began = time.now()
  assert.equal((await time.until(producer.sendOne({ topic: 't', value }))).kind, 'acked')
  return time.now() - began
}

function told<K extends ProducerEvent['kind']>({ events }: World, kind: K): Extract<ProducerEvent, { kind: K }>[] {
  return events.filter((event): event is Extract<ProducerEvent, { kind: K }> => event.kind === kind)
}

function requests({ cluster }: World, api: string): number {
  return cluster.trace.filter(entry => entry.kind === 'request' && entry.api === api).length
}

test('a producer without records closes its connections after `idleConnectionMs`, quietly, and the next record opens others at once', async () => {
  const world = await startUsed({ cluster: { connectionsMaxIdleMs: KAFKAS } })
  await world.time.advance(MINE - 1)
  assert.equal(told(world, 'disconnected').length, 0)
  assert.equal(world.network.connections, 2)
  const asked = requests(world, 'Metadata')
  await world.time.advance(1)
  const [closed, ...others] = told(world, 'disconnected')
  assert.equal(closed?.error instanceof IdleConnectionError, true)
  const [address] = world.cluster.brokers
  assert.equal(
    closed?.error.message,
    `the connection to ${address} was closed: it had no request for 540000 ms (option \`idleConnectionMs\`)`,
  )
  assert.deepEqual([others, world.network.connections], [[], 0])
  await world.time.advance(3_600_000)
  assert.equal(requests(world, 'Metadata'), asked)
  assert.equal(world.network.connections, 0)
  assert.equal(await send(world, 'b'), 0)
  assert.deepEqual([told(world, 'retrying'), told(world, 'metadataFailed')], [[], []])
  assert.equal(told(world, 'disconnected').length, 1)
  await world.end()
})

test('a record in time keeps its connection open for as long again', async () => {
  const world = await startUsed({ producer: { idleConnectionMs: 10_000 } })
  for (let i = 0; i < 5; i++) {
    await world.time.advance(9_999)
    await send(world, `${i}`)
  }
  assert.deepEqual(told(world, 'disconnected'), [])
  const asked = requests(world, 'Metadata')
  await world.time.advance(10_000)
  assert.equal(told(world, 'disconnected').length, 1)
  await world.time.advance(5_000)
  assert.equal(requests(world, 'Metadata'), asked, 'that is no reason to ask for metadata')
  await world.end()
})

test('a connection that owes an answer is not idle, and the answer begins the time again', async () => {
  const world = await startUsed({ producer: { idleConnectionMs: 1_000 } })
  world.cluster.inject({ fault: { kind: 'delay', ms: 5_500 } })
  assert.equal(await send(world, 'b'), 5_500)
  assert.deepEqual(told(world, 'disconnected'), [])
  await world.time.advance(999)
  assert.deepEqual(told(world, 'disconnected'), [])
  await world.time.advance(1_000)
  assert.equal(told(world, 'disconnected').length, 1)
  await world.end()
})

test('a connection that closes while a record lingers is no sign of trouble: no metadata is requested, and the record does not wait', async () => {
  const world = await startUsed({ producer: { linger: 20_000, idleConnectionMs: 10_000 } })
  const asked = requests(world, 'Metadata')
  const acked = send(world, 'b')
  await world.time.until(() => told(world, 'disconnected').length > 0)
  await world.time.advance(5_000)
  assert.equal(requests(world, 'Metadata'), asked)
  assert.equal(await acked, 20_000)
  assert.deepEqual([told(world, 'retrying'), told(world, 'metadataFailed')], [[], []])
  await world.end()
})

test('a session that is renewed for nobody does not keep its connection open', async () => {
  const sasl = { mechanisms: ['PLAIN' as const], users: { user: 'secret' }, sessionLifetimeMs: 10_000 }
  const world = await startUsed({
    cluster: { sasl },
    producer: { sasl: { mechanism: 'plain', username: 'user', password: 'secret' }, idleConnectionMs: 60_000 },
  })
  await world.time.advance(61_000)
  assert.equal(told(world, 'reauthenticated').length >= 4, true)
  assert.equal(told(world, 'disconnected').length, 1)
  await world.end()
})

describe('a connection that the broker closes first', () => {
  const NEVER = { producer: { idleConnectionMs: 0 } }

  test('with `idleConnectionMs` 0: no failed attempt, and the next record opens another at once', async () => {
    const world = await startUsed({ ...NEVER, cluster: { connectionsMaxIdleMs: KAFKAS } })
    await world.time.until(() => told(world, 'disconnected').length > 0)
    assert.equal(world.time.now(), KAFKAS)
    assert.equal(told(world, 'disconnected')[0]!.error instanceof IdleConnectionError, false)
    assert.equal(await send(world, 'b'), 0, 'no back-off')
    await world.time.advance(50 * KAFKAS)
    assert.deepEqual([told(world, 'retrying'), told(world, 'metadataFailed')], [[], []])
    assert.equal(told(world, 'connected').length, 2, 'no connection for nobody')
    await world.end()
  })

  test('is not closed at all where neither side does', async () => {
    const world = await startUsed(NEVER)
    await world.time.advance(10 * MINE)
    assert.deepEqual(told(world, 'disconnected'), [])
    await world.end()
  })

  test('while a request crosses the close: that attempt is lost and sent again, once stored', async () => {
    const world = await startUsed({ ...NEVER, cluster: { connectionsMaxIdleMs: 60_000 }, latencyMs: 10 })
    // The last request came at `used`; the broker closes a minute later, and the news takes 10 ms.
    const used = world.cluster.trace.findLast(entry => entry.kind === 'request' && entry.api === 'Produce')!.at
    await world.time.advance(used + 60_000 + 5 - world.time.now())
    assert.deepEqual(told(world, 'disconnected'), [])
    await send(world, 'b')
    assert.equal(told(world, 'retrying').length, 1)
    assert.deepEqual(valuesIn(world.cluster, 't', 0), ['a', 'b'])
    await world.end()
  })
})

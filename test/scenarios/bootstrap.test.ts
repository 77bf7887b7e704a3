/** How a producer finds its first brokers, and finds others when all of those are gone. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BootstrapError, type ProducerOptions } from '../../src/index.js'
import { startLyingWorld } from '../support/liar.js'
import { startWorld, valuesIn, type World } from '../support/world.js'

const TOPICS = { t: { partitions: 1 } }

/** What was told of addresses that could not be reached. */
function failures({ events }: World): string[] {
  return events.flatMap(event =>
    event.kind === 'metadataFailed' && event.error instanceof BootstrapError ? [event.error.message] : [],
  )
}

async function send({ producer, time }: World, value: string): Promise<string> {
  return (await time.until(producer.sendOne({ topic: 't', value }))).kind
}

describe('`brokers` as a function', () => {
  /** Calls are numbered from 1. */
  async function startFound(
    find: (call: number, world: World) => unknown,
    producer: Partial<ProducerOptions> = {},
  ): Promise<{ world: World; calls: () => number }> {
    let calls = 0
    const brokers = (): never => find(++calls, world) as never
    const world = await startWorld({ cluster: { nodes: 2, topics: TOPICS }, producer: { brokers, ...producer } })
    return { world, calls: () => calls }
  }

  for (const [what, find] of [
    ['a list', (_: number, { cluster }: World) => cluster.brokers],
    ['a promise', async (_: number, { cluster }: World) => cluster.brokers],
  ] as const) {
    test(`that returns ${what} is called once, though metadata and a producer id are requested at once`, async () => {
      const { world, calls } = await startFound(find)
      assert.equal(calls(), 0)
      assert.equal(await send(world, 'a'), 'acked')
      await world.time.advance(1_000_000)
      assert.equal(await send(world, 'b'), 'acked')
      assert.equal(calls(), 1)
      assert.deepEqual(failures(world), [])
      await world.end()
    })
  }

  for (const [what, find, message] of [
    ['throws', throwing, /brokers\(\): option `brokers`, a function, failed: no such service$/],
    ['rejects', async () => throwing(), /brokers\(\): option `brokers`, a function, failed: no such service$/],
    ['returns none', () => [], /brokers\(\): option `brokers` returned \[\], but it must be a non-empty array of/],
    ['returns nothing', () => undefined, /option `brokers` returned undefined, but it must be a non-empty array of/],
    ['returns a scheme', () => ['kafka://user:pw@a'], /returned '…@a', but it must be .* without a scheme/],
  ] as const) {
    test(`that ${what} is told so, and is called again with back-off`, async () => {
      const { world, calls } = await startFound((call, { cluster }) => (call <= 6 ? find() : cluster.brokers), {
        retryBackoffMs: 100,
        retryBackoffMaxMs: 1_000,
      })
      assert.equal(await send(world, 'a'), 'acked')
      assert.equal(calls() <= 8, true, String(calls()))
      assert.equal(world.time.now() >= 700, true, String(world.time.now()))
      const told = failures(world)
      assert.equal(told.length >= 3, true)
      for (const one of told) assert.match(one, message)
      await world.end()
    })
  }

  test('that does not return is waited for as long as for a connection', async () => {
    const { world } = await startFound((call, { cluster }) => (call === 1 ? new Promise(() => {}) : cluster.brokers), {
      connectTimeoutMs: 3_000,
    })
    assert.equal(await send(world, 'a'), 'acked')
    assert.equal(world.time.now(), 3_100)
    assert.match(failures(world)[0]!, /brokers\(\): option `brokers` returned no list within 3000 ms/)
    await world.end()
  })

  test('that has not returned is not waited for when the producer is closed', async () => {
    const { world } = await startFound(() => new Promise(() => {}))
    world.producer.sendOne({ topic: 't', value: 'a' }).catch(() => {})
    await world.time.advance(1)
    await world.time.until(world.producer.close({ timeoutMs: 0 }).catch(() => {}))
    await world.end()
  })

  test('is called again when every broker was replaced, and not before', async () => {
    const { world, calls } = await startFound((_, { cluster }) => cluster.brokers.slice(-2))
    const { cluster, time } = world
    assert.equal(await send(world, 'a'), 'acked')
    await cluster.stopNode(cluster.leader('t', 0))
    assert.equal(await send(world, 'b'), 'acked')
    assert.equal(calls(), 1, 'a known broker answered')
    const sent = send(world, 'c')
    for (const node of [1, 2]) if (cluster.leader('t', 0) === node) await cluster.stopNode(node)
    await time.advance(5_000)
    assert.equal(calls() > 1 && calls() < 20, true, String(calls()))
    assert.deepEqual([await cluster.addNode(), await cluster.addNode()], [3, 4])
    assert.equal(await sent, 'acked')
    assert.deepEqual(valuesIn(cluster, 't', 0), ['a', 'b', 'c'])
    await world.end()
  })
})

function throwing(): never {
  throw new Error('no such service')
}

describe('`mapAddress`', () => {
  /** Brokers advertise `node<id>:9092`, which nobody can reach. */
  async function startHidden(mapAddress: NonNullable<ProducerOptions['mapAddress']>): Promise<World> {
    return startLyingWorld(
      {
        Metadata: answer => ({
          ...answer,
          brokers: answer.brokers.map(broker => ({ ...broker, host: `node${broker.nodeId}`, port: 9092 })),
        }),
      },
      {
        cluster: { nodes: 2, topics: TOPICS },
        producer: { mapAddress, deliveryTimeoutMs: 5_000, requestTimeoutMs: 1_000 },
      },
    )
  }

  test('is asked for every broker of metadata, with its id, and for no address of `brokers`', async () => {
    const asked: string[] = []
    const world: World = await startHidden((host, port, nodeId) => {
      asked.push(`${host}:${port} ${nodeId}`)
      const [newHost, newPort] = world.cluster.brokers[nodeId - 1]!.split(':')
      return { host: newHost!, port: Number(newPort) }
    })
    assert.equal(await send(world, 'a'), 'acked')
    assert.deepEqual([...new Set(asked)], ['node1:9092 1', 'node2:9092 2'])
    const connected = world.events.find(event => event.kind === 'connected')
    assert.equal(connected?.address, world.cluster.brokers[world.cluster.leader('t', 0) - 1])
    await world.end()
  })

  test('that returns nothing for a broker leaves its address as it is', async () => {
    const world = await startHidden(() => undefined)
    const failed = await world.time.until(world.producer.sendOne({ topic: 't', value: 'a' }).catch(error => error))
    assert.match(failed.message, /node1:9092|node2:9092/)
    await world.end()
  })

  for (const [what, mapping, message] of [
    ['throws', throwing, /option `mapAddress` threw 'no such service' for broker \d/],
    [
      'returns a string',
      () => 'a:1',
      /option `mapAddress` must return \{ host, port \} or undefined, and returned 'a:1' for/,
    ],
    ['returns null', () => null, /and returned null for broker/],
    [
      'returns a port that is text',
      () => ({ host: 'a', port: '1' }),
      /and returned \{ host: 'a', port: '1' \} for broker/,
    ],
    ['returns an impossible port', () => ({ host: 'a', port: 0 }), /nobody can be reached at 'a:0': its port is 0/],
  ] as const) {
    test(`that ${what} ends nothing, is told, and is asked again`, async () => {
      let fails = true
      const world: World = await startHidden((_host, _port, nodeId) => {
        if (fails) return (mapping as () => never)()
        const [newHost, newPort] = world.cluster.brokers[nodeId - 1]!.split(':')
        return { host: newHost!, port: Number(newPort) }
      })
      const failed = await world.time.until(world.producer.sendOne({ topic: 't', value: 'a' }).catch(error => error))
      assert.match(failed.message, message)
      const told = world.events.flatMap(event => (event.kind === 'disconnected' ? [event.error.message] : []))
      assert.equal(told.length >= 3 && told.length <= 10, true, String(told.length))
      for (const one of told) assert.match(one, message)
      fails = false
      assert.equal(await send(world, 'b'), 'acked')
      await world.end()
    })
  }
})

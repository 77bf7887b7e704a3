/** How a producer finds its first brokers, and finds others when all of those are gone. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  BootstrapError,
  BrokerError,
  OtherClusterError,
  type ProducerOptions,
  type Transport,
} from '../../src/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'
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

  test('that threw once, and then leaves the address as it is: that address is used for metadata as well', async () => {
    let fails = true
    let first = ''
    const world: World = await startWorld({
      cluster: { nodes: 2, topics: TOPICS },
      producer: {
        brokers: () => [first],
        mapAddress: (_host, _port, nodeId) => (fails && nodeId === 2 ? throwing() : undefined),
      },
    })
    first = world.cluster.brokers[0]!
    const { cluster, producer, time } = world
    cluster.moveLeader('t', 0, 1)
    // No broker but the first one is asked with success.
    cluster.inject({ api: 'Metadata', node: 1, topic: 't', fault: { kind: 'delay', ms: 2_000 } })
    assert.equal(await send(world, 'a'), 'acked')
    for (const [topic, delayed] of [
      ['u', true],
      ['v', false],
    ] as const) {
      cluster.createTopic(topic, { partitions: 1 })
      cluster.moveLeader(topic, 0, 1)
      if (delayed) cluster.inject({ api: 'Metadata', node: 1, topic, fault: { kind: 'delay', ms: 2_000 } })
      await time.until(producer.sendOne({ topic, value: 'b' }))
      fails = false
    }
    cluster.createTopic('w', { partitions: 1 })
    await cluster.stopNode(1)
    assert.equal((await time.until(producer.sendOne({ topic: 'w', value: 'c' }))).kind, 'acked')
    await world.end()
  })
})

describe('a broker that sends its clients back to the bootstrap list (REBOOTSTRAP_REQUIRED, KIP-1102)', () => {
  const SENT_BACK = { api: 'Metadata', fault: { kind: 'error', code: ErrorCode.REBOOTSTRAP_REQUIRED } } as const

  /** A name in the bootstrap list that can lead to a different node each time. */
  async function startBalanced(
    options: { brokers?: () => string[]; apiVersions?: Record<string, [number, number]> } = {},
  ) {
    let behind = 1
    let cluster: TestCluster | undefined
    const asked: string[] = []
    let world: World | undefined
    const transport: Transport = {
      connect(address, listener) {
        asked.push(address.host)
        const [host, port] = cluster!.brokers[behind - 1]!.split(':')
        return world!.network.connect(
          address.host === 'balancer' ? { host: host!, port: Number(port) } : address,
          listener,
        )
      },
    }
    const { brokers = ['balancer:1'], apiVersions = {} } = options
    world = await startWorld({ cluster: { nodes: 2, topics: TOPICS, apiVersions }, producer: { brokers, transport } })
    cluster = world.cluster
    return {
      world,
      asked,
      turnTo: (to: number | TestCluster) => {
        if (typeof to === 'number') behind = to
        else [cluster, behind] = [to, 1]
      },
    }
  }

  const metadataRequests = ({ cluster }: World): { node: number; connection: number }[] =>
    cluster.trace.flatMap(entry => (entry.kind === 'request' && entry.api === 'Metadata' ? [entry] : []))

  test('is asked no more: the next request goes through the bootstrap list, by a new connection', async () => {
    const { world, asked, turnTo } = await startBalanced()
    const { cluster } = world
    assert.equal(await send(world, 'a'), 'acked')
    turnTo(2)
    cluster.createTopic('u', { partitions: 1 })
    cluster.inject({ ...SENT_BACK, topic: 'u' })
    const before = asked.length
    assert.equal((await world.time.until(world.producer.sendOne({ topic: 'u', value: 'b' }))).kind, 'acked')
    assert.equal(asked[before], 'balancer')
    assert.equal(metadataRequests(world).at(-1)!.node, 2)
    const told = world.events.flatMap(event => (event.kind === 'metadataFailed' ? [event.error] : []))
    assert.deepEqual(
      told.map(error => error instanceof BrokerError && error.codeName),
      ['REBOOTSTRAP_REQUIRED'],
    )
    assert.equal(world.time.now() < 1_000, true)
    assert.equal(await send(world, 'c'), 'acked')
    await world.end()
  })

  test('has a function called again', async () => {
    let calls = 0
    const { world } = await startBalanced({
      brokers: () => {
        calls++
        return ['balancer:1']
      },
    })
    assert.equal(await send(world, 'a'), 'acked')
    assert.equal(calls, 1)
    world.cluster.createTopic('u', { partitions: 1 })
    world.cluster.inject({ ...SENT_BACK, topic: 'u' })
    assert.equal((await world.time.until(world.producer.sendOne({ topic: 'u', value: 'b' }))).kind, 'acked')
    assert.equal(calls, 2)
    await world.end()
  })

  test('interrupts nothing that is in flight', async () => {
    const { world } = await startBalanced()
    const { cluster, producer } = world
    assert.equal(await send(world, 'a'), 'acked')
    cluster.inject({ fault: { kind: 'delay', ms: 3_000 } })
    cluster.createTopic('u', { partitions: 1 })
    const first = producer.sendOne({ topic: 't', value: 'b' })
    await world.time.advance(1)
    cluster.inject({ ...SENT_BACK, topic: 'u' })
    await world.time.until(producer.sendOne({ topic: 'u', value: 'c' }))
    await world.time.until(first)
    assert.deepEqual(valuesIn(cluster, 't', 0), ['a', 'b'])
    assert.equal(world.events.filter(({ kind }) => kind === 'retrying' || kind === 'disconnected').length, 0)
    await world.end()
  })

  test('for ever: is asked with back-off, and the record says why it failed', async () => {
    const { world } = await startBalanced()
    world.cluster.inject({ ...SENT_BACK, times: Number.POSITIVE_INFINITY })
    const failed = world.producer.sendOne({ topic: 't', value: 'a' }).catch(error => error)
    await world.time.advance(20_000)
    const { length } = metadataRequests(world)
    assert.equal(length > 20 && length <= 60, true, String(length))
    assert.match((await world.time.until(failed)).message, /REBOOTSTRAP_REQUIRED/)
    await world.end()
  })

  test('before Metadata 13 cannot say so', async () => {
    const { world } = await startBalanced({ apiVersions: { Metadata: [4, 12] } })
    assert.equal(await send(world, 'a'), 'acked')
    const versions = world.cluster.trace.flatMap(entry =>
      entry.kind === 'request' && entry.api === 'Metadata' ? [entry.version] : [],
    )
    assert.deepEqual([...new Set(versions)], [12])
    await world.end()
  })

  test('leads to no other cluster: one with another id behind the list is refused', async () => {
    const { world, turnTo } = await startBalanced()
    const other = await startCluster({ scheduler: world.time, network: world.network, topics: TOPICS })
    assert.equal(await send(world, 'a'), 'acked')
    world.cluster.createTopic('u', { partitions: 1 })
    world.cluster.inject({ ...SENT_BACK, topic: 'u' })
    turnTo(other)
    const sent = world.producer.sendOne({ topic: 'u', value: 'b' })
    await world.time.advance(5_000)
    const told = world.events.filter(
      event => event.kind === 'metadataFailed' && event.error instanceof OtherClusterError,
    )
    assert.equal(told.length > 0, true)
    turnTo(world.cluster)
    assert.equal((await world.time.until(sent)).kind, 'acked')
    await other.stop()
    await world.end()
  })
})

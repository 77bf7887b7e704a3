import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ProducerEvent, ProducerOptions } from '../../src/index.js'
import type { MetadataResponse } from '../../src/protocol/messages/metadata.js'
import type { Address } from '../../src/transport/transport.js'
import { startLyingWorld } from '../support/liar.js'
import { open, startWorld, valuesIn, type World } from '../support/world.js'

/** The address of a node, from 1. */
function addressOf(world: World, node: number): Address {
  const [host, port] = world.cluster.brokers[node - 1]!.split(':')
  return { host: host!, port: Number(port) }
}

/** What was told of connections, as `kind node address`. */
function connections(events: readonly ProducerEvent[]): string[] {
  return events.flatMap(event =>
    event.kind === 'connected' || event.kind === 'disconnected'
      ? [`${event.kind} ${event.nodeId} ${event.address}`]
      : [],
  )
}

describe('a broker that is at another address now', () => {
  test('while another one answers at its old address, is connected to there (KAFKA-20394)', async () => {
    const world = await startWorld({ cluster: { nodes: 2, topics: { t: { partitions: 1 } } } })
    const { push, acks } = open(world.producer)
    push.next({ topic: 't', value: 'a' })
    await world.time.until(world.producer.flush())
    const { port } = addressOf(world, 1)
    await world.cluster.stopNode(1)
    await world.cluster.stopNode(2)
    await world.cluster.startNode(1, 0)
    await world.cluster.startNode(2, port)
    await world.time.advance(1_000)
    const began = world.time.now()
    push.next({ topic: 't', value: 'b' })
    await world.time.until(world.producer.flush())
    assert.deepEqual(
      acks.values.map(({ kind }) => kind),
      ['acked', 'acked'],
    )
    assert.deepEqual([world.cluster.leader('t', 0), world.time.now() - began < 2_000], [1, true])
    push.complete()
    await world.end()
  })

  /** Node 1 leads. Once `move()` is called, metadata gives it the address of node 2. */
  async function startMoving(options: Partial<ProducerOptions> = {}): Promise<{ world: World; move(): void }> {
    let moved = false
    const world: World = await startLyingWorld(
      { Metadata: answer => (moved ? movedTo(answer, addressOf(world, 2)) : answer) },
      {
        cluster: { nodes: 2, topics: { t: { partitions: 1 }, u: { partitions: 1 } } },
        producer: { batchSize: 1, ...options },
      },
    )
    for (const topic of ['t', 'u']) await world.cluster.moveLeader(topic, 0, 1)
    return {
      world,
      move: () => {
        moved = true
        for (const topic of ['t', 'u']) world.cluster.moveLeader(topic, 0, 2)
      },
    }
  }

  test('is not connected to before the old connection owes nothing, and then at once', async () => {
    const { world, move } = await startMoving()
    const { push, acks } = open(world.producer)
    push.next({ topic: 't', value: '0' })
    await world.time.until(world.producer.flush())
    world.cluster.inject({ fault: { kind: 'delay', ms: 500 } })
    for (let i = 1; i <= 4; i++) push.next({ topic: 't', value: `${i}` })
    await world.time.advance(100)
    move()
    push.next({ topic: 'u', value: 'v' })
    for (let i = 5; i <= 8; i++) push.next({ topic: 't', value: `${i}` })
    await world.time.advance(399)
    const [old, new_] = [1, 2].map(node => world.cluster.brokers[node - 1])
    assert.deepEqual(connections(world.events), [`connected 1 ${old}`])
    await world.time.until(world.producer.flush())
    assert.deepEqual(connections(world.events), [`connected 1 ${old}`, `disconnected 1 ${old}`, `connected 1 ${new_}`])
    assert.equal(world.time.now(), 500)
    assert.deepEqual(valuesIn(world.cluster, 't', 0), ['0', '1', '2', '3', '4', '5', '6', '7', '8'])
    assert.equal(
      acks.values.every(({ kind }) => kind === 'acked'),
      true,
    )
    push.complete()
    await world.end()
  })

  test('tells why the old connection has ended, and is no reason to ask for metadata', async () => {
    const { world, move } = await startMoving()
    await world.time.until(world.producer.sendOne({ topic: 't', value: 'a' }))
    move()
    const before = metadataAnswers(world)
    await world.time.until(world.producer.sendOne({ topic: 'u', value: 'b' }))
    await world.time.advance(1_000)
    assert.equal(metadataAnswers(world) - before, 1)
    const [old, new_] = world.cluster.brokers
    const told = world.events.find(event => event.kind === 'disconnected')
    assert.equal(
      told?.error.message,
      `the connection to ${old} was closed: metadata says that broker 1 is at ${new_} now`,
    )
    await world.end()
  })

  test('loses the connection to its old address without a record, too', async () => {
    const { world, move } = await startMoving({ metadataMaxAgeMs: 10_000 })
    await world.time.until(world.producer.sendOne({ topic: 't', value: 'a' }))
    move()
    await world.time.advance(10_000)
    const [old] = world.cluster.brokers
    assert.deepEqual(connections(world.events), [`connected 1 ${old}`, `disconnected 1 ${old}`])
    await world.end()
  })

  test('is connected to there at once, where the attempt at its old address goes on', async () => {
    const { world, move } = await startMoving()
    world.cluster.inject({ node: 1, api: 'ApiVersions', fault: { kind: 'neverAnswer' }, after: 1, times: Infinity })
    const first = world.producer.sendOne({ topic: 't', value: 'a' })
    await world.time.advance(1_000)
    move()
    await world.time.until(world.producer.sendOne({ topic: 'u', value: 'b' }))
    await world.time.until(first)
    assert.equal(world.time.now() <= 1_500, true, String(world.time.now()))
    await world.end()
  })
})

describe('a node that metadata names no more', () => {
  /** Adds `by` to every node id: the nodes that there were are gone, and others lead. */
  function renamed(answer: MetadataResponse, by: number): MetadataResponse {
    return {
      ...answer,
      brokers: answer.brokers.map(broker => ({ ...broker, nodeId: broker.nodeId + by })),
      topics: answer.topics.map(topic => ({
        ...topic,
        partitions: topic.partitions.map(partition => ({ ...partition, leaderId: partition.leaderId + by })),
      })),
    }
  }

  /** Node 1 leads two topics. From `leave()` until `comeBack()`, metadata names node 11 at its address instead. */
  async function startLeaving(
    producer: Partial<ProducerOptions>,
  ): Promise<{ world: World; leave(): void; comeBack(): void }> {
    let gone = 0
    const world = await startLyingWorld(
      { Metadata: answer => renamed(answer, gone) },
      { cluster: { topics: { t: { partitions: 1 }, u: { partitions: 1 } } }, producer },
    )
    return {
      world,
      leave: () => {
        gone = 10
      },
      comeBack: () => {
        gone = 0
      },
    }
  }

  test('is left: the leader has another id in every answer, and there are as many connections and windows as before', async () => {
    const world = await startLyingWorld(
      { Metadata: (answer, count) => renamed(answer, count) },
      { cluster: { topics: { t: { partitions: 1 } } }, producer: { metadataMaxAgeMs: 1_000 } },
    )
    const { push, acks } = open(world.producer)
    for (let i = 0; i < 200; i++) {
      push.next({ topic: 't', value: `${i}` })
      await world.time.advance(500)
      assert.deepEqual([world.producer.inFlight.size <= 1, world.network.connections <= 2], [true, true], `after ${i}`)
    }
    assert.equal(metadataAnswers(world) >= 100, true)
    assert.equal(acks.values.filter(({ kind }) => kind === 'acked').length, 200)
    push.complete()
    await world.end()
  })

  test('is left when it owes nothing, not before, and what it owes is acked', async () => {
    const { world, leave } = await startLeaving({ batchSize: 1 })
    const { push, acks } = open(world.producer)
    push.next({ topic: 't', value: '0' })
    await world.time.until(world.producer.flush())
    world.cluster.inject({ fault: { kind: 'delay', ms: 500 } })
    for (let i = 1; i <= 4; i++) push.next({ topic: 't', value: `${i}` })
    await world.time.advance(100)
    leave()
    push.next({ topic: 'u', value: 'v' })
    await world.time.advance(399)
    // The answer was about the other topic only, whose leader is asked for next.
    assert.deepEqual(
      [...world.producer.inFlight],
      [
        [1, 4],
        [11, 0],
      ],
    )
    await world.time.advance(1)
    assert.deepEqual([...world.producer.inFlight], [[11, 0]])
    const [address] = world.cluster.brokers
    assert.deepEqual(connections(world.events), [
      `connected 1 ${address}`,
      `connected 11 ${address}`,
      `disconnected 1 ${address}`,
    ])
    const told = world.events.find(event => event.kind === 'disconnected')
    assert.equal(told?.error.message, `the connection to ${address} was closed: metadata names no broker 1 now`)
    assert.equal(acks.values.filter(({ kind }) => kind === 'acked').length, 6)
    push.complete()
    await world.end()
  })

  test('and is named again later: it is written to as before, also while it has asked for a pause', async () => {
    const { world, leave, comeBack } = await startLeaving({ metadataMaxAgeMs: 1_000 })
    await world.time.until(world.producer.sendOne({ topic: 't', value: 'a' }))
    world.cluster.inject({ fault: { kind: 'throttle', ms: 5_500 } })
    await world.time.until(world.producer.sendOne({ topic: 't', value: 'b' }))
    leave()
    await world.time.advance(1_000)
    assert.deepEqual([...world.producer.inFlight.keys()], [])
    comeBack()
    await world.time.advance(1_000)
    const began = world.time.now()
    await world.time.until(world.producer.sendOne({ topic: 't', value: 'c' }))
    assert.equal(world.time.now() - began, 3_500)
    assert.deepEqual(valuesIn(world.cluster, 't', 0), ['a', 'b', 'c'])
    await world.end()
  })
})

function movedTo(answer: MetadataResponse, address: Address): MetadataResponse {
  return {
    ...answer,
    brokers: [{ nodeId: 1, ...address, rack: null }],
    topics: answer.topics.map(topic => ({
      ...topic,
      partitions: topic.partitions.map(partition => ({ ...partition, leaderId: 1 })),
    })),
  }
}

function metadataAnswers({ events }: World): number {
  return events.filter(({ kind }) => kind === 'metadata').length
}

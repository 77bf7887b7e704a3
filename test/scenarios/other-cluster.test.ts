/** Addresses that lead to two clusters, as by a stale DNS entry: a producer writes to one. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createProducer, OtherClusterError, type Producer, type ProducerEvent } from '../../src/index.js'
import type { MetadataResponse } from '../../src/protocol/messages/metadata.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'
import { startLyingWorld } from '../support/liar.js'
import { Random } from '../support/random.js'
import { startWorld, valuesIn, type World } from '../support/world.js'

const FOR_EVER = Number.POSITIVE_INFINITY
const TOPICS = { t: { partitions: 1 } }

interface TwoClusters extends World {
  /** On the same network, with a topic of the same name. */
  readonly other: TestCluster
}

/** The producer's bootstrap list names both clusters, unless it is to name the first one only. */
async function startTwo(seed: number, bootstrap: 'both' | 'first' = 'both'): Promise<TwoClusters> {
  const world = await startWorld({ cluster: { nodes: 2, topics: TOPICS }, latencyMs: 1 })
  await world.time.until(world.producer.close())
  const { time, network, cluster } = world
  const other = await startCluster({ topics: TOPICS, scheduler: time, network })
  const brokers = bootstrap === 'both' ? [...other.brokers, ...cluster.brokers] : [...cluster.brokers]
  const producer = createProducer({ brokers, scheduler: time, transport: network, random: new Random(seed).next })
  const events: ProducerEvent[] = []
  producer.events$.subscribe(event => events.push(event))
  const end = async (): Promise<void> => {
    await time.until(producer.close())
    await other.stop()
    await world.end()
  }
  return { ...world, other, producer, events, end }
}

const counted = (cluster: TestCluster, ...apis: string[]): number =>
  cluster.trace.filter(entry => entry.kind === 'request' && apis.includes(entry.api)).length

const stored = (cluster: TestCluster): number => cluster.records('t', 0).length

async function outcomes(
  { time, producer }: { time: World['time']; producer: Producer },
  count: number,
): Promise<string[]> {
  const ends: string[] = []
  for (let i = 0; i < count; i++) {
    const sent = producer.sendOne({ topic: 't', value: `${i}` }).then(({ kind }) => kind)
    ends.push(await time.until(sent))
    await time.advance(500)
  }
  return ends
}

for (let seed = 0; seed < 20; seed++) {
  test(`all records go to the cluster that answered first, whoever is asked later (${seed})`, async () => {
    const world = await startTwo(seed)
    const { cluster, other, producer, time } = world
    assert.deepEqual(await outcomes(world, 10), Array(10).fill('acked'))
    const [held, foreign] = stored(cluster) > 0 ? [cluster, other] : [other, cluster]
    // What was asked is slow now, so that every address is tried.
    for (const api of ['Metadata', 'InitProducerId']) {
      held.inject({ api, fault: { kind: 'delay', ms: 2_000 }, times: FOR_EVER })
    }
    held.createTopic('u')
    await time.until(producer.sendOne({ topic: 'u', value: 'v' }))
    assert.deepEqual(await outcomes(world, 10), Array(10).fill('acked'))
    assert.deepEqual([stored(held), stored(foreign)], [20, 0])
    assert.equal(counted(foreign, 'Produce', 'InitProducerId'), 0)
    const told = world.events.flatMap(event => (event.kind === 'metadataFailed' ? [event.error] : []))
    assert.equal(told.length > 0, true)
    const [address] = held.brokers
    for (const error of told) {
      assert.equal(error instanceof OtherClusterError, true, error.message)
      for (const text of [held.clusterId, foreign.clusterId, '`brokers`']) {
        assert.equal(error.message.includes(text), true, `${text} in ${error.message}`)
      }
      const names = (list: readonly string[]): boolean => list.some(one => error.message.includes(` ${one} `))
      assert.deepEqual([names(held.brokers), names(foreign.brokers)], [true, true], `${address}: ${error.message}`)
    }
    await world.end()
  })
}

test('while nobody of its cluster answers, records fail with both ids and addresses, and go on once one does', async () => {
  const world = await startTwo(1, 'first')
  const { cluster, other, producer, time } = world
  assert.deepEqual(await outcomes(world, 1), ['acked'])
  await giveAddressesAway(world)
  const failed = await time.until(producer.sendOne({ topic: 't', value: 'lost' }).catch(error => error))
  for (const text of [cluster.clusterId, other.clusterId, `at ${cluster.brokers[0]} is`]) {
    assert.equal(failed.message.includes(text), true, `${text} in ${failed.message}`)
  }
  assert.equal(failed.ack.persisted, 'no')
  assert.equal(counted(other, 'Produce', 'InitProducerId'), 0)
  const told = world.events.filter(event => event.kind === 'disconnected' && event.error instanceof OtherClusterError)
  assert.equal(told.length > 0, true)
  await other.stopNode(1)
  await cluster.startNode(1)
  await time.until(producer.sendOne({ topic: 't', value: 'kept' }))
  assert.deepEqual([valuesIn(cluster, 't', 0), stored(other)], [['0', 'kept'], 0])
  await world.end()
})

/** Where the first cluster's nodes were, one of the other answers now. */
async function giveAddressesAway({ cluster, other, time }: TwoClusters): Promise<void> {
  const [first] = cluster.brokers
  await other.stopNode(1)
  for (const node of [1, 2]) await cluster.stopNode(node)
  await other.startNode(1, Number(first!.split(':')[1]))
  await time.advance(2_000)
}

for (const observed of [true, false]) {
  test(`is told ${observed ? 'in an event alone' : 'once in a process warning, where nobody looks at events'}`, async t => {
    const heard: Error[] = []
    const hear = (warning: Error): void => void heard.push(warning)
    process.on('warning', hear)
    t.after(() => process.off('warning', hear))
    const world = await startTwo(1, 'first')
    const { cluster, other, time, network } = world
    const [first, second] = cluster.brokers
    const producer = createProducer({
      brokers: [first!, second!, ...other.brokers],
      scheduler: time,
      transport: network,
    })
    if (observed) producer.events$.subscribe()
    // Every address is tried.
    for (const one of [cluster, other]) {
      one.inject({ api: 'InitProducerId', fault: { kind: 'error', code: 15 }, times: 5 })
    }
    await time.until(producer.sendOne({ topic: 't', value: 'v' }))
    await time.until(producer.close())
    const codes = heard.map(warning => (warning as Error & { code?: unknown }).code)
    assert.deepEqual(codes, observed ? [] : ['RX_KAFKA_OTHER_CLUSTER'])
    await world.end()
  })
}

test('an address that leads to another cluster is asked again with back-off, no more often than one that is down', async () => {
  const world = await startTwo(1, 'first')
  const { other, producer, time } = world
  assert.deepEqual(await outcomes(world, 1), ['acked'])
  await giveAddressesAway(world)
  const before = counted(other, 'Metadata')
  const sent = producer.sendOne({ topic: 't', value: 'v' }).catch(() => {})
  await time.advance(20_000)
  const asked = counted(other, 'Metadata') - before
  assert.equal(asked >= 1 && asked <= 60, true, String(asked))
  await time.until(sent)
  await world.end()
})

describe('a cluster without an id', () => {
  const nameless = (answer: MetadataResponse): MetadataResponse => ({ ...answer, clusterId: null })

  test('is written to', async () => {
    const world = await startLyingWorld({ ClusterId: nameless }, { cluster: { topics: TOPICS } })
    assert.deepEqual(await outcomes(world, 3), ['acked', 'acked', 'acked'])
    await world.end()
  })

  test('that gets one later is written to on', async () => {
    const world = await startLyingWorld(
      { ClusterId: (answer, count) => (count <= 2 ? nameless(answer) : answer) },
      { cluster: { nodes: 2, topics: TOPICS } },
    )
    const ends = await outcomes(world, 2)
    for (const node of [1, 2]) {
      await world.cluster.stopNode(node)
      ends.push(...(await outcomes(world, 1)))
      await world.cluster.startNode(node)
    }
    assert.deepEqual(ends, ['acked', 'acked', 'acked', 'acked'])
    await world.end()
  })
})

test('what a connection asks has the time of a request: brokers that take 6 s to answer are written to', async () => {
  const world = await startWorld({ cluster: { topics: TOPICS, replyDelayMs: 6_000 } })
  assert.deepEqual(await outcomes(world, 1), ['acked'])
  assert.deepEqual(
    world.events.filter(({ kind }) => kind === 'disconnected' || kind === 'metadataFailed'),
    [],
  )
  await world.end()
})

test('a connection asks once: not again when its session is renewed', async () => {
  const world = await startWorld({
    cluster: { topics: TOPICS, sasl: { mechanisms: ['PLAIN'], users: { user: 'secret' }, sessionLifetimeMs: 10_000 } },
    producer: { sasl: { mechanism: 'plain', username: 'user', password: 'secret' }, metadataMaxAgeMs: 3_600_000 },
  })
  await outcomes(world, 1)
  await world.time.advance(60_000)
  assert.equal(world.events.filter(({ kind }) => kind === 'reauthenticated').length >= 5, true)
  // Of two connections, and one for the topic.
  assert.equal(counted(world.cluster, 'Metadata'), 3)
  await world.end()
})

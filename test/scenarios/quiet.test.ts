import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Subscription } from 'rxjs'
import type { FaultRule } from '../../src/testing/index.js'
import { open, startWorld, type World } from '../support/world.js'

const FOR_EVER = Number.POSITIVE_INFINITY
const HOUR = 3_600_000

/** How many requests of an API came to brokers. */
function requests(world: World, api: string): number {
  return world.cluster.trace.filter(one => one.kind === 'request' && one.api === api).length
}

function send(world: World, ...topics: string[]): Promise<unknown> {
  return world.time.until(Promise.allSettled(topics.map(topic => world.producer.sendOne({ topic, value: 'v' }))))
}

describe('an idle producer', () => {
  test('asks for metadata until its topics are idle, and then leaves brokers alone', async () => {
    const world = await startWorld({ cluster: { topics: { t: { partitions: 1 } } } })
    await send(world, 't')
    const before = requests(world, 'Metadata')
    await world.time.advance(HOUR)
    assert.equal(requests(world, 'Metadata') - before <= 12, true, String(requests(world, 'Metadata') - before))
    const then = world.cluster.trace.length
    await world.time.advance(HOUR)
    assert.equal(world.cluster.trace.length, then)
    await send(world, 't')
    assert.equal(world.cluster.records('t', 0).length, 2)
    await world.end()
  })

  test('does not create a topic anew that was deleted, and does not ask for it again and again', async () => {
    const world = await startWorld({ producer: { metadataMaxAgeMs: 60_000 } })
    await send(world, 't')
    world.cluster.deleteTopic('t')
    const before = requests(world, 'Metadata')
    await world.time.advance(HOUR)
    assert.deepEqual([...world.cluster.topics.keys()], [])
    assert.equal(requests(world, 'Metadata') - before <= 60, true, String(requests(world, 'Metadata') - before))
    // With a record it may be.
    await send(world, 't')
    assert.deepEqual([...world.cluster.topics.keys()], ['t'])
    await world.end()
  })

  test('asks no more for topics that were used once', async () => {
    const world = await startWorld({ cluster: { defaultPartitions: 1 }, producer: { metadataMaxAgeMs: 60_000 } })
    await send(world, ...Array.from({ length: 50 }, (_, i) => `once-${i}`), 't')
    const busy = writing(world, 't')
    await world.time.advance(HOUR)
    const sizes = world.events.flatMap(event => (event.kind === 'metadata' ? [event.topics.length] : []))
    assert.equal(sizes.at(-1), 1)
    busy.stop()
    await world.end()
  })

  for (const how of ['are down', 'hang']) {
    for (const before of ['connect()', 'a record that was acked', 'a record that failed']) {
      test(`with all brokers that ${how}, after ${before}, connects rarely, and the next record finds its way at once`, async () => {
        const world = await startWorld({ cluster: { nodes: 2, topics: { t: { partitions: 2 } } }, latencyMs: 1 })
        if (before !== 'connect()') await send(world, 't')
        const back = await takeDown(world, how)
        if (before === 'connect()') await world.time.until(world.producer.connect().catch(() => {}))
        if (before === 'a record that failed') await send(world, 't')
        await world.time.advance(20_000)
        const attempts = countAttempts(world)
        await world.time.advance(HOUR)
        assert.equal(attempts() <= 12, true, String(attempts()))
        await back()
        const began = world.time.now()
        assert.equal((await world.time.until(world.producer.sendOne({ topic: 't', value: 'v' }))).kind, 'acked')
        assert.equal(world.time.now() - began <= 20, true, String(world.time.now() - began))
        await world.end()
      })
    }
  }
})

/** Nobody answers from here on. Gives what brings all brokers back. */
async function takeDown({ cluster }: World, how: string): Promise<() => Promise<void>> {
  if (how === 'hang') {
    const faults = ['ApiVersions', 'Metadata', 'Produce', 'InitProducerId'].map(api =>
      cluster.inject({ api, fault: { kind: 'neverAnswer' }, times: FOR_EVER }),
    )
    return async () => {
      for (const fault of faults) fault.remove()
    }
  }
  for (const node of [1, 2]) await cluster.stopNode(node)
  return async () => {
    for (const node of [1, 2]) await cluster.startNode(node)
  }
}

/** Counts how often it is tried to make a connection from here on. */
function countAttempts({ network }: World): () => number {
  const connect = network.connect.bind(network)
  let count = 0
  network.connect = (address, listener) => {
    count++
    return connect(address, listener)
  }
  return () => count
}

/** Writes a record every ten seconds. */
function writing(world: World, topic: string): { stop(): void } {
  const { push } = open(world.producer)
  let timer = Subscription.EMPTY
  const again = (): void => {
    push.next({ topic, value: 'v' })
    timer = world.time.schedule(again, 10_000)
  }
  again()
  return {
    stop: () => {
      timer.unsubscribe()
      push.complete()
    },
  }
}

describe('new topics', () => {
  test('one after another ask for themselves alone', async () => {
    const world = await startWorld({ cluster: { defaultPartitions: 1 } })
    for (let i = 0; i < 100; i++) await send(world, `t-${i}`)
    const asked = world.events.reduce((sum, event) => sum + (event.kind === 'metadata' ? event.topics.length : 0), 0)
    // Twice each: the answer that creates a topic says that nobody leads it.
    assert.equal(asked, 200)
    await world.end()
  })

  test('do not wait for one that is missing', async () => {
    const topics = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`t-${i}`, { partitions: 1 }]))
    const world = await startWorld({ cluster: { topics, autoCreateTopics: false } })
    const missing = world.producer.sendOne({ topic: 'missing', value: 'v' }).catch(() => {})
    await world.time.advance(3_000)
    for (const topic of Object.keys(topics)) {
      const began = world.time.now()
      await send(world, topic)
      assert.equal(world.time.now() - began, 0, topic)
    }
    await world.time.until(missing)
    await world.end()
  })

  test('a name that brokers refuse is asked about with back-off, however many records come', async () => {
    const world = await startWorld()
    const { push, acks } = open(world.producer)
    for (let i = 0; i < 1_000; i++) {
      push.next({ topic: 'not valid!', value: 'v' })
      await world.time.advance(10)
    }
    await world.time.until(world.producer.flush())
    assert.equal(acks.values.length, 1_000)
    assert.equal(requests(world, 'Metadata') <= 20, true, String(requests(world, 'Metadata')))
    push.complete()
    await world.end()
  })
})

test('a topic whose leader has left the cluster, as the answer about another topic says, is asked for when it has records', async () => {
  const world = await startWorld({ cluster: { nodes: 2, topics: { t: { partitions: 2 }, u: { partitions: 1 } } } })
  await world.cluster.moveLeader('t', 0, 1)
  await world.cluster.moveLeader('t', 1, 2)
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', partition: 0, value: 'v' })
  await world.time.until(world.producer.flush())
  await world.cluster.stopNode(2)
  await send(world, 'u')
  push.next({ topic: 't', partition: 1, value: 'v' })
  push.complete()
  await world.time.until(() => acks.done)
  assert.deepEqual(
    acks.values.map(({ kind }) => kind),
    ['acked', 'acked'],
  )
  await world.end()
})

test('a refusal that has nothing to do with metadata does not ask for it', async () => {
  const world = await startWorld({ cluster: { topics: { t: { partitions: 1 } } }, producer: { batchSize: 1 } })
  await send(world, 't')
  const before = requests(world, 'Metadata')
  for (const code of [10, 29, 32, 35, 87]) {
    world.cluster.inject({ fault: { kind: 'error', code }, times: 40 })
    for (let i = 0; i < 40; i++) await send(world, 't')
  }
  await world.time.advance(1_000)
  assert.equal(requests(world, 'Metadata') - before, 0)
  await world.end()
})

test('what fails for many partitions of a broker is tried again together', async () => {
  for (const partitions of [50, 500]) {
    for (const code of [7, 19, 47]) {
      const world = await startWorld({
        cluster: { topics: { t: { partitions } } },
        producer: { deliveryTimeoutMs: 40_000, random: seeded() },
      })
      const { push, acks } = open(world.producer)
      for (let partition = 0; partition < partitions; partition++) push.next({ topic: 't', partition, value: 'a' })
      await world.time.until(world.producer.flush())
      world.cluster.inject({ fault: { kind: 'error', code }, times: FOR_EVER })
      const before = requests(world, 'Produce')
      for (let partition = 0; partition < partitions; partition++) push.next({ topic: 't', partition, value: 'b' })
      await world.time.advance(20_000)
      const sent = requests(world, 'Produce') - before
      assert.equal(sent <= 220, true, `${partitions} partitions, code ${code}: ${sent} requests in 20 s`)
      await world.time.until(world.producer.flush())
      assert.equal(acks.values.length, 2 * partitions)
      push.complete()
      await world.end()
    }
  }
})

test('a broker that closes at each Produce gets one handshake a second, however many partitions come to it anew', async () => {
  const world = await startWorld({ cluster: { topics: { t: { partitions: 600 } } }, latencyMs: 1 })
  await world.time.until(world.producer.connect())
  world.cluster.inject({ fault: { kind: 'dropBeforeAppend' }, times: FOR_EVER })
  const { push } = open(world.producer)
  const attempts = countAttempts(world)
  for (let partition = 0; partition < 600; partition++) {
    push.next({ topic: 't', partition, value: 'v' })
    await world.time.advance(100)
  }
  assert.equal(attempts() <= 65, true, String(attempts()))
  push.complete()
  await world.time.until(world.producer.close({ timeoutMs: 1 }))
  await world.end()
})

test('one that answered a request, and closes at the next, is connected to again after the first pause', async () => {
  const world = await startWorld({ cluster: { topics: { t: { partitions: 1 } } } })
  for (let i = 0; i < 5; i++) {
    await send(world, 't')
    world.cluster.inject({ fault: { kind: 'dropBeforeAppend' } })
    const began = world.time.now()
    await send(world, 't')
    assert.equal(world.time.now() - began, 100)
  }
  await world.end()
})

/** Numbers from 0 up to 1, the same ones each time. */
function seeded(): () => number {
  let state = 1
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return state / 0x80000000
  }
}

/** Requests in the first 20 s of virtual time, of a producer that has one record to send. */
const TABLE: readonly (readonly [what: string, rule: FaultRule, api: string, most: number])[] = [
  ...[3, 5, 6, 7, 9, 13, 72, -1, 38, 200].map(code => atMost('Metadata', code, 35)),
  // One of them is the connection's own, for the id of the cluster.
  ...[17, 29, 31, 35, 42].map(code => atMost('Metadata', code, 2)),
  ...[7, 13, 14, 15, 16, 51, -1, 200].map(code => atMost('InitProducerId', code, 35)),
  ...[31, 35, 42, 53].map(code => atMost('InitProducerId', code, 1)),
  ...[2, 3, 5, 6, 7, 9, 13, 19, 20, 45, 47, 56, 59, 72, 74, -1, 200].map(code => atMost('Produce', code, 45)),
  ...[10, 17, 21, 29, 31, 32, 87, 90].map(code => atMost('Produce', code, 1)),
  closedAt('Produce'),
  closedAt('Metadata'),
  closedAt('InitProducerId'),
  closedAt('ApiVersions'),
]

function atMost(api: string, code: number, most: number): (typeof TABLE)[number] {
  return [`${api} answered with ${code}`, { api, fault: { kind: 'error', code }, times: FOR_EVER }, api, most]
}

function closedAt(api: string): (typeof TABLE)[number] {
  return [`closed at ${api}`, { api, fault: { kind: 'dropBeforeAppend' }, times: FOR_EVER }, api, 35]
}

describe('requests in 20 s', () => {
  for (const [what, rule, api, most] of TABLE) {
    test(`${what}: ${most} at the most`, async () => {
      const world = await startWorld({ cluster: { topics: { t: { partitions: 1 } } } })
      world.cluster.inject(rule)
      const { push } = open(world.producer)
      push.next({ topic: 't', value: 'v' })
      await world.time.advance(20_000)
      const all = world.cluster.trace.filter(({ kind }) => kind === 'request').length
      const sent = requests(world, api)
      assert.equal(sent >= 1 && sent <= most, true, `${sent} of ${api}, ${all} in all`)
      push.complete()
      await world.time.until(world.producer.close({ timeoutMs: 1 }))
      await world.end()
    })
  }
})

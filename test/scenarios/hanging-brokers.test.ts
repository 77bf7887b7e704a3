import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { UnsupportedVersionError } from '../../src/index.js'
import { apiVersions } from '../../src/protocol/messages/api-versions.js'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { metadata } from '../../src/protocol/messages/metadata.js'
import { produce } from '../../src/protocol/messages/produce.js'
import { encodeResponseFrame } from '../../src/protocol/wire/message.js'
import { open, startWorld, type World } from '../support/world.js'

const FOR_EVER = Number.POSITIVE_INFINITY
const NODES = [1, 2, 3]

/** From this request on, the node answers nothing on that connection. */
function hang(world: World, node: number, ...apis: string[]): void {
  for (const api of apis) world.cluster.inject({ node, api, fault: { kind: 'neverAnswer' }, times: FOR_EVER })
}

/** Ms of virtual time that it takes. */
async function took<T>(world: World, what: Promise<T>): Promise<number> {
  const began = world.time.now()
  await world.time.until(what)
  return world.time.now() - began
}

describe('a broker that hangs, and leads nothing', () => {
  for (const node of NODES) {
    for (const api of ['ApiVersions', 'InitProducerId', 'Metadata']) {
      test(`node ${node}, at ${api}, from the start: connect() and the first ack take less than 2 s`, async () => {
        const world = await startWorld({ cluster: { nodes: 3, topics: { t: { partitions: 1 } } }, latencyMs: 1 })
        await world.cluster.moveLeader('t', 0, (node % 3) + 1)
        hang(world, node, api)
        assert.equal((await took(world, world.producer.connect())) < 2_000, true)
        assert.equal((await took(world, world.producer.sendOne({ topic: 't', value: 'v' }))) < 2_000, true)
        await world.end()
      })

      test(`node ${node}, at ${api}, later: so does the ack after the leader has moved, and one of a new topic`, async () => {
        const world = await startWorld({
          cluster: { nodes: 3, topics: { t: { partitions: 1 }, u: { partitions: 1 } } },
          latencyMs: 1,
        })
        const [old, next] = [(node % 3) + 1, ((node + 1) % 3) + 1]
        await world.cluster.moveLeader('t', 0, old)
        await world.cluster.moveLeader('u', 0, old)
        await world.time.until(world.producer.sendOne({ topic: 't', value: 'a' }))
        hang(world, node, api, 'Metadata')
        await world.cluster.moveLeader('t', 0, next)
        assert.equal((await took(world, world.producer.sendOne({ topic: 't', value: 'b' }))) < 2_000, true)
        assert.equal((await took(world, world.producer.sendOne({ topic: 'u', value: 'c' }))) < 2_000, true)
        await world.end()
      })
    }
  }

  for (const api of ['SaslHandshake', 'SaslAuthenticate']) {
    test(`at ${api}`, async () => {
      const world = await startWorld({
        cluster: { nodes: 3, sasl: { mechanisms: ['PLAIN'], users: { user: 'secret' } } },
        producer: { sasl: { mechanism: 'plain', username: 'user', password: 'secret' } },
      })
      hang(world, 1, api)
      hang(world, 2, api)
      assert.equal((await took(world, world.producer.connect())) < 2_000, true)
      await world.end()
    })
  }

  test('is asked no more while others answer: one request each', async () => {
    const world = await startWorld({ cluster: { nodes: 3, topics: { t: { partitions: 3 } }, defaultPartitions: 1 } })
    // Each leads: a connection to it, which begins with metadata, stands by then.
    for (const partition of [0, 1, 2]) {
      await world.time.until(world.producer.sendOne({ topic: 't', partition, value: 'v' }))
    }
    const before = NODES.map(node => metadataRequests(world, node))
    hang(world, 1, 'Metadata')
    hang(world, 2, 'Metadata')
    for (let i = 0; i < 20; i++) await world.time.until(world.producer.sendOne({ topic: `new-${i}`, value: 'v' }))
    const asked = NODES.map((node, i) => metadataRequests(world, node) - before[i]!)
    assert.equal(asked[0]! <= 2 && asked[1]! <= 2 && asked[2]! >= 20, true, String(asked))
    await world.end()
  })
})

function metadataRequests(world: World, node?: number): number {
  return world.cluster.trace.filter(
    one => one.kind === 'request' && one.api === 'Metadata' && (node === undefined || one.node === node),
  ).length
}

test('brokers that take long to answer are waited for: not all of them are asked each time', async () => {
  const world = await startWorld({ cluster: { nodes: 3, defaultPartitions: 1, replyDelayMs: 320 } })
  await world.time.until(world.producer.connect())
  for (let i = 0; i < 10; i++) await world.time.until(world.producer.sendOne({ topic: `new-${i}`, value: 'v' }))
  // Each connection begins with one.
  const connections = world.cluster.trace.filter(one => one.kind === 'request' && one.api === 'ApiVersions').length
  const requests = metadataRequests(world) - connections
  // Two for each topic: the answer that creates it says that nobody leads it. Before the first answer nobody knows how long it takes.
  assert.equal(requests <= 22, true, String(requests))
  await world.end()
})

test('a broker that is cut off, and gives stale metadata for ever, is not the only one that is asked', async () => {
  const world = await startWorld({ cluster: { nodes: 3, topics: { t: { partitions: 1 } } } })
  await world.cluster.moveLeader('t', 0, 1)
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: 'a' })
  await world.time.until(world.producer.flush())
  for (const node of [1, 2]) {
    world.cluster.inject({ node, api: 'Metadata', fault: { kind: 'staleMetadata' }, times: FOR_EVER })
  }
  await world.cluster.moveLeader('t', 0, 3)
  const began = world.time.now()
  push.next({ topic: 't', value: 'b' })
  await world.time.until(world.producer.flush())
  assert.deepEqual([acks.values.map(({ kind }) => kind), world.time.now() - began < 2_000], [['acked', 'acked'], true])
  push.complete()
  await world.end()
})

for (const code of [7, 14, 15, -1]) {
  test(`a broker that answers InitProducerId with ${code} for ever is not the only one that is asked`, async () => {
    const world = await startWorld({ cluster: { nodes: 3 } })
    for (const node of [1, 2]) {
      world.cluster.inject({ node, api: 'InitProducerId', fault: { kind: 'error', code }, times: FOR_EVER })
    }
    assert.equal((await took(world, world.producer.connect())) < 2_000, true)
    await world.end()
  })
}

describe('a broker that does not speak what is needed, as one that is starting', () => {
  for (const lacking of ['Produce', 'InitProducerId', 'Metadata']) {
    for (const all of [false, true]) {
      test(`${lacking}: ${all ? 'final, where all of them do not' : 'another one is asked'}`, async () => {
        const world = await startWorld({ cluster: { nodes: 3, topics: { t: { partitions: 1 } } } })
        await world.cluster.moveLeader('t', 0, 3)
        const fault = { kind: 'hostileBytes', hex: versionsWithout(lacking) } as const
        for (const node of all ? NODES : [1, 2]) {
          world.cluster.inject({ node, api: 'ApiVersions', fault, times: FOR_EVER })
        }
        const outcome = world.producer.sendOne({ topic: 't', value: 'v' }).then(
          () => 'acked',
          error => error.cause?.name ?? error.name,
        )
        assert.equal(await world.time.until(outcome), all ? 'UnsupportedVersionError' : 'acked')
        assert.deepEqual(
          world.events.flatMap(event => (event.kind === 'fatal' ? [event.error.constructor] : [])),
          all ? [UnsupportedVersionError] : [],
        )
        await world.end()
      })
    }
  }
})

/** The answer to a connection's first request. */
function versionsWithout(name: string): string {
  const apiKeys = [produce, initProducerId, metadata, apiVersions]
    .filter(api => api.name !== name)
    .map(({ key, minVersion, maxVersion }) => ({ apiKey: key, minVersion, maxVersion }))
  const answer = { errorCode: 0, apiKeys, throttleTimeMs: 0, finalizedFeatures: [] }
  return Buffer.concat(encodeResponseFrame(apiVersions, apiVersions.maxVersion, 0, answer)).toString('hex')
}

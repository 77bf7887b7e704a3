import assert from 'node:assert/strict'
import { test } from 'node:test'
import { open, startWorld, valuesIn } from '../support/world.js'

const STALE = { api: 'Metadata', fault: { kind: 'staleMetadata' } } as const

test('metadata that is older than what is known changes no leader: A, B, and A again from a broker that lags', async () => {
  const world = await startWorld({
    cluster: { nodes: 2, topics: { t: { partitions: 1 } } },
    producer: { metadataMaxAgeMs: 1_000 },
  })
  const { cluster, time } = world
  const first = cluster.leader('t', 0)
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: '1' })
  await time.until(() => acks.values.length === 1)
  cluster.moveLeader('t', 0, 3 - first)
  await time.advance(2_000)
  push.next({ topic: 't', value: '2' })
  await time.until(() => acks.values.length === 2)
  cluster.inject({ ...STALE, times: 10 })
  // The producer refreshes its metadata several times meanwhile.
  await time.advance(5_000)
  push.next({ topic: 't', value: '3' })
  await time.until(() => acks.values.length === 3)
  assert.deepEqual(valuesIn(cluster, 't', 0), ['1', '2', '3'])
  assert.deepEqual(
    world.events.filter(({ kind }) => kind === 'retrying'),
    [],
    'nothing was sent to the old leader',
  )
  await world.end()
})

/** A producer that writes to the leader of partition 0 of two nodes, which then moves: how long until the next ack, and what is told. */
async function afterMove(
  cluster: { readonly apiVersions?: Readonly<Record<string, [number, number]>> },
  stale = false,
) {
  const world = await startWorld({
    cluster: { nodes: 3, topics: { t: { partitions: 1 } }, replyDelayMs: 5, ...cluster },
    producer: { retryBackoffMs: 100, retryBackoffMaxMs: 1_000 },
  })
  const { time } = world
  const first = world.cluster.leader('t', 0)
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: '1' })
  await time.until(() => acks.values.length === 1)
  if (stale) world.cluster.inject({ ...STALE, times: 3 })
  world.cluster.moveLeader('t', 0, (first % 3) + 1)
  const at = time.now()
  for (const value of ['2', '3', '4']) push.next({ topic: 't', value })
  await time.until(() => acks.values.length === 4)
  const took = time.now() - at
  assert.deepEqual(valuesIn(world.cluster, 't', 0), ['1', '2', '3', '4'])
  const retries = world.events.filter(({ kind }) => kind === 'retrying').length
  await world.end()
  return { took, retries }
}

test('NOT_LEADER_OR_FOLLOWER names the new leader (KIP-951): it is asked at once, whatever metadata says', async () => {
  const [told, untold] = [await afterMove({}), await afterMove({ apiVersions: { Produce: [3, 9] } })]
  // A response of the old leader, a handshake and a response of the new one.
  assert.ok(told.took <= 25, `${told.took} ms`)
  assert.ok(untold.took >= 80, `${untold.took} ms without`)
  assert.deepEqual([told.retries, untold.retries], [1, 1])
  const { took, retries } = await afterMove({}, true)
  assert.ok(took <= 25, `${took} ms`)
  assert.equal(retries, 1)
})

test('a leader at an address that metadata has not given yet is reached at the one that the old leader gives', async () => {
  const world = await startWorld({ cluster: { nodes: 3, topics: { t: { partitions: 1 } }, replyDelayMs: 5 } })
  const { cluster, time } = world
  await cluster.stopNode(3)
  const first = cluster.leader('t', 0)
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: '1' })
  await time.until(() => acks.values.length === 1)
  await cluster.startNode(3, 19_999)
  for (const node of [1, 2]) {
    cluster.inject({ api: 'Metadata', node, times: Number.POSITIVE_INFINITY, fault: { kind: 'neverAnswer' } })
  }
  cluster.moveLeader('t', 0, 3)
  push.next({ topic: 't', value: '2' })
  await time.until(() => acks.values.length === 2, 1_000)
  assert.deepEqual(valuesIn(cluster, 't', 0), ['1', '2'])
  assert.notEqual(first, 3)
  await world.end()
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { open, startWorld, valuesIn } from '../support/world.js'

const TWO_NODES = { nodes: 2, topics: { t: { partitions: 2 } } }

test('a partition that waits for a leader that cannot be reached goes on as soon as another one leads it', async () => {
  const world = await startWorld({ cluster: TWO_NODES })
  const node = world.cluster.leader('t', 1)
  world.cluster.inject({
    api: 'ApiVersions',
    node,
    times: Number.POSITIVE_INFINITY,
    fault: { kind: 'dropBeforeAppend' },
  })
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: 'v', partition: 1 })
  await world.time.until(() => world.events.filter(event => event.kind === 'disconnected').length === 3)
  assert.deepEqual(acks.values, [])
  world.cluster.moveLeader('t', 1, 3 - node)
  await world.time.until(() => acks.values.length === 1, 5_000)
  assert.deepEqual(valuesIn(world.cluster, 't', 1), ['v'])
  await world.end()
})

test('a leader that cannot be reached for a while is tried again, with nothing else to bring that about', async () => {
  const world = await startWorld({ cluster: TWO_NODES })
  const node = world.cluster.leader('t', 1)
  world.cluster.inject({ api: 'ApiVersions', node, times: 5, fault: { kind: 'dropBeforeAppend' } })
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: 'v', partition: 1 })
  await world.time.until(() => acks.values.length === 1, 10_000)
  assert.equal(acks.values[0]?.kind, 'acked')
  await world.end()
})

test('a leader with nothing to send to it is not tried again for ever', async () => {
  const world = await startWorld({ cluster: TWO_NODES })
  const node = world.cluster.leader('t', 1)
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: 'v', partition: 1 })
  await world.time.until(() => acks.values.length === 1)
  world.cluster.inject({
    api: 'ApiVersions',
    node,
    times: Number.POSITIVE_INFINITY,
    fault: { kind: 'dropBeforeAppend' },
  })
  await world.cluster.stopNode(node)
  await world.cluster.startNode(node)
  await world.time.advance(60_000)
  const tries = world.events.filter(event => event.kind === 'disconnected' && event.nodeId === node)
  assert.equal(tries.length, 1)
  await world.end()
})

test('a partition with more batches than slots goes on after its connection broke', async () => {
  const world = await startWorld({
    cluster: { topics: { t: { partitions: 1 } } },
    producer: { batchSize: 1 },
    latencyMs: 6,
  })
  world.cluster.inject({ fault: { kind: 'dropBeforeAppend' }, after: 1 })
  const { push, acks } = open(world.producer)
  for (let i = 0; i < 6; i++) push.next({ topic: 't', value: `v${i}` })
  await world.time.until(() => acks.values.length === 6, 10_000)
  await world.end()
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { from } from 'rxjs'
import { Observation } from '../../src/dashboard/observation.js'
import type { DashboardState } from '../../src/dashboard/state.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { startWorld, type World, watch } from '../support/world.js'

interface Observed extends World {
  /** Everything that was read, at each step of virtual time. */
  readonly states: DashboardState[]
  readonly texts: string[]
  readonly observation: Observation
  /** Lets time pass, and reads at each ms. */
  run(ms: number): Promise<void>
  finish(): Promise<void>
}

/** Two brokers that answer after 20 ms, and a partition at each. */
async function observed(): Promise<Observed> {
  const world = await startWorld({
    cluster: { nodes: 2, topics: { t: { partitions: 2 } }, replyDelayMs: 20 },
    producer: { batchSize: 200, retryBackoffMs: 30 },
  })
  const texts: string[] = []
  const observation = new Observation(
    world.producer,
    ({ text, rule }) => texts.push(rule === undefined ? text : `${text} [${rule}]`),
    () => world.time.now(),
  )
  const states: DashboardState[] = []
  // The first requests of a connection, metadata and a producer id take time.
  await world.time.until(world.producer.sendOne({ topic: 't', partition: 0, value: 'first' }))
  const run = async (ms: number): Promise<void> => {
    for (let i = 0; i < ms; i++) {
      await world.time.advance(1)
      states.push(observation.read())
    }
  }
  const finish = async (): Promise<void> => {
    observation.stop()
    await world.end()
  }
  return { ...world, states, texts, observation, run, finish }
}

/** Sends numbered records of 100 bytes to a partition: one fills a batch. */
function send({ producer }: World, partition: number, count: number): ReturnType<typeof watch> {
  const records = Array.from({ length: count }, (_, i) => ({ topic: 't', partition, value: `${i}`.padEnd(150) }))
  return watch(from(records).pipe(producer.send()))
}

const requestsAt = (state: DashboardState, nodeId: number) =>
  state.brokers.find(broker => broker.nodeId === nodeId)?.requests ?? []

const partitionIn = (state: DashboardState, index: number) =>
  state.partitions.find(({ partition }) => partition === index)

const sequencesAt = (state: DashboardState, nodeId: number): number[] =>
  requestsAt(state, nodeId).map(({ batches }) => batches[0]!.firstSequence)

test('one request goes alone until the leader has stored it; then four are in flight, and their sequences follow each other', async () => {
  const it = await observed()
  const acks = [send(it, 0, 30), send(it, 1, 30)]
  await it.run(600)
  const depths = it.states.map(state => requestsAt(state, 1).length)
  assert.equal(Math.max(...depths), 4)
  assert.equal(it.cluster.depth.most(1), 4)
  const probing = it.states.filter(state => partitionIn(state, 1)?.state === 'probing')
  assert.ok(probing.length > 10, `${probing.length} states`)
  for (const state of probing) assert.ok(requestsAt(state, 2).length <= 1, `${requestsAt(state, 2).length} requests`)
  for (const state of it.states) {
    const sequences = sequencesAt(state, 1)
    assert.deepEqual(
      sequences,
      sequences.map((_, i) => sequences[0]! + i),
    )
  }
  assert.deepEqual(
    acks.map(({ values }) => values.length),
    [30, 30],
  )
  const last = it.states.at(-1)!
  assert.deepEqual([last.totals.acked, partitionIn(last, 0)!.acked, partitionIn(last, 0)!.lastOffset], [61, 31, '30'])
  await it.finish()
})

test('a leader moves: the partition is muted, its batches come back in order, and the new leader gets one alone', async () => {
  const it = await observed()
  for (let i = 0; i < 4; i++) {
    send(it, 0, 3)
    await it.run(4)
  }
  it.cluster.moveLeader('t', 0, 2)
  const before = it.states.length
  await it.run(400)
  const after = it.states.slice(before)
  const muted = after.filter(state => partitionIn(state, 0)!.state === 'draining')
  assert.ok(muted.length > 2, `${muted.length} states`)
  for (const state of after) {
    const { returned, leader } = partitionIn(state, 0)!
    const sequences = returned.map(({ firstSequence }) => firstSequence)
    assert.deepEqual(
      sequences,
      sequences.toSorted((a, b) => a - b),
    )
    // Rule 6.
    if (leader === 2 && requestsAt(state, 1).length > 0) assert.deepEqual(sequencesAt(state, 2), [])
  }
  assert.equal(partitionIn(after.at(-1)!, 0)!.acked, 13)
  assert.deepEqual(
    it.cluster.records('t', 0).map(({ offset }) => Number(offset)),
    Array.from({ length: 13 }, (_, i) => i),
  )
  const told = it.texts.filter(text => text.startsWith('t-0')).map(text => text.replace(/: NOT_LEADER.*(?= \[)/, ''))
  const phases = ['muted', 'probing', 'open'].map(word => told.findLastIndex(text => text.startsWith(`t-0: ${word}`)))
  assert.deepEqual(
    phases,
    phases.toSorted((a, b) => a - b),
    told.join('\n'),
  )
  assert.ok(!phases.includes(-1), told.join('\n'))
  assert.ok(
    told.some(text => /^t-0: moves to broker 2.* \[6\]$/.test(text)),
    told.join('\n'),
  )
  await it.finish()
})

test('a lost response: the batches come back, go out with the same sequences as a second attempt, and are acked once', async () => {
  const it = await observed()
  it.cluster.inject({ fault: { kind: 'appendThenDrop' } })
  const acks = send(it, 0, 4)
  const before = it.states.length
  await it.run(400)
  const after = it.states.slice(before)
  const again = after.flatMap(state => requestsAt(state, 1)).filter(({ batches }) => batches[0]!.attempt === 2)
  assert.ok(again.length > 0, 'nothing was sent again')
  assert.equal(again[0]!.batches[0]!.firstSequence, 1)
  assert.ok(
    it.texts.some(text => /^Broker 1 did not answer for .*, which may be stored: .* \[9\]$/.test(text)),
    it.texts.join('\n'),
  )
  assert.equal(acks.values.length, 4)
  assert.equal(partitionIn(after.at(-1)!, 0)!.acked, 5)
  assert.deepEqual(partitionIn(after.at(-1)!, 0)!.returned, [])
  await it.finish()
})

test('records that failed for good do not come back', async () => {
  const it = await observed()
  it.cluster.inject({ fault: { kind: 'error', code: ErrorCode.TOPIC_AUTHORIZATION_FAILED } })
  const acks = send(it, 0, 1)
  await it.run(100)
  assert.equal(acks.values.length, 1)
  const last = it.states.at(-1)!
  assert.equal(last.totals.failed, 1)
  assert.deepEqual(partitionIn(last, 0)!.returned, [])
  await it.finish()
})

test('a throttled broker says for how long; a disconnected one says that', async () => {
  const it = await observed()
  it.cluster.inject({ fault: { kind: 'throttle', ms: 500 } })
  send(it, 0, 1)
  await it.run(40)
  const throttled = it.states.at(-1)!.brokers[0]!.throttledMs
  assert.ok(throttled > 400 && throttled <= 500, `${throttled}`)
  await it.run(600)
  assert.equal(it.states.at(-1)!.brokers[0]!.throttledMs, 0)
  assert.equal(it.states.at(-1)!.brokers[0]!.connected, true)
  await it.cluster.stopNode(1)
  await it.run(50)
  assert.equal(it.states.at(-1)!.brokers[0]!.connected, false)
  await it.finish()
})

test('each second has its figures', async () => {
  const it = await observed()
  await it.run(1_000)
  send(it, 0, 20)
  await it.run(2_000)
  const { history } = it.observation
  assert.deepEqual(
    history.map(({ second }) => second),
    [1, 2, 3],
  )
  const [, busy, quiet] = history as [unknown, (typeof history)[0], (typeof history)[0]]
  assert.equal(Math.round(busy.recordsPerSecond), 20)
  assert.equal(busy.latencyMs, 20)
  assert.equal(quiet.recordsPerSecond, 0)
  await it.finish()
})

test('of very many partitions, those in trouble and the largest are shown, and the others are counted', async () => {
  const world = await startWorld({ cluster: { topics: { t: { partitions: 100 } } } })
  const observation = new Observation(
    world.producer,
    () => {},
    () => world.time.now(),
  )
  const all = Array.from({ length: 100 }, (_, partition) => ({ topic: 't', partition, value: 'a' }))
  await world.time.until(Promise.all(all.map(record => world.producer.sendOne(record))))
  await world.time.until(world.producer.sendOne({ topic: 't', partition: 99, value: 'more' }))
  world.cluster.inject({
    fault: { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS },
    partition: 98,
    times: Number.POSITIVE_INFINITY,
  })
  const failing = world.producer.sendOne({ topic: 't', partition: 98, value: 'b' }).catch(() => {})
  await world.time.advance(50)
  const state = observation.read()
  assert.equal(state.partitions.length + state.hiddenPartitions, 100)
  assert.equal(state.partitions.length, 60)
  assert.ok(partitionIn(state, 98) && partitionIn(state, 99), 'they are left out')
  observation.stop()
  await world.time.until(world.producer.close({ timeoutMs: 0 }))
  await failing
  await world.cluster.stop()
})

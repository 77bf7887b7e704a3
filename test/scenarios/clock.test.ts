import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { createProducer, type Producer, type ProducerOptions } from '../../src/index.js'
import { MemoryNetwork, startCluster, type TestCluster, VirtualTime } from '../../src/testing/index.js'
import { open, startWorld } from '../support/world.js'

const HOUR = 3_600_000

/** What an NTP step, or a virtual machine that resumes, does to the system's clock while a producer runs. */
const CHANGES: Readonly<Record<string, (real: () => number) => () => number>> = {
  'set back an hour': real => () => real() - HOUR,
  'set forward an hour': real => () => real() + HOUR,
  'standing still': real => {
    const stopped = real()
    return () => stopped
  },
}

/** A producer that has sent a record, and its cluster, over TCP and with the default scheduler. */
async function startProducer(
  t: TestContext,
  options: Partial<ProducerOptions> = {},
): Promise<{ producer: Producer; cluster: TestCluster }> {
  const cluster = await startCluster({ topics: { t: { partitions: 1 } } })
  const producer = createProducer({ brokers: cluster.brokers, ...options })
  t.after(async () => {
    await producer.close({ timeoutMs: 1 }).catch(() => {})
    await cluster.stop()
  })
  await producer.sendOne({ topic: 't', value: 'first' })
  return { producer, cluster }
}

const within = (ms: number): { signal: AbortSignal } => ({ signal: AbortSignal.timeout(ms) })

for (const [what, change] of Object.entries(CHANGES)) {
  test(`the system's clock ${what} during a pause that a broker asked for: it ends`, async t => {
    const { producer, cluster } = await startProducer(t)
    cluster.inject({ fault: { kind: 'throttle', ms: 50 } })
    await producer.sendOne({ topic: 't', value: 'throttled' })
    t.mock.method(Date, 'now', change(Date.now))
    const ack = await producer.sendOne({ topic: 't', value: 'after' }, within(60_000))
    assert.equal(ack.offset, 2n)
  })

  test(`the system's clock ${what}: linger ends`, async t => {
    const { producer } = await startProducer(t, { linger: 30 })
    const sent = producer.sendOne({ topic: 't', value: 'v' }, within(60_000))
    t.mock.method(Date, 'now', change(Date.now))
    assert.equal((await sent).offset, 1n)
  })

  test(`the system's clock ${what}: the delivery timeout ends, and not before its time`, async t => {
    const { producer, cluster } = await startProducer(t, { requestTimeoutMs: 500, deliveryTimeoutMs: 2_000 })
    cluster.inject({ fault: { kind: 'neverAnswer' }, times: Number.POSITIVE_INFINITY })
    const start = performance.now()
    const sent = producer.sendOne({ topic: 't', value: 'v' }, within(60_000))
    t.mock.method(Date, 'now', change(Date.now))
    await assert.rejects(sent, { name: 'RecordFailedError', message: /deliveryTimeoutMs/ })
    assert.equal(performance.now() - start >= 1_995, true, 'not before its time')
  })

  test(`the system's clock ${what}: no record fails beside a healthy broker`, async t => {
    const { producer, cluster } = await startProducer(t, { requestTimeoutMs: 2_000, deliveryTimeoutMs: 3_000 })
    cluster.inject({ fault: { kind: 'delay', ms: 100 }, times: Number.POSITIVE_INFINITY })
    const troubles: string[] = []
    producer.events$.subscribe(({ kind }) => troubles.push(...(kind === 'disconnected' ? [kind] : [])))
    const { push, acks } = open(producer)
    // For longer than any deadline, and again and again: timers fire, and look at what is not due, after every change.
    const { now } = Date
    t.after(() => {
      Date.now = now
    })
    for (let sent = 0; sent < 330; sent++) {
      // Not a mock: mocks record every call, and 330 nested mocks would record each call 330 times.
      Date.now = change(Date.now)
      push.next({ topic: 't', value: `${sent}` })
      await setTimeout(10)
    }
    await producer.close()
    assert.deepEqual(new Set(acks.values.map(({ kind }) => kind)), new Set(['acked']))
    assert.deepEqual(troubles, [])
  })
}

test("records get the system's time, also after it was set", async t => {
  const { producer, cluster } = await startProducer(t)
  t.mock.method(Date, 'now', () => 1_234_567)
  await producer.sendOne({ topic: 't', value: 'v' })
  assert.equal(cluster.records('t', 0).at(-1)!.timestamp, 1_234_567n)
})

test("with a scheduler of the user's own, records get its time", async () => {
  const world = await startWorld({ cluster: { topics: { t: { partitions: 1 } } } })
  await world.time.advance(777)
  await world.time.until(world.producer.sendOne({ topic: 't', value: 'v' }))
  assert.equal(world.cluster.records('t', 0)[0]!.timestamp, 777n)
  await world.end()
})

test('a timer that fires before its time by the clock: a broker that asked for a pause is written to after it', async () => {
  const time = new VirtualTime()
  const network = new MemoryNetwork({ scheduler: time })
  const cluster = await startCluster({ topics: { t: { partitions: 1 } }, scheduler: time, network })
  const producer = createProducer({ brokers: cluster.brokers, scheduler: time, transport: network })
  time.now = () => 0
  cluster.inject({ fault: { kind: 'throttle', ms: 50 } })
  await time.until(producer.sendOne({ topic: 't', value: 'throttled' }))
  const ack = await time.until(producer.sendOne({ topic: 't', value: 'after' }), 1_000)
  assert.equal(ack.offset, 1n)
  await time.until(producer.close())
  await cluster.stop()
})

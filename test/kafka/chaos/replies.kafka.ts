import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { produce } from '../../../src/protocol/messages/produce.js'
import { exceptOrder, threeSends } from '../../support/kafkajs-sends.js'
import { findings } from '../../support/validator.js'
import { KafkaCluster } from '../kafka-cluster.js'
import { readWithKcat } from '../readers.js'
import { FULL, underLoad } from './load.js'

/* Rows of the fault matrix in which requests and replies get lost on their way. */

let kafka: KafkaCluster

before(async () => {
  kafka = await KafkaCluster.start({ nodes: 3, proxies: true })
})
after(() => kafka.stop())

/** Small batches: many requests, and four of them in flight. */
const SMALL = { batchSize: 2048, retryBackoffMs: 10 }

const ROUNDS = FULL ? 30 : 5

test('row 1: appended, reply lost: resent as it was, one copy at the original offset', async () => {
  const result = await underLoad(kafka, { topic: 'row-1', producer: SMALL }, async load => {
    for (let round = 0; round < ROUNDS; round++) {
      const proxy = kafka.proxy((round % 3) + 1)
      await proxy.inject({ on: 'reply', api: produce.key, fate: { kind: 'cut', after: 0 } })
      await load.progress(1000)
    }
  })
  assert.ok(result.count('retrying') >= ROUNDS)
  assert.equal(result.count('epochBumped'), 0)
})

test('what the proof is worth: of three sends at once by kafkajs 2.2.4, first ack lost, one is reported as missing', async t => {
  const topic = 'kafkajs'
  await kafka.createTopic(topic, 1)
  const acks = await threeSends(kafka.brokers, topic, async () => {
    const proxy = kafka.proxy(await kafka.leader(topic, 0))
    void proxy.inject({ on: 'reply', api: produce.key, fate: { kind: 'cut', after: 0 } })
  })
  const found = exceptOrder(findings(3, acks, await readWithKcat(kafka.internal, topic)))
  t.diagnostic(found.join('; '))
  assert.equal(found.length, 1)
  assert.match(found[0]!, /^record \d is missing: another one is at 0@\d$/)
})

if (FULL) {
  test('row 2: connection cut in the middle of a frame: resent whole', async () => {
    const result = await underLoad(kafka, { topic: 'row-2', producer: SMALL }, async load => {
      for (let round = 0; round < ROUNDS; round++) {
        for (const on of ['request', 'reply'] as const) {
          const proxy = kafka.proxy((round % 3) + 1)
          await proxy.inject({ on, api: produce.key, fate: { kind: 'cut', after: 1 + ((round * 7) % 50) } })
          await load.progress(1000)
        }
      }
    })
    assert.ok(result.count('retrying') >= ROUNDS)
    assert.equal(result.count('epochBumped'), 0)
  })

  test('row 3: the reply never comes: request timeout, connection closed, retry', async () => {
    const producer = { ...SMALL, requestTimeoutMs: 1000 }
    const result = await underLoad(kafka, { topic: 'row-3', producer }, async load => {
      for (const id of [...kafka.nodeIds, ...kafka.nodeIds]) {
        const lost = load.event('disconnected')
        void kafka.proxy(id).inject({ on: 'reply', api: produce.key, times: Infinity, fate: { kind: 'swallow' } })
        assert.equal((await lost).error.name, 'RequestTimeoutError')
        await kafka.proxy(id).heal()
        await load.progress(1000)
      }
    })
    assert.ok(result.count('retrying') >= 6)
    assert.equal(result.count('epochBumped'), 0)
  })
}

test('row 4: four in flight, the first 0 to 4 of them appended, then cut: the log equals the input', async () => {
  const options = { topic: 'row-4', partitions: 1, producer: SMALL }
  const result = await underLoad(kafka, options, async load => {
    const proxy = kafka.proxy(await kafka.leader('row-4', 0))
    for (let round = 0; round < ROUNDS * 5; round++) {
      // The window has opened again.
      await load.progress(1000)
      const appended = round % 5
      const hit: Promise<void>[] = []
      const fate = { kind: 'swallow' } as const
      if (appended > 0) hit.push(proxy.inject({ on: 'reply', api: produce.key, times: appended, fate }))
      if (appended < 4) {
        hit.push(proxy.inject({ on: 'request', api: produce.key, skip: appended, times: 4 - appended, fate }))
      }
      await Promise.all(hit)
      proxy.cut()
    }
  })
  assert.ok(result.count('retrying') >= ROUNDS * 5)
  assert.equal(result.count('epochBumped'), 0)
})

if (FULL) {
  for (const [on, what] of [
    ['reply', 'appended'],
    ['request', 'lost'],
  ] as const) {
    test(`row 11: expired in flight, ${what}: 'maybe', and the rest goes on in a new epoch`, async () => {
      const topic = `row-11-${what}`
      const producer = { ...SMALL, requestTimeoutMs: 1500, deliveryTimeoutMs: 2500 }
      let inTheDark = 0
      const result = await underLoad(kafka, { topic, partitions: 1, count: 50_000, producer }, async load => {
        await load.progress(10_000)
        const proxy = kafka.proxy(await kafka.leader(topic, 0))
        void proxy.inject({ on, api: produce.key, times: Infinity, fate: { kind: 'swallow' } })
        await load.event('epochBumped')
        // What waited meanwhile has little time left, and may expire with its answer on the way.
        inTheDark = load.acks.length
        await proxy.heal()
        await load.progress(10_000)
        return { failures: true }
      })
      const failed = result.acks.slice(0, inTheDark).filter(ack => ack.kind === 'failed')
      const maybe = failed.filter(ack => ack.persisted === 'maybe')
      assert.ok(maybe.length > 0)
      assert.ok(result.count('epochBumped') >= 1)
      const stored = new Set(result.read.map(record => String(record.value)))
      const written = maybe.filter(ack => stored.has(String(ack.record.value)))
      // Which of the two the producer cannot know: that is what 'maybe' says.
      if (on === 'reply') assert.ok(written.length > 0)
      else assert.equal(written.length, 0)
    })
  }
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError, BufferFullError, DeliveryTimeoutError } from '../../../src/index.js'
import { ErrorCode } from '../../../src/protocol/error-codes.js'
import {
  duplicates,
  identityOf,
  ONE_PARTITION,
  ONE_RECORD_BATCHES,
  requests,
  sentTo,
  stamps,
  startProof,
} from '../../support/exactly-once.js'
import { startWorld, valuesIn } from '../../support/world.js'

const FOR_EVER = Number.POSITIVE_INFINITY
const SHORT = { requestTimeoutMs: 1_000, deliveryTimeoutMs: 3_000 }

test("row 10: batch expires unsent: persisted 'no', and no gap in the sequence", async () => {
  const proof = await startProof({ producer: { ...ONE_RECORD_BATCHES, ...SHORT } })
  await proof.cluster.stopNode(1)
  await proof.world.time.until(() => proof.told('disconnected').length === 1)
  const expired = proof.send(3)
  await proof.settled()
  for (const number of expired) {
    const ack = proof.ack(number)
    assert.ok(ack.kind === 'failed' && ack.error instanceof DeliveryTimeoutError)
    assert.deepEqual([ack.persisted, ack.attempts], ['no', 0])
  }
  await proof.cluster.startNode(1)
  proof.send(3)
  await proof.settled()
  assert.deepEqual(stamps(proof.cluster), ['0:0', '0:1', '0:2', '0:3'])
  assert.deepEqual(proof.told('epochBumped'), [])
  await proof.end()
})

for (const stored of [true, false]) {
  test(`row 11: batch expires in flight, ${stored ? 'stored' : 'lost'}: persisted 'maybe'; drain; one new epoch`, async () => {
    const proof = await startProof({ producer: { ...ONE_RECORD_BATCHES, ...SHORT } })
    if (!stored) proof.cluster.inject({ fault: { kind: 'dropBeforeAppend' } })
    const silent = proof.cluster.inject({ times: FOR_EVER, fault: stored ? { kind: 'neverAnswer' } : DROPPED })
    const [expired] = proof.send(1)
    await proof.world.time.advance(2_500)
    // Not due yet when the first one is.
    const later = proof.send(3)
    await proof.settled([expired!])
    const inFlight = proof.world.producer.inFlight.get(1)
    const sentBefore = sentTo(proof.cluster).length
    assert.deepEqual(proof.ends([expired!]), ['maybe'])
    silent.remove()
    await proof.settled(later)
    assert.deepEqual(proof.ends(later), ['acked', 'acked', 'acked'])
    const bumps = proof.told('epochBumped')
    assert.deepEqual(
      bumps.map(event => event.producerEpoch),
      [1],
    )
    const [next] = sentTo(proof.cluster).slice(sentBefore)
    assert.deepEqual([next!.producerEpoch, next!.baseSequence], [1, 0])
    if (stored) {
      assert.equal(inFlight, 1, 'it expired in flight')
      const ended = proof.cluster.trace.findLast(({ kind }) => kind === 'disconnected')!
      assert.ok(ended.at <= next!.at, 'nothing is sent while the one that expired is in flight')
    }
    assert.deepEqual(proof.log(), stored ? [0, expired, ...later] : [0, ...later])
    await proof.end()
  })
}

const DROPPED = { kind: 'dropBeforeAppend' } as const

test('row 20: throttle_time_ms: the broker is left alone for so long, and nothing times out', async () => {
  const proof = await startProof({ producer: { ...ONE_RECORD_BATCHES, requestTimeoutMs: 1_000 } })
  proof.cluster.inject({ fault: { kind: 'throttle', ms: 5_000 } })
  const [first] = proof.send(1)
  await proof.settled([first!])
  const told = proof.world.time.now()
  const sent = requests(proof.cluster).length
  proof.send(4)
  await proof.world.time.advance(4_900)
  assert.equal(requests(proof.cluster).length, sent, 'nothing is sent meanwhile')
  await proof.settled()
  assert.ok(requests(proof.cluster)[sent]!.at >= told + 4_990)
  assert.deepEqual(
    proof.told('throttled').map(event => event.throttleTimeMs),
    [5_000],
  )
  assert.deepEqual([proof.told('disconnected'), proof.told('retrying')], [[], []])
  await proof.end()
})

test('row 20: throttle_time_ms, with requests pipelined behind the one that is answered so: they have their answers later', async () => {
  const proof = await startProof({ producer: { ...ONE_RECORD_BATCHES, requestTimeoutMs: 1_000 } })
  proof.cluster.inject({ fault: { kind: 'throttle', ms: 5_000 } })
  proof.send(8)
  await proof.settled()
  assert.deepEqual([proof.told('disconnected'), proof.told('retrying')], [[], []])
  assert.equal(sentTo(proof.cluster).length, 9)
  await proof.end()
})

for (const [api, fields] of [
  ['Metadata', { topic: 't' }],
  ['InitProducerId', {}],
] as const) {
  test(`row 20: throttle_time_ms in an answer to ${api}: what is asked next on that connection is answered after the pause`, async () => {
    const proof = await startProof({ warm: [], producer: { requestTimeoutMs: 1_000 } })
    const throttled = proof.cluster.inject({ api, ...fields, fault: { kind: 'throttle', ms: 5_000 } })
    proof.send(1)
    await proof.world.time.until(() => throttled.fired === 1)
    await proof.world.time.advance(20)
    // Metadata of another topic has to be asked for on the connection that the broker does not read.
    const began = proof.world.time.now()
    const other = proof.world.producer.sendOne({ topic: 'u', value: 'v' })
    assert.equal((await proof.world.time.until(other)).kind, 'acked')
    const took = proof.world.time.now() - began
    assert.ok(took > 4_900 && took < 5_500, `${took} ms`)
    await proof.settled()
    assert.deepEqual(
      [proof.told('metadataFailed'), proof.told('producerIdFailed'), proof.told('disconnected')],
      [[], [], []],
    )
    await proof.end()
  })
}

test('row 20: throttle_time_ms in the answer to ApiVersions: the handshake has so much more time', async () => {
  const sasl = { mechanisms: ['PLAIN' as const], users: { user: 'secret' } }
  const proof = await startProof({
    warm: [],
    cluster: { sasl },
    producer: { sasl: { mechanism: 'plain', username: 'user', password: 'secret' }, connectTimeoutMs: 1_000 },
  })
  proof.cluster.inject({ api: 'ApiVersions', fault: { kind: 'throttle', ms: 5_000 }, times: 3 })
  proof.send(1)
  await proof.settled()
  assert.ok(proof.world.time.now() >= 10_000, 'metadata and the leader, one after the other')
  assert.deepEqual([proof.told('metadataFailed'), proof.told('disconnected')], [[], []])
  await proof.end()
})

test('row 24: InitProducerId slow: what waits is bounded, then all of it is sent', async () => {
  const bufferMemory = 100_000
  const world = await startWorld({
    cluster: ONE_PARTITION,
    producer: { bufferMemory, maxRequestSize: 10_000, batchSize: 10_000 },
  })
  world.cluster.inject({ api: 'InitProducerId', fault: { kind: 'delay', ms: 20_000 } })
  let pulled = 0
  function* source() {
    while (pulled < 1_000) yield { topic: 't', value: `${pulled++}`.padEnd(1_000, '.') }
  }
  let acked = 0
  let done = false
  world.producer.publish(source()).subscribe({
    next: ack => {
      acked += ack.kind === 'acked' ? 1 : 0
    },
    complete: () => {
      done = true
    },
  })
  await world.time.advance(15_000)
  assert.equal(acked, 0)
  const waiting = pulled
  assert.ok(waiting > 50 && waiting < 100, `${waiting} records of 1 KB wait`)
  assert.ok(world.producer.bufferedBytes <= bufferMemory)
  await world.time.until(() => done)
  assert.equal(acked, 1_000)
  assert.deepEqual(
    valuesIn(world.cluster, 't', 0).map(value => Number.parseInt(value, 10)),
    Array.from({ length: 1_000 }, (_, i) => i),
  )
  await world.end()
})

test('row 24: InitProducerId slow, and a source that can not wait: what finds no room fails in-band', async () => {
  const proof = await startProof({
    warm: [],
    producer: { bufferMemory: 20_000, maxRequestSize: 10_000, batchSize: 10_000, overflow: 'reject' },
  })
  proof.cluster.inject({ api: 'InitProducerId', fault: { kind: 'delay', ms: 20_000 } })
  const numbers = proof.send(50, { bytes: 1_000 })
  await proof.settled()
  const ends = proof.ends(numbers)
  const kept = ends.filter(end => end === 'acked').length
  assert.ok(kept >= 10 && kept < 20, `${kept} of 1 KB in 20 KB`)
  assert.deepEqual(ends, [...Array(kept).fill('acked'), ...Array(50 - kept).fill('no')])
  const last = proof.ack(numbers.at(-1)!)
  assert.ok(last.kind === 'failed' && last.error instanceof BufferFullError)
  await proof.end()
})

test('row 24: InitProducerId denied: the producer ends, and says why', async () => {
  const proof = await startProof({ warm: [] })
  const code = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
  proof.cluster.inject({ api: 'InitProducerId', times: FOR_EVER, fault: { kind: 'error', code } })
  const numbers = proof.send(3)
  await proof.settled()
  assert.deepEqual(proof.ends(numbers), ['no', 'no', 'no'])
  const [fatal, ...more] = proof.told('fatal')
  assert.ok(fatal?.error instanceof BrokerError && fatal.error.code === code)
  assert.match(fatal.error.message, /CLUSTER_AUTHORIZATION_FAILED/)
  assert.deepEqual(more, [])
  assert.equal(proof.error, fatal.error)
  assert.deepEqual(requests(proof.cluster), [])
  await proof.end()
})

test('row 25: close in flight, answers lost: every record has its end before it, each is stored once', async () => {
  const proof = await startProof({ latencyMs: 5, producer: ONE_RECORD_BATCHES })
  proof.cluster.inject({ after: 2, fault: { kind: 'appendThenDrop' } })
  const numbers = proof.send(10)
  await proof.world.time.advance(1)
  assert.equal(proof.world.producer.inFlight.get(1), 4)
  await proof.world.time.until(proof.world.producer.close())
  assert.deepEqual(proof.ends(numbers), Array(10).fill('acked'))
  assert.equal(duplicates(proof.cluster), 3)
  await proof.end()
})

test("row 25: close in flight, and the broker answers no more: it ends with the delivery timeout, 'maybe' and 'no' told apart", async () => {
  const proof = await startProof({ producer: { ...ONE_RECORD_BATCHES, ...SHORT } })
  proof.cluster.inject({ times: FOR_EVER, fault: { kind: 'neverAnswer' } })
  const numbers = proof.send(6)
  const start = proof.world.time.now()
  await proof.world.time.advance(1)
  await proof.world.time.until(proof.world.producer.close())
  assert.equal(proof.world.time.now() - start, SHORT.deliveryTimeoutMs)
  assert.deepEqual(proof.ends(numbers), ['maybe', 'maybe', 'maybe', 'maybe', 'no', 'no'])
  await proof.end()
})

test('row 25: unsubscribe in flight: what was accepted is delivered, and no ack comes any more', async () => {
  const world = await startWorld({ cluster: ONE_PARTITION, producer: ONE_RECORD_BATCHES })
  world.cluster.inject({ after: 2, fault: { kind: 'appendThenDrop' } })
  const values = Array.from({ length: 10 }, (_, i) => `${i}`)
  let acks = 0
  const subscription = world.producer.publish(values.map(value => ({ topic: 't', value }))).subscribe(() => acks++)
  await world.time.until(() => world.producer.inFlight.get(1) === 4)
  subscription.unsubscribe()
  const before = acks
  await world.time.until(world.producer.flush())
  assert.deepEqual(valuesIn(world.cluster, 't', 0), values)
  assert.equal(acks, before)
  const sent = sentTo(world.cluster)
  assert.ok(sent.length > new Set(sent.map(identityOf)).size, 'some were sent again')
  await world.end()
})

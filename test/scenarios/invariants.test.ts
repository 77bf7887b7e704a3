import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../src/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { Fault } from '../../src/testing/index.js'
import { beginAt } from '../support/begin-at.js'
import {
  duplicates,
  identityOf,
  ONE_PARTITION,
  ONE_RECORD_BATCHES,
  type ProofOptions,
  rejections,
  requests,
  type Sent,
  sentTo,
  stamps,
  startProof,
} from '../support/exactly-once.js'

/** The 23 invariants of the design, in its order: each in the smallest scenario that breaks it. */

const FOR_EVER = Number.POSITIVE_INFINITY
const ONE: ProofOptions = { producer: ONE_RECORD_BATCHES }
const SHORT = { ...ONE_RECORD_BATCHES, requestTimeoutMs: 1_000, deliveryTimeoutMs: 3_000 }
/** Three partitions of one leader, so that a request carries a batch of each. */
const THREE: ProofOptions = {
  warm: [0, 1, 2],
  cluster: { topics: { t: { partitions: 3 } }, replyDelayMs: 10 },
  producer: ONE_RECORD_BATCHES,
}

const error = (code: number): Fault => ({ kind: 'error', code })
const afterAppend = (code: number): Fault => ({ kind: 'errorAfterAppend', code })
const all = (count: number, end: string): string[] => Array(count).fill(end)
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** Each sequence of one epoch was sent with one identity, however often. */
function assertNeverRestamped(sent: readonly Sent[]): void {
  const places = new Set(sent.map(({ producerEpoch, baseSequence }) => `${producerEpoch}:${baseSequence}`))
  assert.equal(new Set(sent.map(identityOf)).size, places.size)
}

test('invariant 1: acks of a partition come in sequence order', async () => {
  const proof = await startProof(ONE)
  // Those behind it are stored, and confirmed, at once.
  proof.cluster.inject({ fault: afterAppend(ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND) })
  proof.send(8)
  await proof.settled()
  assert.equal(duplicates(proof.cluster), 1)
  assert.deepEqual(proof.order, upTo(9))
  await proof.end()
})

for (const maxInFlight of [1, 2, 3, 4, 5]) {
  test(`invariant 2: no more requests than maxInFlight ${maxInFlight}, at most one batch per partition in each`, async () => {
    const proof = await startProof({ ...THREE, producer: { ...ONE_RECORD_BATCHES, maxInFlight } })
    proof.cluster.inject({ after: 20, times: 3, fault: error(ErrorCode.NOT_ENOUGH_REPLICAS) })
    for (let i = 0; i < 30; i++) proof.send(1, { partition: i % 3 })
    await proof.settled()
    assert.equal(proof.cluster.depth.most(), maxInFlight)
    assert.ok(requests(proof.cluster).some(({ batches = [] }) => batches.length === 3))
    // And no more, nor two of a partition: as after every scenario.
    await proof.end()
  })
}

test('invariant 3: a retry keeps producer id, epoch, sequence and bytes', async () => {
  const proof = await startProof(ONE)
  proof.cluster.inject({ fault: { kind: 'appendThenDrop' } })
  proof.cluster.inject({ after: 1, fault: error(ErrorCode.NOT_ENOUGH_REPLICAS) })
  proof.cluster.inject({ after: 1, fault: { kind: 'dropBeforeAppend' } })
  proof.send(4)
  await proof.settled()
  const sent = sentTo(proof.cluster)
  assert.ok(sent.filter(({ baseSequence }) => baseSequence === 1).length >= 4)
  assertNeverRestamped(sent)
  await proof.end()
})

test('invariant 4: append with a lost response, then retry: one copy, the original offset', async () => {
  const proof = await startProof(ONE)
  proof.cluster.inject({ times: 2, fault: { kind: 'appendThenDrop' } })
  const [number] = proof.send(1)
  await proof.settled()
  const ack = proof.ack(number!)
  assert.ok(ack.kind === 'acked' && ack.offset === 1n)
  assert.equal(duplicates(proof.cluster), 2)
  await proof.end()
})

test('invariant 5: connection cut after k of 4 requests were appended (k = 0..4): the log equals the input', async () => {
  for (const k of upTo(5)) {
    const proof = await startProof({ ...ONE, latencyMs: 5 })
    proof.cluster.inject({
      after: Math.max(0, k - 1),
      fault: { kind: k === 0 ? 'dropBeforeAppend' : 'appendThenDrop' },
    })
    proof.send(4)
    await proof.settled()
    assert.equal(duplicates(proof.cluster), k)
    assert.deepEqual(proof.log(), upTo(5))
    await proof.end()
  }
})

test('invariant 6: sequence += count, wrapping 2147483647 → 0; a batch may straddle the wrap', async t => {
  beginAt(t, 2147483645)
  const proof = await startProof()
  for (const count of [4, 2]) {
    proof.send(count)
    await proof.settled()
  }
  assert.deepEqual(stamps(proof.cluster), ['0:2147483645', '0:2147483646', '0:2'])
  await proof.end()
})

test('invariant 7: a new epoch starts at 0 in each partition', async () => {
  const proof = await startProof(THREE)
  for (const partition of [0, 1]) {
    proof.cluster.inject({ partition, fault: error(ErrorCode.UNKNOWN_PRODUCER_ID) })
    for (const each of [0, 1, 2]) proof.send(2, { partition: each })
    await proof.settled()
  }
  assert.deepEqual(stamps(proof.cluster, 0), ['0:0', '1:0', '1:1', '1:2', '1:3'])
  assert.deepEqual(stamps(proof.cluster, 1), ['0:0', '0:1', '0:2', '1:0', '1:1'])
  assert.deepEqual(stamps(proof.cluster, 2), ['0:0', '0:1', '0:2', '0:3', '0:4'])
  await proof.end()
})

for (const code of [ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode.INVALID_PRODUCER_EPOCH]) {
  test(`invariant 8: a bump (${code}) never restamps another partition's unresolved batch`, async () => {
    const proof = await startProof(THREE)
    proof.cluster.inject({ partition: 0, fault: error(code) })
    proof.cluster.inject({ partition: 1, fault: afterAppend(ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND) })
    for (const partition of [0, 1]) proof.send(3, { partition })
    await proof.settled()
    assert.equal(requests(proof.cluster)[3]?.batches?.length, 2, 'both failed in one request')
    assert.deepEqual(
      proof.told('epochBumped').map(({ partition }) => partition),
      [0],
    )
    const [, first, ...others] = sentTo(proof.cluster, 1)
    assert.ok(others.some(one => identityOf(one) === identityOf(first!)))
    assertNeverRestamped(sentTo(proof.cluster, 1))
    await proof.end()
  })
}

test("invariant 9: only the head batch's OUT_OF_ORDER_SEQUENCE_NUMBER may bump", async () => {
  const proof = await startProof(ONE)
  proof.cluster.inject({ fault: error(ErrorCode.NOT_ENOUGH_REPLICAS) })
  proof.send(4)
  await proof.settled()
  const behind = rejections(proof.cluster).filter(code => code === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
  assert.equal(behind.length, 3)
  assert.deepEqual(proof.told('epochBumped'), [])
  await proof.end()
})

test('invariant 10: after an error a partition has 0 in flight before it resends', async () => {
  const proof = await startProof(ONE)
  proof.cluster.inject({ fault: error(ErrorCode.NOT_ENOUGH_REPLICAS) })
  // The error is known, its pause is over, and the two last ones are still in flight.
  proof.cluster.inject({ after: 1, fault: { kind: 'delay', ms: 2_000 } })
  proof.send(4)
  await proof.settled()
  const { trace } = proof.cluster
  const resent = trace.indexOf(requests(proof.cluster)[5]!)
  const before = trace.slice(0, resent).filter(entry => 'api' in entry && entry.api === 'Produce')
  assert.equal(before.filter(({ kind }) => kind === 'request').length, 5)
  assert.equal(before.filter(({ kind }) => kind === 'answered').length, 5)
  await proof.end()
})

test('invariant 11: nothing goes to a new leader while the old one holds requests of that partition', async () => {
  const proof = await startProof({
    cluster: { nodes: 2, topics: { t: { partitions: 1 } }, replyDelayMs: 10 },
    producer: { ...ONE_RECORD_BATCHES, metadataMaxAgeMs: 200 },
  })
  const old = proof.cluster.leader('t', 0)
  proof.cluster.inject({ node: old, fault: { kind: 'delay', ms: 3_000 } })
  proof.send(8)
  await proof.world.time.advance(1)
  proof.cluster.moveLeader('t', 0, 3 - old)
  await proof.settled()
  const { trace } = proof.cluster
  const firstToNew = trace.findIndex(entry => entry.kind === 'request' && entry.api === 'Produce' && entry.node !== old)
  const lastOfOld = trace.findLastIndex(
    entry => entry.kind === 'answered' && entry.api === 'Produce' && entry.node === old,
  )
  assert.ok(lastOfOld < firstToNew, `${lastOfOld} is the last answer, ${firstToNew} the first request`)
  await proof.end()
})

for (const [what, fault] of [
  ['refused when it is sent again', error(ErrorCode.INVALID_RECORD)],
  ['too large when it is sent again', error(ErrorCode.MESSAGE_TOO_LARGE)],
  ['never answered', { kind: 'neverAnswer' }],
  ['out of retries', error(ErrorCode.NOT_ENOUGH_REPLICAS)],
] as const) {
  test(`invariant 12: an unresolved batch, ${what}, is not reported as definitely failed`, async () => {
    const proof = await startProof({ producer: { ...SHORT, retries: 1 } })
    proof.cluster.inject({ fault: { kind: 'dropBeforeAppend' } })
    proof.cluster.inject({ times: FOR_EVER, fault })
    const numbers = proof.send(1)
    await proof.settled()
    assert.deepEqual(proof.ends(numbers), ['maybe'])
    await proof.end()
  })
}

test('invariant 13: expiring an unsent batch leaves no sequence gap', async () => {
  const timeouts = { requestTimeoutMs: 3_000, deliveryTimeoutMs: 3_000 }
  const proof = await startProof({ ...THREE, producer: { ...ONE_RECORD_BATCHES, ...timeouts, maxInFlight: 1 } })
  proof.cluster.inject({ partition: 1, fault: { kind: 'neverAnswer' } })
  const [holder] = proof.send(1, { partition: 1 })
  await proof.world.time.advance(1)
  const waiting = proof.send(2)
  await proof.settled(waiting)
  assert.deepEqual(proof.ends([holder!, ...waiting]), ['maybe', 'no', 'no'])
  proof.send(2)
  await proof.settled()
  assert.deepEqual(stamps(proof.cluster), ['0:0', '0:1', '0:2'])
  await proof.end()
})

test('invariant 14: when a batch fails definitely, later ones are re-based before they are sent again', async () => {
  const proof = await startProof(ONE)
  proof.cluster.inject({ after: 1, fault: error(ErrorCode.INVALID_RECORD) })
  proof.send(4)
  await proof.settled()
  const sequences = sentTo(proof.cluster).map(({ baseSequence }) => baseSequence)
  assert.deepEqual(sequences.slice(0, 5), upTo(5))
  assert.equal(sequences[5], 2, 'the place of the one that failed')
  assert.equal(rejections(proof.cluster).length, 3, 'the one that failed, and two behind it, once')
  assert.deepEqual(stamps(proof.cluster), ['0:0', '0:1', '0:2', '0:3'])
  await proof.end()
})

test('invariant 15: long outage, then recovery: no sequence was burned', async () => {
  const proof = await startProof({ producer: SHORT })
  await proof.cluster.stopNode(1)
  await proof.world.time.until(() => proof.told('disconnected').length > 0)
  for (let i = 0; i < 20; i++) {
    proof.send(3)
    await proof.world.time.advance(30_000)
  }
  await proof.cluster.startNode(1)
  proof.send(3)
  await proof.settled()
  assert.deepEqual(stamps(proof.cluster), ['0:0', '0:1', '0:2', '0:3'])
  await proof.end()
})

test('invariant 16: the partition of a record never changes on retry', async () => {
  const proof = await startProof({ ...THREE, producer: { ...ONE_RECORD_BATCHES, metadataMaxAgeMs: 50 } })
  proof.cluster.inject({ times: 8, fault: error(ErrorCode.NOT_ENOUGH_REPLICAS) })
  for (let i = 0; i < 12; i++) proof.send(1, i % 2 === 0 ? { partition: undefined } : { key: `k${i}` })
  proof.cluster.addPartitions('t', 7)
  await proof.settled()
  const byBytes = new Map<number, Set<number>>()
  for (const partition of upTo(7)) {
    for (const { crc } of sentTo(proof.cluster, partition)) {
      byBytes.set(crc, (byBytes.get(crc) ?? new Set()).add(partition))
    }
  }
  assert.ok([...byBytes.values()].every(partitions => partitions.size === 1))
  const sent = upTo(7).flatMap(partition => sentTo(proof.cluster, partition))
  assert.ok(sent.length >= 15 + 8, 'some were sent again')
  await proof.end()
})

for (const change of ['omit', 'duplicate', 'invent', 'reverse'] as const) {
  test(`invariant 17: exactly one terminal event per record, also when the broker's entries are wrong: ${change}`, async () => {
    const proof = await startProof(THREE)
    proof.cluster.inject({ times: 3, fault: { kind: 'answerEntries', change } })
    for (let i = 0; i < 12; i++) proof.send(1, { partition: i % 3 })
    await proof.settled()
    await proof.world.time.advance(200_000)
    assert.equal(duplicates(proof.cluster) > 0, change === 'omit', 'only what was left out is sent again')
    await proof.end()
  })
}

test('invariant 17: exactly one terminal event per record, on close', async () => {
  const proof = await startProof({ producer: SHORT })
  proof.cluster.inject({ times: FOR_EVER, fault: { kind: 'neverAnswer' } })
  proof.send(10)
  await proof.world.time.advance(1)
  await proof.world.time.until(proof.world.producer.close())
  assert.equal(proof.order.length, 11)
  await proof.end()
})

test('invariant 18: flush() ends after all terminal events and never hangs', async () => {
  const proof = await startProof({ producer: SHORT })
  const { time, producer } = proof.world
  await time.until(producer.flush(), 0)
  for (const fault of [{ kind: 'appendThenDrop' }, error(ErrorCode.INVALID_RECORD), { kind: 'neverAnswer' }] as const) {
    proof.cluster.inject({ times: fault.kind === 'neverAnswer' ? FOR_EVER : 1, fault })
    proof.send(5)
    await time.until(producer.flush(), SHORT.deliveryTimeoutMs)
    assert.equal(proof.order.length, proof.sent.length)
  }
  await proof.end()
})

test('invariant 19: DUPLICATE_SEQUENCE_NUMBER = success, offset unknown (-1)', async () => {
  const proof = await startProof(ONE)
  proof.cluster.inject({ fault: afterAppend(ErrorCode.DUPLICATE_SEQUENCE_NUMBER) })
  const [number] = proof.send(1)
  await proof.settled()
  const ack = proof.ack(number!)
  assert.ok(ack.kind === 'acked' && ack.offset === -1n)
  await proof.end()
})

test('invariant 20: a topic that vanishes from metadata and comes back keeps its sequences', async () => {
  const proof = await startProof({ producer: { ...ONE_RECORD_BATCHES, metadataMaxAgeMs: 500 } })
  proof.cluster.inject({ api: 'Metadata', times: 3, fault: error(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) })
  await proof.world.time.until(() => proof.told('metadata').at(-1)?.topics[0]?.leaders.length === 0)
  proof.send(3)
  await proof.world.time.advance(0)
  assert.equal(requests(proof.cluster).length, 1, 'it waits for the topic')
  await proof.settled()
  assert.deepEqual(stamps(proof.cluster), ['0:0', '0:1', '0:2', '0:3'])
  await proof.end()
})

test("invariant 21: one partition's failure leaves its siblings in the request intact", async () => {
  const proof = await startProof(THREE)
  proof.cluster.inject({ partition: 1, fault: error(ErrorCode.INVALID_RECORD) })
  const [a, b, c] = [0, 1, 2].map(partition => proof.send(1, { partition })[0]!)
  await proof.settled()
  assert.equal(requests(proof.cluster).at(-1)?.batches?.length, 3)
  assert.deepEqual(proof.ends([a!, b!, c!]), ['acked', 'no', 'acked'])
  for (const partition of [0, 2]) assert.equal(sentTo(proof.cluster, partition).length, 2)
  await proof.end()
})

test('invariant 22: MESSAGE_TOO_LARGE splits a batch of several records; a single too-large record fails alone', async () => {
  const proof = await startProof({ cluster: { ...ONE_PARTITION, maxMessageBytes: 300 } })
  const [before, large, after] = [proof.send(20), proof.send(1, { bytes: 500 }), proof.send(20)]
  await proof.settled()
  const ack = proof.ack(large[0]!)
  assert.ok(ack.kind === 'failed' && ack.error instanceof BrokerError && ack.persisted === 'no')
  assert.deepEqual(proof.ends([...before, ...after]), all(40, 'acked'))
  assert.deepEqual(proof.log(), [0, ...before, ...after])
  await proof.end()
})

test('invariant 23: memory in the buffer never exceeds bufferMemory', async () => {
  const bufferMemory = 10_000
  const proof = await startProof({
    cluster: { ...ONE_PARTITION, maxMessageBytes: 1_000 },
    producer: { bufferMemory, maxRequestSize: 2_000, batchSize: 2_000, overflow: 'reject' },
  })
  let most = 0
  const look = (): void => {
    most = Math.max(most, proof.world.producer.bufferedBytes)
  }
  proof.cluster.trace$.subscribe(look)
  proof.cluster.inject({ after: 3, times: 5, fault: { kind: 'appendThenDrop' } })
  for (let round = 0; round < 30; round++) {
    for (const _ of upTo(40)) {
      proof.send(1, { bytes: 300 })
      look()
    }
    await proof.world.time.advance(60)
  }
  await proof.settled()
  assert.ok(most > bufferMemory - 400 && most <= bufferMemory, `${most} bytes`)
  await proof.end()
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError, DataLossError } from '../../../src/index.js'
import { ErrorCode } from '../../../src/protocol/error-codes.js'
import { beginAt } from '../../support/begin-at.js'
import {
  duplicates,
  identityOf,
  ONE_PARTITION,
  ONE_RECORD_BATCHES,
  rejections,
  sentTo,
  stamps,
  startProof,
} from '../../support/exactly-once.js'

const {
  NOT_ENOUGH_REPLICAS,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  OUT_OF_ORDER_SEQUENCE_NUMBER,
  DUPLICATE_SEQUENCE_NUMBER,
  UNKNOWN_PRODUCER_ID,
  INVALID_PRODUCER_EPOCH,
  INVALID_RECORD,
} = ErrorCode

test('row 5: first NOT_ENOUGH_REPLICAS, the followers OUT_OF_ORDER_SEQUENCE_NUMBER: sent again in order, no new epoch', async () => {
  const proof = await startProof({ producer: ONE_RECORD_BATCHES })
  proof.cluster.inject({ fault: { kind: 'error', code: NOT_ENOUGH_REPLICAS } })
  proof.send(8)
  await proof.settled()
  assert.deepEqual(rejections(proof.cluster), [NOT_ENOUGH_REPLICAS, ...Array(3).fill(OUT_OF_ORDER_SEQUENCE_NUMBER)])
  const sent = sentTo(proof.cluster)
  assert.deepEqual(sent.slice(5, 9).map(identityOf), sent.slice(1, 5).map(identityOf))
  assert.ok(sent[6]!.at > sent[5]!.at, 'the first goes alone')
  assert.deepEqual(proof.told('epochBumped'), [])
  assert.deepEqual(
    proof.log(),
    proof.sent.map((_, number) => number),
  )
  await proof.end()
})

test('row 6: NOT_ENOUGH_REPLICAS_AFTER_APPEND: possibly stored; sent again, one copy', async () => {
  const proof = await startProof({ producer: ONE_RECORD_BATCHES })
  const fault = { kind: 'errorAfterAppend', code: NOT_ENOUGH_REPLICAS_AFTER_APPEND } as const
  proof.cluster.inject({ times: 2, fault })
  const [first] = proof.send(4)
  await proof.settled()
  const ack = proof.ack(first!)
  assert.ok(ack.kind === 'acked' && ack.offset === 1n)
  assert.ok(duplicates(proof.cluster) >= 2)
  assert.deepEqual(proof.told('epochBumped'), [])
  await proof.end()
})

test('row 6: NOT_ENOUGH_REPLICAS_AFTER_APPEND until the delivery timeout: it may be stored, however few retries there are', async () => {
  const proof = await startProof({
    producer: { retries: 1, requestTimeoutMs: 1_000, deliveryTimeoutMs: 5_000 },
  })
  const fault = { kind: 'errorAfterAppend', code: NOT_ENOUGH_REPLICAS_AFTER_APPEND } as const
  proof.cluster.inject({ times: Number.POSITIVE_INFINITY, fault })
  const numbers = proof.send(1)
  const start = proof.world.time.now()
  await proof.settled()
  assert.deepEqual(proof.ends(numbers), ['maybe'])
  assert.equal(proof.world.time.now() - start, 5_000)
  assert.ok(sentTo(proof.cluster).length > 4, 'retries do not end it')
  await proof.end()
})

test('row 7: DUPLICATE_SEQUENCE_NUMBER: success, the offset is not known', async () => {
  const proof = await startProof({ producer: ONE_RECORD_BATCHES })
  proof.cluster.inject({ after: 1, fault: { kind: 'errorAfterAppend', code: DUPLICATE_SEQUENCE_NUMBER } })
  const numbers = proof.send(4)
  await proof.settled()
  assert.deepEqual(
    numbers.map(number => {
      const ack = proof.ack(number)
      return ack.kind === 'acked' ? ack.offset : undefined
    }),
    [1n, -1n, 3n, 4n],
  )
  assert.equal(sentTo(proof.cluster).length, 5, 'nothing is sent again')
  await proof.end()
})

test('row 8: OUT_OF_ORDER_SEQUENCE_NUMBER at the head, all before it confirmed: drain, one new epoch, and the loss is told', async () => {
  const proof = await startProof({ producer: ONE_RECORD_BATCHES })
  proof.cluster.inject({ fault: { kind: 'error', code: OUT_OF_ORDER_SEQUENCE_NUMBER } })
  const numbers = proof.send(4)
  await proof.settled()
  assert.deepEqual(rejections(proof.cluster), Array(4).fill(OUT_OF_ORDER_SEQUENCE_NUMBER))
  assert.deepEqual(
    proof.told('epochBumped').map(event => event.producerEpoch),
    [1],
  )
  const [loss, ...more] = proof.told('dataLoss')
  assert.ok(loss?.error instanceof DataLossError && loss.partition === 0)
  assert.deepEqual(more, [])
  assert.deepEqual(stamps(proof.cluster), ['0:0', '1:0', '1:1', '1:2', '1:3'])
  assert.deepEqual(proof.ends(numbers), Array(4).fill('acked'))
  // Drained: the new epoch begins when the last of the old one has been answered.
  const epoch1 = sentTo(proof.cluster).find(one => one.producerEpoch === 1)!
  const lastOld = sentTo(proof.cluster).findLast(one => one.producerEpoch === 0)!
  const { connection, correlationId } = lastOld
  const answered = proof.cluster.trace.find(
    entry => entry.kind === 'answered' && entry.connection === connection && entry.correlationId === correlationId,
  )!
  assert.ok(answered.at < epoch1.at)
  await proof.end()
})

test('row 8: OUT_OF_ORDER_SEQUENCE_NUMBER at a head that may be stored: it fails as such, what follows goes on in a new epoch', async () => {
  const proof = await startProof({ producer: ONE_RECORD_BATCHES })
  proof.cluster.inject({ fault: { kind: 'dropBeforeAppend' } })
  proof.cluster.inject({ fault: { kind: 'error', code: OUT_OF_ORDER_SEQUENCE_NUMBER } })
  const [head] = proof.send(1)
  await proof.settled()
  const rest = proof.send(3)
  await proof.settled()
  assert.deepEqual(proof.ends([head!, ...rest]), ['maybe', 'acked', 'acked', 'acked'])
  assert.equal(proof.told('epochBumped').length, 1)
  assert.deepEqual(stamps(proof.cluster), ['0:0', '1:0', '1:1', '1:2'])
  await proof.end()
})

test('row 9: UNKNOWN_PRODUCER_ID: a new epoch, and on', async () => {
  const proof = await startProof({ producer: ONE_RECORD_BATCHES })
  proof.cluster.inject({ fault: { kind: 'error', code: UNKNOWN_PRODUCER_ID } })
  const numbers = proof.send(4)
  await proof.settled()
  assert.deepEqual(proof.ends(numbers), Array(4).fill('acked'))
  assert.equal(proof.told('epochBumped').length, 1)
  assert.deepEqual(stamps(proof.cluster), ['0:0', '1:0', '1:1', '1:2', '1:3'])
  await proof.end()
})

for (const strictFirstSequence of [true, false]) {
  test(`row 9: producer state lost, by a broker that takes ${strictFirstSequence ? 'only 0' : 'any sequence'} first: resumes`, async () => {
    const proof = await startProof({
      cluster: { ...ONE_PARTITION, strictFirstSequence },
      producer: ONE_RECORD_BATCHES,
    })
    proof.cluster.expireProducers()
    const numbers = proof.send(4)
    await proof.settled()
    assert.deepEqual(proof.ends(numbers), Array(4).fill('acked'))
    assert.equal(proof.told('epochBumped').length, strictFirstSequence ? 1 : 0)
    await proof.end()
  })
}

test('row 9: records deleted: what the broker knows of the producer stays, and so does the epoch', async () => {
  const proof = await startProof({ producer: ONE_RECORD_BATCHES })
  const before = proof.send(4)
  await proof.settled()
  proof.cluster.deleteRecords('t', 0, 5n)
  const after = proof.send(4)
  await proof.settled()
  assert.deepEqual(proof.told('epochBumped'), [])
  assert.deepEqual(proof.log(), after)
  await proof.end([0, ...before])
})

for (const [code, newId] of [
  [OUT_OF_ORDER_SEQUENCE_NUMBER, false],
  [INVALID_PRODUCER_EPOCH, true],
] as const) {
  test(`row 12: epoch bump (${code}) while partition B is in flight: B keeps id, epoch and sequence until it is answered`, async () => {
    const proof = await startProof({
      cluster: { nodes: 2, topics: { t: { partitions: 2 } }, replyDelayMs: 10 },
      producer: { ...ONE_RECORD_BATCHES, requestTimeoutMs: 1_000 },
      warm: [0, 1],
    })
    const [nodeA, nodeB] = [0, 1].map(partition => proof.cluster.leader('t', partition))
    assert.notEqual(nodeA, nodeB)
    proof.cluster.inject({ node: nodeB!, after: 1, fault: { kind: 'neverAnswer' } })
    proof.cluster.inject({ partition: 0, fault: { kind: 'error', code } })
    const b = proof.send(4, { partition: 1 })
    const a = proof.send(4, { partition: 0 })
    await proof.settled(a)
    assert.equal(proof.told('epochBumped').length, 1)
    assert.equal(proof.world.producer.inFlight.get(nodeB!), 3, 'B is in flight still')
    await proof.settled(b)
    const sent = sentTo(proof.cluster, 1)
    const [first] = sent
    for (const one of sent) assert.deepEqual([one.producerId, one.producerEpoch], [first!.producerId, 0])
    assert.deepEqual(sent.slice(5, 8).map(identityOf), sent.slice(2, 5).map(identityOf))
    assert.equal(duplicates(proof.cluster), 1)
    assert.deepEqual(
      proof.told('epochBumped').map(event => event.partition),
      [0],
    )
    const ids = new Set(sentTo(proof.cluster, 0).map(one => one.producerId))
    assert.equal(ids.size, newId ? 2 : 1)
    await proof.end()
  })
}

test('row 15: definite failure of batch 1 of 4: 2 to 4 take its place in the sequence, in order', async () => {
  const proof = await startProof({ producer: ONE_RECORD_BATCHES })
  proof.cluster.inject({ fault: { kind: 'error', code: INVALID_RECORD } })
  const [first, ...others] = proof.send(4)
  await proof.settled()
  const ack = proof.ack(first!)
  assert.ok(ack.kind === 'failed' && ack.error instanceof BrokerError && ack.error.code === INVALID_RECORD)
  assert.equal(ack.persisted, 'no')
  assert.deepEqual(proof.ends(others), ['acked', 'acked', 'acked'])
  assert.deepEqual(stamps(proof.cluster), ['0:0', '0:1', '0:2', '0:3'])
  assert.deepEqual(proof.told('epochBumped'), [])
  await proof.end()
})

test('row 17: sequence wraps at 2147483647: it continues at 0, also within a batch, and also when sent again', async t => {
  beginAt(t, 2147483643)
  const proof = await startProof()
  proof.cluster.inject({ after: 1, fault: { kind: 'appendThenDrop' } })
  for (const count of [2, 4, 1, 3]) {
    proof.send(count)
    await proof.world.time.advance(1)
  }
  await proof.settled()
  assert.deepEqual(
    proof.cluster.batches('t', 0).map(batch => [batch.baseSequence, batch.recordCount]),
    [
      [2147483643, 1],
      [2147483644, 2],
      [2147483646, 4],
      [2, 4],
    ],
  )
  assert.deepEqual(
    proof.cluster.records('t', 0).map(record => record.sequence),
    [2147483643, 2147483644, 2147483645, 2147483646, 2147483647, 0, 1, 2, 3, 4, 5],
  )
  assert.equal(duplicates(proof.cluster), 2, 'the one before the wrap and the one across it were sent again')
  assert.deepEqual(proof.told('epochBumped'), [])
  await proof.end()
})

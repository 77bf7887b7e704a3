import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startBench } from '../raw-client.js'
import { CLASSIC, NEW, rawProducer } from './raw-producer.js'

describe('a transaction that is open for longer than its timeout', () => {
  for (const [versions, transactionVersion, reinit] of [
    [NEW, 2, 'NONE epoch 1'],
    [CLASSIC, 1, 'PRODUCER_FENCED'],
  ] as const) {
    test(`is aborted in an epoch that fences its producer; transaction.version ${transactionVersion}`, async () => {
      await using bench = await startBench({ transactionVersion })
      const producer = await rawProducer(bench, versions)
      await producer.init({ timeoutMs: 1000 })
      await bench.time.advance(10_000)
      if (versions === CLASSIC) await producer.add('t/0')
      await producer.produce('t/0')
      await bench.time.advance(999)
      assert.equal(bench.cluster.transaction('tx')?.state, 'Ongoing')
      await bench.time.advance(1)
      assert.deepEqual(
        { ...bench.cluster.transaction('tx'), producerId: 0n },
        { state: 'CompleteAbort', producerId: 0n, producerEpoch: 1, coordinator: 1 },
      )
      assert.equal(bench.cluster.records('t', 0, { isolation: 'read_committed' }).length, 0)
      assert.equal(await producer.produce('t/0', { sequence: 1 }), 'INVALID_PRODUCER_EPOCH')
      assert.equal(await producer.add('t/0'), 'PRODUCER_FENCED')
      assert.equal(await producer.commitOffsets({ 't/0': 1 }), 'INVALID_PRODUCER_EPOCH')
      // KIP-360, KIP-588: only with the epoch bump a producer may go on with what it has.
      assert.equal(await producer.twin().reinit(), reinit)
    })
  }

  test('EndTxn: an abort is a retry of what was done, a commit is not possible', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init({ timeoutMs: 1000 })
    await producer.produce('t/0')
    await bench.time.advance(1000)
    assert.equal(await producer.twin().commit(), 'INVALID_TXN_STATE')
    assert.equal(await producer.twin().abort(), 'NONE epoch 1')
  })

  test('one that ends in time is left alone', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init({ timeoutMs: 1000 })
    await producer.produce('t/0')
    await bench.time.advance(500)
    await producer.commit()
    await producer.produce('t/0')
    await bench.time.advance(999)
    assert.equal(bench.cluster.transaction('tx')?.state, 'Ongoing', 'each has its own time')
    await bench.time.advance(1)
    assert.equal(bench.cluster.transaction('tx')?.state, 'CompleteAbort')
  })

  test('another coordinator counts from the same beginning', async () => {
    await using bench = await startBench({ nodes: 2 })
    bench.cluster.moveCoordinator('tx', 1)
    const producer = await rawProducer(bench)
    await producer.init({ timeoutMs: 1000 })
    await producer.add('t/0')
    await bench.time.advance(900)
    await producer.add('t/1')
    bench.cluster.moveCoordinator('tx', 2)
    await bench.time.advance(100)
    assert.equal(bench.cluster.transaction('tx')?.state, 'CompleteAbort')
  })
})

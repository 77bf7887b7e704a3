import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Bench, startBench } from '../raw-client.js'
import { CLASSIC, NEW, OLD, type RawProducer, rawProducer, type Versions } from './raw-producer.js'

/** A producer with an open transaction. */
async function begun(bench: Bench, versions: Versions): Promise<RawProducer> {
  const producer = await rawProducer(bench, versions)
  await producer.init()
  await producer.add('t/0')
  await producer.produce('t/0')
  return producer
}

describe('EndTxn without an epoch for each transaction', () => {
  test('nothing was begun: INVALID_TXN_STATE', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench, CLASSIC)
    await producer.init()
    assert.deepEqual([await producer.commit(), await producer.abort()], ['INVALID_TXN_STATE', 'INVALID_TXN_STATE'])
  })

  for (const committed of [true, false]) {
    test(`a retried ${committed ? 'commit' : 'abort'} is a success; the other end is refused`, async () => {
      await using bench = await startBench({ markerDelayMs: 50 })
      const producer = await begun(bench, CLASSIC)
      assert.equal(await producer.end(committed), 'NONE')
      assert.equal(await producer.end(committed), 'CONCURRENT_TRANSACTIONS', 'markers are being written')
      assert.equal(await producer.end(!committed), 'INVALID_TXN_STATE')
      assert.equal(bench.cluster.transaction('tx')?.state, committed ? 'PrepareCommit' : 'PrepareAbort')
      await bench.time.advance(50)
      assert.equal(await producer.end(committed), 'NONE')
      assert.equal(await producer.end(!committed), 'INVALID_TXN_STATE')
      assert.equal(bench.cluster.transaction('tx')?.state, committed ? 'CompleteCommit' : 'CompleteAbort')
      assert.equal(bench.cluster.batches('t', 0).length, 2, 'one marker')
    })
  }
})

describe('EndTxn 5', () => {
  for (const committed of [true, false]) {
    test(`gives the next epoch; a retried ${committed ? 'commit' : 'abort'} of the epoch before gives it again`, async () => {
      await using bench = await startBench({ markerDelayMs: 50 })
      const producer = await begun(bench, NEW)
      const before = producer.twin()
      assert.equal(await producer.end(committed), 'NONE epoch 1')
      assert.equal(await before.twin().end(committed), 'CONCURRENT_TRANSACTIONS')
      assert.equal(await producer.twin().end(committed), 'PRODUCER_FENCED', 'the next one is not there yet')
      await bench.time.advance(50)
      assert.equal(await before.twin().end(committed), 'NONE epoch 1')
      assert.equal(await before.twin().end(!committed), 'INVALID_TXN_STATE')
      assert.equal(bench.cluster.batches('t', 0).length, 2, 'one marker')
    })
  }

  test('nothing was begun: a commit is refused, an abort gives the next epoch', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    assert.equal(await producer.commit(), 'INVALID_TXN_STATE')
    assert.equal(await producer.abort(), 'NONE epoch 1')
    assert.equal(await producer.abort(), 'NONE epoch 2')
    assert.equal(await producer.commit(), 'INVALID_TXN_STATE')
  })

  test('at level 0 of transaction.version it is not supported', async () => {
    await using bench = await startBench({ transactionVersion: 0 })
    const producer = await begun(bench, CLASSIC)
    assert.equal(await producer.twin(NEW).commit(), 'UNSUPPORTED_VERSION')
    assert.equal(await producer.commit(), 'NONE')
  })
})

describe('whoever ends it', () => {
  for (const [name, versions] of Object.entries({ NEW, CLASSIC, OLD })) {
    test(`another epoch, another id, another transactional id: ${name}`, async () => {
      await using bench = await startBench()
      const producer = await begun(bench, versions)
      const fenced = versions === OLD ? 'INVALID_PRODUCER_EPOCH' : 'PRODUCER_FENCED'
      for (const epoch of [-1, 1, 7]) {
        assert.equal(await Object.assign(producer.twin(), { epoch }).commit(), fenced)
      }
      const stranger = Object.assign(producer.twin(), { producerId: 5n })
      assert.equal(await stranger.commit(), 'INVALID_PRODUCER_ID_MAPPING')
      const nobody = await rawProducer(bench, versions, 'nobody')
      assert.equal(await Object.assign(nobody, { producerId: 5n, epoch: 0 }).commit(), 'INVALID_PRODUCER_ID_MAPPING')
      assert.equal(bench.cluster.transaction('tx')?.state, 'Ongoing')
    })
  }
})

describe('while markers are written', () => {
  test('nothing can be begun', async () => {
    await using bench = await startBench({ markerDelayMs: 50 })
    const producer = await begun(bench, CLASSIC)
    await producer.commit()
    assert.equal(await producer.add('t/1'), 'CONCURRENT_TRANSACTIONS')
    assert.equal(await producer.addOffsets(), 'CONCURRENT_TRANSACTIONS')
    assert.equal(await producer.twin().init(), 'CONCURRENT_TRANSACTIONS')
    assert.equal(await producer.produce('t/1'), 'NOT_ENOUGH_REPLICAS')
    const other = Object.assign(producer.twin(NEW))
    assert.equal(await other.produce('t/1'), 'CONCURRENT_TRANSACTIONS')
    assert.equal(await other.commitOffsets({ 't/0': 1 }), 'CONCURRENT_TRANSACTIONS')
    await bench.time.advance(50)
    assert.equal(await producer.add('t/1'), 'NONE')
  })

  test('the transaction is not stable', async () => {
    await using bench = await startBench({ markerDelayMs: 50 })
    const producer = await begun(bench, NEW)
    await producer.commit()
    assert.equal(bench.cluster.records('t', 0, { isolation: 'read_committed' }).length, 0)
    await bench.time.advance(50)
    assert.equal(bench.cluster.records('t', 0, { isolation: 'read_committed' }).length, 1)
  })

  test('a topic that was deleted meanwhile is passed over', async () => {
    await using bench = await startBench({ markerDelayMs: 50, topics: { t: {}, u: {} } })
    const producer = await begun(bench, NEW)
    await producer.produce('u/0')
    await producer.commit()
    bench.cluster.deleteTopic('t')
    await bench.time.advance(50)
    assert.equal(bench.cluster.transaction('tx')?.state, 'CompleteCommit')
    assert.equal(bench.cluster.records('u', 0, { isolation: 'read_committed' }).length, 1)
  })
})

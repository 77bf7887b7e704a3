import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startBench } from '../raw-client.js'
import { CLASSIC, NEW, OLD, rawProducer } from './raw-producer.js'

describe('a transaction from beginning to end', () => {
  test('partitions added by Produce 12, and an epoch for each transaction', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench, NEW)
    assert.equal(await producer.init(), 'NONE epoch 0')
    assert.equal(await producer.produce('t/0', { count: 2 }), 'NONE at 0')
    assert.equal(await producer.produce('t/0', { sequence: 2 }), 'NONE at 2')
    assert.equal(await producer.commit(), 'NONE epoch 1')
    assert.equal(await producer.produce('t/0', { sequence: 3 }), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
    assert.equal(await producer.produce('t/0'), 'NONE at 4')
    assert.equal(await producer.abort(), 'NONE epoch 2')
    const values = (isolation?: 'read_committed'): bigint[] =>
      bench.cluster.records('t', 0, isolation === undefined ? {} : { isolation }).map(({ offset }) => offset)
    assert.deepEqual(values(), [0n, 1n, 2n, 4n])
    assert.deepEqual(values('read_committed'), [0n, 1n, 2n])
  })

  for (const [name, versions] of Object.entries({ CLASSIC, OLD })) {
    test(`partitions added first, one epoch: ${name}`, async () => {
      await using bench = await startBench()
      const producer = await rawProducer(bench, versions)
      assert.equal(await producer.init(), 'NONE epoch 0')
      assert.equal(await producer.add('t/0', 't/1'), 'NONE')
      assert.equal(await producer.produce('t/0', { count: 2 }), 'NONE at 0')
      assert.equal(await producer.commit(), 'NONE')
      assert.equal(await producer.add('t/0'), 'NONE')
      assert.equal(await producer.produce('t/0', { sequence: 2 }), 'NONE at 3')
      assert.equal(await producer.abort(), 'NONE')
      assert.deepEqual(bench.cluster.batches('t', 1).length, 1, 'a marker without records')
      assert.equal(bench.cluster.records('t', 0, { isolation: 'read_committed' }).length, 2)
    })
  }
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode } from '../../../src/protocol/error-codes.js'
import { batch, startBench } from '../raw-client.js'
import { CLASSIC, NEW, OLD, rawProducer } from './raw-producer.js'

describe('a transactional batch', () => {
  for (const [versions, code] of [
    [CLASSIC, 'TRANSACTION_ABORTABLE'],
    [OLD, 'INVALID_TXN_STATE'],
  ] as const) {
    test(`is appended only in a partition that was added: ${code}`, async () => {
      await using bench = await startBench()
      const producer = await rawProducer(bench, versions)
      await producer.init()
      assert.equal(await producer.produce('t/0'), code)
      await producer.add('t/0')
      assert.equal(await producer.produce('t/0'), 'NONE at 0')
      assert.equal(await producer.produce('t/1'), code)
      await producer.commit()
      assert.equal(await producer.produce('t/0', { sequence: 1 }), code, 'the transaction is over')
      assert.equal(bench.cluster.records('t', 0).length, 1)
    })
  }

  test('from version 12 on the broker adds the partition', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    assert.equal(await producer.produce('t/0'), 'NONE at 0')
    assert.equal(bench.cluster.transaction('tx')?.state, 'Ongoing')
    await producer.commit()
    assert.equal(bench.cluster.records('t', 0, { isolation: 'read_committed' }).length, 1)
  })

  test('at level 0 of transaction.version no broker adds anything', async () => {
    await using bench = await startBench({ transactionVersion: 0 })
    const producer = await rawProducer(bench)
    await producer.init()
    assert.equal(await producer.produce('t/0'), 'UNSUPPORTED_VERSION')
    assert.equal(await producer.commitOffsets({ 't/0': 1 }), 'UNSUPPORTED_VERSION')
    assert.equal(bench.cluster.transaction('tx')?.state, 'Empty')
  })

  test('of another id, or another transactional id', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    const stranger = Object.assign(producer.twin(), { producerId: 5n })
    assert.equal(await stranger.produce('t/0'), 'INVALID_PRODUCER_ID_MAPPING')
    const nobody = Object.assign(await rawProducer(bench, NEW, 'nobody'), { producerId: 5n, epoch: 0 })
    assert.equal(await nobody.produce('t/0'), 'INVALID_PRODUCER_ID_MAPPING')
    const empty = Object.assign(await rawProducer(bench, NEW, ''), { producerId: 5n, epoch: 0 })
    assert.equal(await empty.produce('t/0'), 'INVALID_REQUEST')
  })

  test('needs a transactional id', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const request = { 't/0': batch({ producerId: 1n, transactional: true }), 't/1': batch() }
    const { responses } = await bench.wait(client.produce(request))
    for (const { partitionResponses } of responses) {
      assert.equal(partitionResponses[0]?.errorCode, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
    }
    assert.equal(bench.cluster.records('t', 1).length, 0, 'the request fails as a whole')
  })

  test('is of the same producer as the others in its request', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    const client = await bench.connect()
    const of = (producerId: bigint): Buffer => batch({ producerId, transactional: true })
    const request = { 't/0': of(producer.producerId), 't/1': of(producer.producerId + 1n) }
    const { responses } = await bench.wait(client.produce(request, { version: 12, transactionalId: 'tx' }))
    for (const { partitionResponses } of responses) {
      assert.equal(partitionResponses[0]?.errorCode, ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    }
    assert.equal(bench.cluster.transaction('tx')?.state, 'Empty')
  })

  test('is not among batches of no transaction, until it has ended', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    await producer.produce('t/0')
    assert.equal(await producer.produce('t/0', { transactional: false, sequence: 1 }), 'INVALID_TXN_STATE')
    assert.equal(await producer.produce('t/0', { sequence: 1 }), 'NONE at 1')
    await producer.commit()
    assert.equal(await producer.produce('t/0', { transactional: false }), 'NONE at 3')
  })
})

describe('R10: a marker', () => {
  test('fences the epochs before its own, and sequences begin at 0', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    await producer.produce('t/0', { count: 3 })
    const before = producer.twin()
    await producer.commit()
    assert.equal(await before.produce('t/0', { sequence: 3 }), 'INVALID_PRODUCER_EPOCH')
    assert.equal(await before.produce('t/0', { count: 3 }), 'INVALID_PRODUCER_EPOCH', 'though it is stored')
    const plain = { transactional: false, sequence: 3 }
    assert.equal(await before.produce('t/0', plain), 'INVALID_PRODUCER_EPOCH', 'without the coordinator')
    assert.equal(await producer.produce('t/0', { sequence: 3 }), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
    assert.equal(await producer.produce('t/0'), 'NONE at 4')
  })

  test('of the same epoch leaves sequences as they are', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench, CLASSIC)
    await producer.init()
    for (const [sequence, offset] of [
      [0, 0],
      [1, 2],
    ] as const) {
      await producer.add('t/0')
      assert.equal(await producer.produce('t/0', { sequence }), `NONE at ${offset}`)
      assert.equal(await producer.produce('t/0', { sequence }), `NONE at ${offset}`, 'R1: a duplicate')
      await producer.commit()
    }
    await producer.add('t/0')
    assert.equal(await producer.produce('t/0', { sequence: 0 }), 'NONE at 0', 'R1: of an earlier transaction')
  })

  test('that is truncated fences no more', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench, CLASSIC)
    await producer.init()
    await producer.add('t/0')
    await producer.produce('t/0')
    await producer.twin().init()
    assert.equal(bench.cluster.batches('t', 0).length, 2)
    bench.cluster.truncate('t', 0, 1n)
    const idempotent = await bench.produce('t/0', batch({ producerId: producer.producerId, sequence: 1 }))
    assert.equal(
      idempotent.errorCode,
      ErrorCode.INVALID_TXN_STATE,
      'the epoch is that of the batch, which is open again',
    )
  })
})

test('producers with a transaction open do not expire', async () => {
  await using bench = await startBench()
  const producer = await rawProducer(bench)
  await producer.init()
  await producer.produce('t/0')
  await bench.produce('t/0', batch({ producerId: 1n }))
  bench.cluster.expireProducers()
  assert.equal(await producer.produce('t/0'), 'NONE at 0', 'R1: it is known')
  assert.equal((await bench.produce('t/0', batch({ producerId: 1n }))).baseOffset, 2n, 'it is not')
})

describe('R9: the first batch of a transaction in a partition', () => {
  test('has sequence 0 where nothing is stored, from version 12 on', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    assert.equal(await producer.produce('t/0', { sequence: 4 }), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
    assert.equal(await producer.produce('t/0'), 'NONE at 0')
  })

  test('does not overtake one that could not be verified', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench, CLASSIC)
    await producer.init()
    assert.equal(await producer.produce('t/0', { sequence: 4 }), 'TRANSACTION_ABORTABLE')
    await producer.add('t/0')
    assert.equal(await producer.produce('t/0', { sequence: 5 }), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
    assert.equal(await producer.produce('t/0', { sequence: 4 }), 'NONE at 0')
    assert.equal(await producer.produce('t/0', { sequence: 5 }), 'NONE at 1')
  })
})

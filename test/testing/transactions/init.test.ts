import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Transaction } from '../../../src/testing/state/transaction.js'
import { startBench } from '../raw-client.js'
import { CLASSIC, NEW, OLD, type RawProducer, rawProducer } from './raw-producer.js'

describe('InitProducerId with a transactional id', () => {
  test('every call gives the same id and the next epoch; another transactional id has another one', async () => {
    await using bench = await startBench()
    const [one, two] = [await rawProducer(bench), await rawProducer(bench)]
    assert.deepEqual(
      [await one.init(), await two.init(), await one.init()],
      [0, 1, 2].map(i => `NONE epoch ${i}`),
    )
    assert.equal(one.producerId, two.producerId)
    const other = await rawProducer(bench, NEW, 'other')
    assert.equal(await other.init(), 'NONE epoch 0')
    assert.notEqual(other.producerId, one.producerId)
  })

  test('an older instance is fenced from every request, in the words of its version', async () => {
    await using bench = await startBench()
    for (const [versions, code] of [
      [CLASSIC, 'PRODUCER_FENCED'],
      [OLD, 'INVALID_PRODUCER_EPOCH'],
    ] as const) {
      const old = await rawProducer(bench, versions)
      await old.init()
      await old.twin().init()
      assert.deepEqual(await coordinatorAnswers(old), [code, code, code])
      assert.equal(await old.produce('t/0'), 'INVALID_PRODUCER_EPOCH')
      assert.equal(await old.commitOffsets({ 't/0': 1 }), 'INVALID_PRODUCER_EPOCH')
    }
  })

  test('a later epoch than the current one is fenced as well', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    const ahead = Object.assign(producer.twin(), { epoch: producer.epoch + 1 })
    assert.deepEqual(await coordinatorAnswers(ahead), ['PRODUCER_FENCED', 'PRODUCER_FENCED', 'PRODUCER_FENCED'])
    assert.equal(await ahead.produce('t/0'), 'INVALID_PRODUCER_EPOCH')
    assert.equal(await ahead.commitOffsets({ 't/0': 1 }), 'INVALID_PRODUCER_EPOCH')
  })

  test('its timeout is 1 to 900,000 ms, and its id not empty', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    for (const timeoutMs of [0, -1, 900_001]) {
      assert.equal(await producer.init({ timeoutMs }), 'INVALID_TRANSACTION_TIMEOUT')
    }
    for (const timeoutMs of [1, 900_000]) assert.match(await producer.init({ timeoutMs }), /^NONE/)
    assert.equal(await (await rawProducer(bench, NEW, '')).init(), 'INVALID_REQUEST')
  })

  test('an id without an epoch, or an epoch without an id, is no request', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    assert.equal(await producer.init({ producerId: 7n }), 'INVALID_REQUEST')
    assert.equal(await producer.init({ producerEpoch: 0 }), 'INVALID_REQUEST')
  })
})

describe('InitProducerId with what the producer has (KIP-360)', () => {
  test('gives the next epoch; sent again, the same one', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    const before = producer.twin()
    assert.equal(await producer.reinit(), 'NONE epoch 1')
    assert.equal(await before.twin().reinit(), 'NONE epoch 1')
    assert.equal(await producer.reinit(), 'NONE epoch 2')
    assert.equal(await before.reinit(), 'PRODUCER_FENCED')
  })

  test('after another instance has come, the one before it is fenced', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    await producer.init()
    await producer.twin().init()
    assert.equal(await producer.reinit(), 'PRODUCER_FENCED')
  })

  test('another producer id is fenced, unless the coordinator does not know the transactional id', async () => {
    await using bench = await startBench()
    const producer = await rawProducer(bench)
    assert.equal(await producer.init({ producerId: 1n, producerEpoch: 5 }), 'NONE epoch 0')
    assert.equal(await producer.init({ producerId: 1n, producerEpoch: 5 }), 'PRODUCER_FENCED')
  })
})

describe('an ongoing transaction', () => {
  for (const [versions, transactionVersion] of [
    [NEW, 2],
    [CLASSIC, 1],
  ] as const) {
    test(`is aborted, and the producer asks again; transaction.version ${transactionVersion}`, async () => {
      await using bench = await startBench({ transactionVersion, markerDelayMs: 100 })
      const old = await rawProducer(bench, versions)
      await old.init()
      if (versions === CLASSIC) await old.add('t/0')
      await old.produce('t/0')
      const another = old.twin()
      assert.equal(await another.init(), 'CONCURRENT_TRANSACTIONS')
      await bench.time.advance(99)
      assert.equal(await another.init(), 'CONCURRENT_TRANSACTIONS', 'its markers are not written')
      await bench.time.advance(1)
      assert.equal(await another.init(), 'NONE epoch 2')
      assert.deepEqual(
        bench.cluster.batches('t', 0).map(({ producerEpoch }) => producerEpoch),
        [0, 1],
        'the marker fences',
      )
      assert.equal(bench.cluster.records('t', 0, { isolation: 'read_committed' }).length, 0)
      assert.match(await old.commit(), /PRODUCER_FENCED/)
    })
  }
})

test('who has another producer id does not end an ongoing transaction', async () => {
  await using bench = await startBench()
  const producer = await rawProducer(bench)
  await producer.init()
  await producer.produce('t/0')
  assert.equal(await producer.twin().init({ producerId: 5n, producerEpoch: 0 }), 'PRODUCER_FENCED')
  assert.equal(bench.cluster.transaction('tx')?.state, 'Ongoing')
})

describe('epochs are used up', () => {
  const MAX = 32767
  function transaction(): Transaction {
    let lastId = 0n
    const made = new Transaction(() => ++lastId)
    for (let epoch = 0; epoch < MAX; epoch++) made.init(undefined, 1)
    assert.deepEqual([made.producerId, made.producerEpoch], [1n, MAX - 1])
    return made
  }

  test('InitProducerId gives another producer id, and its epoch 0; a retry the same', () => {
    const one = transaction()
    const known = { producerId: 1n, producerEpoch: MAX - 1 }
    for (let i = 0; i < 2; i++) {
      assert.equal(one.init(known, 1), 0)
      assert.deepEqual([one.producerId, one.producerEpoch], [2n, 0])
    }
  })

  test('EndTxn 5 gives another one too, once the markers are written in the last epoch', () => {
    const one = transaction()
    const who = { producerId: 1n, producerEpoch: MAX - 1 }
    one.add(who, [{ kind: 'partition', topic: 't', partition: 0 }], 0)
    assert.equal(one.end(who, true, 'epoch bump'), 0)
    assert.deepEqual([one.producerId, one.producerEpoch], [1n, MAX])
    assert.deepEqual(one.nextIdentity, { producerId: 2n, producerEpoch: 0 })
    one.complete()
    assert.deepEqual([one.producerId, one.producerEpoch, one.state], [2n, 0, 'CompleteCommit'])
    assert.equal(one.end(who, true, 'epoch bump'), 0, 'a retry with the old id')
    assert.deepEqual(one.nextIdentity, { producerId: 2n, producerEpoch: 0 })
  })
})

async function coordinatorAnswers(producer: RawProducer): Promise<string[]> {
  return [await producer.add('t/0'), await producer.addOffsets(), await producer.twin().commit()]
}

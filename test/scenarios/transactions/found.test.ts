/** What random schedules of transactions found, as small as it can be. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NEVER, Subject } from 'rxjs'
import { ProducerClosedError, ProducerFencedError, type ProducerRecord } from '../../../src/index.js'
import { ErrorCode } from '../../../src/protocol/error-codes.js'
import { watch } from '../../support/world.js'
import { begun, committed, ID, record, records, rejection, startTransactional, successor, VERSIONS } from './support.js'

for (const version of VERSIONS) {
  describe(`transaction.version ${version}`, () => {
    test('a producer that was fenced leaves the transaction of its successor alone', async () => {
      const world = await startTransactional(version)
      const old = await begun(world, records('a', 1))
      await world.time.until(old.transaction.commit())
      const next = successor(world)
      const { transaction } = await begun({ time: world.time, producer: next }, records('new', 2))
      await world.time.advance(100)
      const fenced = await begun(world, records('old', 1))
      const error = await world.time.until(rejection(fenced.transaction.commit()))
      await world.time.advance(1_000)
      assert.ok(world.events.some(event => event.kind === 'fatal' && event.error instanceof ProducerFencedError))
      assert.ok(error instanceof Error)
      await world.time.until(transaction.commit())
      assert.deepEqual(committed(world.cluster), ['a0', 'new0', 'new1'])
      await world.time.until(next.close())
      await world.end()
    })

    test('a transaction is aborted while the one before it is completed, and nobody knows whether it has begun', async () => {
      const world = await startTransactional(version, { cluster: { markerDelayMs: 1_000 } })
      const first = await begun(world, records('a', 1))
      await world.time.until(first.transaction.commit())
      for (const api of ['Produce', 'AddPartitionsToTxn']) {
        world.cluster.inject({ api, fault: { kind: 'appendThenDrop' } })
      }
      const second = await begun(world, records('b', 1))
      await world.time.advance(50)
      await world.time.until(second.transaction.abort())
      const third = await begun(world, records('c', 1))
      await world.time.until(third.transaction.commit())
      await world.time.advance(2_000)
      assert.deepEqual(committed(world.cluster), ['a0', 'c0'])
      await world.end()
    })

    test('a batch was refused for its sequence, and its transaction has begun all the same: the abort ends it', async () => {
      const world = await startTransactional(version, { cluster: { strictFirstSequence: true } })
      const first = await begun(world, records('a', 1))
      await world.time.until(first.transaction.commit())
      world.cluster.forgetProducer('t', 0)
      world.cluster.inject({ fault: { kind: 'error', code: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER } })
      const second = await begun(world, records('b', 1))
      await world.time.until(rejection(second.transaction.commit()))
      await world.time.until(() => world.cluster.transaction(ID)?.state !== 'Ongoing')
      const third = await begun(world, records('c', 2))
      await world.time.until(third.transaction.commit())
      assert.deepEqual(committed(world.cluster), ['a0', 'c0', 'c1'])
      await world.end()
    })

    for (const late of ['EndTxn', 'AddPartitionsToTxn', 'TxnOffsetCommit']) {
      test(`${late} of one transaction is carried out during the next one, which it leaves alone`, async () => {
        const world = await startTransactional(version, { producer: { requestTimeoutMs: 1_000 } })
        world.cluster.inject({ api: late, fault: { kind: 'carryOutLate', ms: 3_000 } })
        const group = { groupId: 'g' }
        const first = await begun(world, records('a', 1))
        const stored = first.transaction.sendOffsets(group, [{ topic: 't', partition: 0, offset: 1n }])
        await world.time.until(Promise.all([stored, first.transaction.commit()]))
        const second = await begun(world, records('b', 1))
        await world.time.until(second.transaction.sendOffsets(group, [{ topic: 't', partition: 0, offset: 2n }]))
        await world.time.advance(4_000)
        await world.time.until(second.transaction.abort())
        const third = await begun(world, records('c', 1))
        await world.time.until(third.transaction.sendOffsets(group, [{ topic: 't', partition: 0, offset: 3n }]))
        await world.time.until(third.transaction.commit())
        assert.deepEqual(committed(world.cluster), ['a0', 'c0'])
        assert.equal(world.cluster.committedOffset('g', 't', 0)?.offset, 3n)
        assert.ok(!world.events.some(({ kind }) => kind === 'fatal'))
        await world.end()
      })
    }

    test('records of transactions that overlap wait in the order of the transactions, in one partition too', async () => {
      const world = await startTransactional(version)
      const windows = [0, 1, 2].map(() => new Subject<ProducerRecord>())
      const source = new Subject<Subject<ProducerRecord>>()
      const outcomes = watch(source.pipe(world.producer.transactionally()))
      for (const window of windows) source.next(window)
      for (const round of [0, 1]) {
        for (const [i, window] of windows.toReversed().entries()) window.next(record(`${2 - i}.${round}`))
      }
      for (const window of windows) window.complete()
      source.complete()
      await world.time.advance(1_000)
      assert.deepEqual(
        outcomes.values.map(({ kind }) => kind),
        ['committed', 'committed', 'committed'],
      )
      assert.deepEqual(committed(world.cluster), ['0.0', '0.1', '1.0', '1.1', '2.0', '2.1'])
      await world.end()
    })

    test('a producer that is closed before it has taken its id over does not take it over later', async () => {
      const world = await startTransactional(version)
      const fault = world.cluster.inject({
        api: 'InitProducerId',
        fault: { kind: 'error', code: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS },
        times: 1_000,
      })
      const begins = rejection(world.producer.beginTransaction())
      await world.time.advance(50)
      await world.time.until(world.producer.close())
      fault.remove()
      assert.ok((await begins) instanceof Error)
      await world.time.advance(10_000)
      assert.equal(world.cluster.transaction(ID), undefined)
      await world.end()
    })

    test('the coordinator has forgotten the id when it is asked to abort: the producer takes it over again', async () => {
      const world = await startTransactional(version)
      const first = await begun(world, records('a', 1))
      await world.time.advance(100)
      const code = ErrorCode.INVALID_PRODUCER_ID_MAPPING
      world.cluster.inject({ api: 'EndTxn', fault: { kind: 'errorAfterAppend', code } })
      await world.time.until(first.transaction.abort())
      assert.equal(world.events.filter(({ kind }) => kind === 'producerId').length, 2)
      const second = await begun(world, records('b', 1))
      await world.time.until(second.transaction.commit())
      assert.deepEqual(committed(world.cluster), ['b0'])
      await world.end()
    })

    test('single records that wait for memory are not accepted from a producer that ends', async () => {
      const world = await startTransactional(version, { producer: { bufferMemory: 8_192, maxRequestSize: 1_024 } })
      const open = await begun(world, [])
      await world.time.until(open.transaction.sendOne(record('a')))
      world.cluster.inject({ fault: { kind: 'error', code: ErrorCode.PRODUCER_FENCED } })
      const sent = Array.from({ length: 40 }, () => rejection(open.transaction.sendOne(record('b'.repeat(100)))))
      const errors = await world.time.until(Promise.all(sent))
      assert.equal(errors.length, 40)
      assert.equal(world.producer.bufferedBytes, 0)
      await world.end()
    })

    test('transactionally() ends with its producer while it has no transaction', async () => {
      const world = await startTransactional(version)
      const outcomes = watch(NEVER.pipe(world.producer.transactionally(() => [])))
      await world.time.until(world.producer.close())
      assert.ok(outcomes.error instanceof ProducerClosedError)
      assert.match(outcomes.error.message, /before the source of transactionally\(\) had ended/)
      await world.end()

      const other = await startTransactional(version)
      const waiting = watch(NEVER.pipe(other.producer.transactionally(() => [])))
      other.cluster.inject({ api: 'EndTxn', fault: { kind: 'error', code: ErrorCode.PRODUCER_FENCED } })
      const { transaction } = await begun(other, records('a', 1))
      const error = await other.time.until(rejection(transaction.commit()))
      assert.ok(error instanceof ProducerFencedError)
      assert.equal(waiting.error, error)
      await other.end()
    })

    test('records that are promised to a transaction that is aborted by then fail without a word', async () => {
      const world = await startTransactional(version)
      const source = new Subject<number>()
      const outcomes = watch(
        source.pipe(
          world.producer.transactionally(
            (_, transaction) => {
              void transaction.abort()
              return Promise.reject<never>(new Error('too late'))
            },
            { onAborted: 'continue' },
          ),
        ),
      )
      source.next(1)
      await world.time.advance(100)
      assert.equal(outcomes.values[0]?.kind, 'aborted')
      await world.end()
    })
  })
}

test('an abort does not wait for partitions that can not be added', async () => {
  const world = await startTransactional(1)
  const code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  const fault = world.cluster.inject({ api: 'AddPartitionsToTxn', fault: { kind: 'error', code }, times: 10_000 })
  const { transaction, acks } = await begun(world, records('a', 1))
  await world.time.advance(100)
  await world.time.until(transaction.abort(), 5_000)
  assert.equal(acks.length, 1)
  fault.remove()
  const next = await begun(world, records('b', 1))
  await world.time.until(next.transaction.commit())
  assert.deepEqual(committed(world.cluster), ['b0'])
  await world.end()
})

test('a partition is added once, however many batches wait for it: nothing is left to be answered after the commit', async () => {
  const world = await startTransactional(1, { producer: { batchSize: 1 }, latencyMs: 10 })
  const first = await begun(world, records('w', 1))
  await world.time.until(first.transaction.commit())
  const source = new Subject<ProducerRecord>()
  const transaction = await world.time.until(world.producer.beginTransaction())
  watch(source.pipe(transaction.send()))
  for (let i = 0; i < 4; i++) {
    source.next(record(`a${i}`))
    await world.time.advance(5)
  }
  source.complete()
  await world.time.until(transaction.commit())
  const next = await begun(world, records('b', 1))
  await world.time.until(next.transaction.commit())
  assert.deepEqual(committed(world.cluster), ['w0', 'a0', 'a1', 'a2', 'a3', 'b0'])
  const added = world.cluster.trace.filter(entry => entry.kind === 'request' && entry.api === 'AddPartitionsToTxn')
  assert.equal(added.length, 3)
  await world.end()
})

test('before topic ids, a new topic may hold a batch of the old one: none of the next transaction is taken for it', async () => {
  const { world, cluster, time } = await withRecreatedTopic()
  const second = await begun(world, records('b', 1))
  const told = await time.until(
    second.transaction.commit().then(
      () => 'committed',
      () => 'aborted',
    ),
  )
  await time.advance(1_000)
  assert.deepEqual(committed(cluster), told === 'committed' ? ['b0'] : [])
  const third = await begun(world, records('c', 1))
  await time.until(third.transaction.commit())
  assert.deepEqual(committed(cluster).at(-1), 'c0')
  await world.end()
})

/** The answer to a batch is lost, which by then is in the new topic of that name, as the producer hears once it has aborted. */
async function withRecreatedTopic() {
  const world = await startTransactional(1)
  const { cluster, time } = world
  const { transaction } = await begun(world, [record('x', 1)])
  await time.advance(100)
  cluster.deleteTopic('t')
  cluster.createTopic('t', { partitions: 2 })
  cluster.inject({ fault: { kind: 'appendThenDrop' } })
  const acks = watch(transaction.publish(records('a', 1)))
  await time.advance(5_000)
  await time.until(transaction.abort())
  assert.equal(acks.values.length, 1)
  return { world, cluster, time }
}

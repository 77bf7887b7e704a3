/** A transaction from its beginning to its end, in both versions of the protocol. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  InvalidArgumentError,
  InvalidRecordError,
  ProducerClosedError,
  TransactionAbortedError,
  TransactionEndedError,
} from '../../../src/index.js'
import { startWorld, watch } from '../../support/world.js'
import { begun, committed, ID, record, records, rejection, startTransactional, VERSIONS } from './support.js'

for (const version of VERSIONS) {
  describe(`transaction.version ${version}`, () => {
    test('records are read once they are committed, and not before', async () => {
      const world = await startTransactional(version)
      const { transaction, acks } = await begun(world, [...records('a', 3), ...records('b', 2, 1)])
      await world.time.advance(100)
      assert.deepEqual(
        acks.map(({ kind }) => kind),
        Array(5).fill('acked'),
      )
      assert.deepEqual(committed(world.cluster), [])
      await world.time.until(transaction.commit())
      assert.deepEqual(committed(world.cluster), ['a0', 'a1', 'a2'])
      assert.deepEqual(committed(world.cluster, 1), ['b0', 'b1'])
      assert.equal(world.cluster.transaction(ID)?.state, 'CompleteCommit')
      await world.end()
    })

    test('a commit waits for the acks of all records', async () => {
      const world = await startTransactional(version, { cluster: { replyDelayMs: 50 } })
      const { transaction, acks } = await begun(world, records('a', 3))
      await world.time.until(transaction.commit())
      assert.equal(acks.length, 3)
      assert.deepEqual(committed(world.cluster), ['a0', 'a1', 'a2'])
      await world.end()
    })

    test('an aborted transaction is not read, and the next one can be committed', async () => {
      const world = await startTransactional(version)
      const first = await begun(world, records('a', 3))
      await world.time.advance(100)
      await world.time.until(first.transaction.abort())
      const second = await begun(world, records('b', 2))
      await world.time.until(second.transaction.commit())
      assert.deepEqual(committed(world.cluster), ['b0', 'b1'])
      assert.equal(world.cluster.records('t', 0).length, 5)
      await world.end()
    })

    test('`await using` aborts a transaction that is left without a commit', async () => {
      const world = await startTransactional(version)
      const { transaction } = await begun(world, records('a', 1))
      await world.time.advance(10)
      await world.time.until(transaction[Symbol.asyncDispose]())
      assert.deepEqual(committed(world.cluster), [])
      const error = await rejection(transaction.commit())
      assert.ok(error instanceof TransactionAbortedError && error.cause instanceof TransactionEndedError)
      assert.match(error.message, /abort\(\) of this transaction was called: begin another one/)
      await world.end()
    })

    test('records that were not sent are dropped by an abort, and fail with its reason', async () => {
      const world = await startTransactional(version, { producer: { linger: 60_000, deliveryTimeoutMs: 120_000 } })
      const { transaction, acks } = await begun(world, records('a', 3))
      await world.time.until(transaction.abort())
      assert.deepEqual(
        acks.map(ack => ack.kind === 'failed' && [ack.persisted, ack.error instanceof TransactionAbortedError]),
        Array(3).fill(['no', true]),
      )
      assert.equal(world.cluster.records('t', 0).length, 0)
      await world.end()
    })

    test('a transaction without records asks nothing of the coordinator', async () => {
      const world = await startTransactional(version)
      const empty = await begun(world)
      await world.time.until(empty.transaction.commit())
      const left = await begun(world)
      await world.time.until(left.transaction.abort())
      assert.equal(world.cluster.transaction(ID)?.state, 'Empty')
      await world.end()
    })

    test('a record that fails aborts its transaction at once', async () => {
      const world = await startTransactional(version)
      const { transaction } = await begun(world, records('a', 3))
      await world.time.advance(10)
      assert.equal(transaction.signal.aborted, false)
      const refused = await rejection(transaction.sendOne({ topic: 't', value: 5 as never }))
      await world.time.advance(10)
      assert.ok(transaction.signal.aborted)
      const { reason } = transaction.signal
      assert.ok(reason instanceof TransactionAbortedError && reason.cause instanceof InvalidRecordError)
      assert.match(refused.message, /value/)
      assert.equal(await rejection(transaction.commit()), reason)
      assert.deepEqual(committed(world.cluster), [])
      await world.end()
    })

    test('what comes after the end of a transaction is refused, with what to do', async () => {
      const world = await startTransactional(version)
      const { transaction } = await begun(world, records('a', 1))
      await world.time.until(transaction.commit())
      const late = watch(transaction.publish(records('b', 1)))
      for (const error of [late.error, await rejection(transaction.sendOne(record('c')))]) {
        assert.ok(error instanceof TransactionEndedError)
        assert.match(error.message, /commit\(\) of this transaction was called: begin another one/)
      }
      assert.ok(
        (await rejection(transaction.sendOffsets('g', [{ topic: 't', partition: 0, offset: 1n }]))) instanceof
          TransactionEndedError,
      )
      await transaction.commit()
      await transaction.abort()
      assert.deepEqual(committed(world.cluster), ['a0'])
      await world.end()
    })

    test('a commit is refused while a source has not ended, and the transaction goes on', async () => {
      const world = await startTransactional(version)
      const { transaction } = await begun(world)
      const writable = transaction.writable()
      writable.write(record('a'))
      const refused = await rejection(transaction.commit())
      assert.ok(refused instanceof InvalidArgumentError)
      assert.match(refused.message, /commit\(\) was called while a source of the transaction had not ended/)
      const finished = new Promise(resolve => writable.end(resolve))
      await world.time.until(finished)
      await world.time.until(transaction.commit())
      assert.deepEqual(committed(world.cluster), ['a'])
      await world.end()
    })

    test('transactions of one producer run one after the other', async () => {
      const world = await startTransactional(version)
      const { transaction } = await begun(world, records('a', 1))
      let second: string[] | undefined
      const waiting = world.producer.beginTransaction().then(async next => {
        second = committed(world.cluster)
        return next
      })
      await world.time.advance(1_000)
      assert.equal(second, undefined)
      await world.time.until(transaction.commit())
      const next = await world.time.until(waiting)
      assert.deepEqual(second, ['a0'])
      await world.time.until(next.abort())
      await world.end()
    })

    test('a hundred transactions in four partitions: each record once, in order', async () => {
      const world = await startTransactional(version, { cluster: { markerDelayMs: 7 } })
      const expected: string[] = []
      for (let n = 0; n < 100; n++) {
        const { transaction } = await begun(world, [...records(`${n}.`, 3), ...records(`${n}.`, 3, 1)])
        if (n % 3 === 0) await world.time.until(transaction.abort())
        else {
          await world.time.until(transaction.commit())
          expected.push(`${n}.0`, `${n}.1`, `${n}.2`)
        }
      }
      await world.time.advance(100)
      assert.deepEqual(committed(world.cluster), expected)
      assert.deepEqual(committed(world.cluster, 1), expected)
      await world.end()
    })

    test('close() aborts a transaction that is open, and waits for one that is being committed', async () => {
      const world = await startTransactional(version, { cluster: { replyDelayMs: 20 } })
      const first = await begun(world, records('a', 2))
      const committing = first.transaction.commit()
      await world.time.until(world.producer.close())
      await committing
      assert.deepEqual(committed(world.cluster), ['a0', 'a1'])
      await world.end()

      const other = await startTransactional(version)
      const open = await begun(other, records('b', 2))
      await other.time.advance(10)
      await other.time.until(other.producer.close())
      const error = await rejection(open.transaction.commit())
      assert.ok(error instanceof TransactionAbortedError && error.cause instanceof ProducerClosedError)
      assert.deepEqual(committed(other.cluster), [])
      assert.equal(other.cluster.transaction(ID)?.state, 'CompleteAbort')
      assert.ok((await rejection(other.producer.beginTransaction())) instanceof ProducerClosedError)
      await other.end()
    })
  })
}

test('a transactional producer sends nothing outside a transaction; the error says what to call', async () => {
  const world = await startTransactional(2)
  const { producer } = world
  for (const call of [
    () => producer.send(),
    () => producer.sendBatches(),
    () => producer.publish([]),
    () => producer.sendOne(record('a')),
    () => producer.writable(),
    () => producer.duplex(),
    () => producer.webWritable(),
    () => producer.webTransform(),
  ]) {
    assert.throws(call, (error: Error) => {
      assert.ok(error instanceof InvalidArgumentError)
      assert.match(
        error.message,
        /outside a transaction.*`transactionalId`: use beginTransaction\(\), and \w+\(\) of the transaction, or transactionally\(\)/,
      )
      return true
    })
  }
  await world.end()
})

test('a producer without a transactional id has no transactions', async () => {
  const world = await startWorld()
  for (const call of [
    () => world.producer.beginTransaction(),
    () => world.producer.transactionally(),
    () => world.producer.position(),
  ]) {
    assert.throws(call, /\w+\(\) needs option `transactionalId`, which makes the producer transactional/)
  }
  await world.end()
})

test('in every way to send, records belong to the transaction', async () => {
  const world = await startTransactional(2)
  const { transaction } = await begun(world, [record('publish')])
  await world.time.until(transaction.sendOne(record('sendOne')))
  const writable = transaction.writable({ topic: 't', partition: () => 0 })
  await world.time.until(new Promise(resolve => writable.end('writable', () => resolve(undefined))))
  const web = transaction.webWritable().getWriter()
  await web.write(record('web'))
  await world.time.until(web.close())
  assert.deepEqual(committed(world.cluster), [])
  await world.time.until(transaction.commit())
  const all = [...committed(world.cluster), ...committed(world.cluster, 1)]
  assert.deepEqual(all.sort(), ['publish', 'sendOne', 'web', 'writable'])
  await world.end()
})

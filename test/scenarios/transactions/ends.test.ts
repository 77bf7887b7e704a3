/** `abort()` and the end of an `await using` block while `commit()` is under way. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TransactionAbortedError, TransactionEndedError } from '../../../src/index.js'
import type { World } from '../../support/world.js'
import { begun, committed, ID, record, records, rejection, startTransactional, VERSIONS } from './support.js'

/** Whether the coordinator was asked to commit or abort. */
const isEnding = ({ cluster }: World): boolean =>
  cluster.trace.some(entry => entry.kind === 'request' && entry.api === 'EndTxn')

for (const version of VERSIONS) {
  describe(`transaction.version ${version}`, () => {
    test('abort() before the coordinator was asked to commit aborts: commit() rejects', async () => {
      for (const wait of [0, 1, 10, 30]) {
        const world = await startTransactional(version, { cluster: { replyDelayMs: 50 } })
        const { transaction } = await begun(world, records('a', 3))
        const committing = rejection(transaction.commit())
        await world.time.advance(wait)
        assert.equal(isEnding(world), false, 'its records are not acked yet')
        await world.time.until(transaction.abort())
        const error = await world.time.until(committing)
        assert.ok(error instanceof TransactionAbortedError && error.cause instanceof TransactionEndedError)
        assert.match(error.message, /abort\(\) of this transaction was called/)
        assert.ok((await rejection(transaction.sendOne(record('b')))) instanceof TransactionEndedError)
        const next = await begun(world, records('c', 1))
        await world.time.until(next.transaction.commit())
        assert.deepEqual(committed(world.cluster), ['c0'])
        await world.end()
      }
    })

    test('abort() after the coordinator was asked to commit waits, and rejects: it is committed', async () => {
      const world = await startTransactional(version, { cluster: { replyDelayMs: 50 } })
      const { transaction } = await begun(world, records('a', 3))
      const committing = transaction.commit()
      await world.time.until(() => isEnding(world))
      const aborting = rejection(transaction.abort())
      const error = await world.time.until(aborting)
      assert.ok(error instanceof TransactionEndedError)
      assert.match(error.message, /abort\(\) came too late: the transaction is committed/)
      await committing
      assert.deepEqual(committed(world.cluster), ['a0', 'a1', 'a2'])
      // As in a `finally` after the commit.
      await transaction.abort()
      await world.end()
    })

    test('a commit that the coordinator refuses is an abort, whoever waits for it', async () => {
      const world = await startTransactional(version, { cluster: { replyDelayMs: 50 } })
      world.cluster.inject({ api: 'EndTxn', fault: { kind: 'error', code: 120 } })
      const { transaction } = await begun(world, records('a', 3))
      const committing = rejection(transaction.commit())
      await world.time.until(() => isEnding(world))
      await world.time.until(transaction.abort())
      assert.ok((await committing) instanceof TransactionAbortedError)
      assert.deepEqual(committed(world.cluster), [])
      await world.end()
    })

    test('`await using` leaves a commit alone that was not awaited', async () => {
      const world = await startTransactional(version, { cluster: { replyDelayMs: 50 } })
      const copy = async (): Promise<void> => {
        await using transaction = await world.producer.beginTransaction()
        void transaction.sendOne(record('a'))
        return transaction.commit()
      }
      await world.time.until(copy())
      assert.equal(world.cluster.transaction(ID)?.state, 'CompleteCommit')
      assert.deepEqual(committed(world.cluster), ['a'])
      await world.end()
    })
  })
}

/** Offsets of a consumer group, and the position of a source, in the transaction that writes what was read. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { of } from 'rxjs'
import { InvalidArgumentError, TransactionAbortedError, TransactionEndedError } from '../../../src/index.js'
import { watch } from '../../support/world.js'
import {
  begun,
  committed,
  record,
  records,
  rejection,
  startTransactional,
  successor,
  TOPICS,
  VERSIONS,
} from './support.js'

for (const version of VERSIONS) {
  describe(`transaction.version ${version}`, () => {
    test('a position is read back once it is committed, by the next producer as well', async () => {
      const world = await startTransactional(version)
      const { producer, time } = world
      assert.equal(await time.until(producer.position()), undefined)
      const first = await begun(world, records('a', 2))
      first.transaction.setPosition('1')
      first.transaction.setPosition('2')
      await time.until(first.transaction.commit())
      assert.equal(await time.until(producer.position()), '2')
      const second = await begun(world, records('b', 2))
      second.transaction.setPosition('4')
      await time.advance(10)
      await time.until(second.transaction.abort())
      assert.equal(await time.until(producer.position()), '2')
      await world.end()
    })

    test('the newest position counts, whichever topic was written to', async () => {
      const world = await startTransactional(version, { cluster: { topics: { ...TOPICS, u: {} } } })
      for (const [topic, position] of [
        ['t', '1'],
        ['u', '2'],
        ['t', '3'],
        ['u', '4'],
      ] as const) {
        const { transaction } = await begun(world, [{ topic, value: 'v' }])
        transaction.setPosition(position)
        await world.time.until(transaction.commit())
      }
      // No record, so it stands beside the last topic.
      const { transaction } = await begun(world)
      transaction.setPosition('5')
      await world.time.until(transaction.commit())
      assert.equal(await world.time.until(world.producer.position()), '5')
      await world.end()
    })

    test('a position before the first record aborts, and says why', async () => {
      const world = await startTransactional(version)
      const { transaction } = await begun(world)
      transaction.setPosition('0')
      const error = await world.time.until(rejection(transaction.commit()))
      assert.ok(error instanceof TransactionAbortedError)
      assert.match(error.message, /setPosition\(\) needs a record/)
      await world.end()
    })

    test('a position that comes after commit() or abort() is refused, for it would be lost', async () => {
      const world = await startTransactional(version)
      const first = await begun(world, records('a', 2))
      first.transaction.setPosition('1')
      const committing = first.transaction.commit()
      assert.throws(() => first.transaction.setPosition('2'), TransactionEndedError)
      await world.time.until(committing)
      const second = await begun(world, records('b', 2))
      const aborting = second.transaction.abort()
      assert.throws(() => second.transaction.setPosition('3'), TransactionEndedError)
      await world.time.until(aborting)
      assert.equal(await world.time.until(world.producer.position()), '1')
      await world.end()
    })

    test('offsets of a group are committed with the records, or not at all', async () => {
      const world = await startTransactional(version)
      const first = await begun(world, records('a', 2))
      await world.time.until(first.transaction.sendOffsets('g', [{ topic: 't', partition: 0, offset: 7n }]))
      await world.time.until(first.transaction.commit())
      const second = await begun(world, records('b', 2))
      await world.time.until(second.transaction.sendOffsets('g', [{ topic: 't', partition: 0, offset: '9' }]))
      await world.time.until(second.transaction.abort())
      assert.equal(world.cluster.committedOffset('g', 't', 0)?.offset, 7n)
      await world.end()
    })

    test('the commit waits for offsets that are on their way, and offsets alone are a transaction', async () => {
      const world = await startTransactional(version, { cluster: { replyDelayMs: 30 } })
      const { transaction } = await begun(world)
      void transaction.sendOffsets('g', [{ topic: 't', partition: 1, offset: 3 }])
      await world.time.until(transaction.commit())
      assert.equal(world.cluster.committedOffset('g', 't', 1)?.offset, 3n)
      await world.end()
    })

    test('a member that has been replaced can’t commit: the transaction is aborted', async () => {
      const world = await startTransactional(version)
      const { transaction } = await begun(world, records('a', 2))
      const group = { groupId: 'g', memberId: 'gone', generationId: 3 }
      const sent = rejection(transaction.sendOffsets(group, [{ topic: 't', partition: 0, offset: 7n }]))
      assert.match((await world.time.until(sent)).message, /UNKNOWN_MEMBER_ID|ILLEGAL_GENERATION/)
      const error = await world.time.until(rejection(transaction.commit()))
      assert.ok(error instanceof TransactionAbortedError)
      assert.deepEqual(committed(world.cluster), [])
      await world.end()
    })

    test('in a stream, offsets and a position are stored with the records that the function returns', async () => {
      const world = await startTransactional(version)
      const outcomes = watch(
        of(1, 2, 3).pipe(
          world.producer.transactionally((n, transaction) => {
            void transaction.sendOffsets('g', [{ topic: 't', partition: 0, offset: n }])
            transaction.setPosition(`read ${n}`)
            return [record(`v${n}`)]
          }),
        ),
      )
      await world.time.advance(1_000)
      assert.equal(outcomes.values.length, 3)
      assert.equal(world.cluster.committedOffset('g', 't', 0)?.offset, 3n)
      assert.equal(await world.time.until(world.producer.position()), 'read 3')
      await world.end()
    })
  })
}

test('bad offsets and positions are refused at the call, and the transaction goes on', async () => {
  const world = await startTransactional(2)
  const { transaction } = await begun(world, [record('a')])
  const offset = { topic: 't', partition: 0, offset: 1n }
  for (const [call, message] of [
    [() => transaction.setPosition(5 as never), /setPosition\(\) expects a string, got number/],
    [
      () => transaction.setPosition('x'.repeat(4_097)),
      /setPosition\(\) got 4097 bytes, and brokers store at most 4096/,
    ],
    [() => transaction.sendOffsets('', [offset]), /`groupId` is '', but it must be a non-empty string/],
    [() => transaction.sendOffsets({ memberId: 'm' } as never, [offset]), /`groupId` is undefined/],
    [
      () => transaction.sendOffsets('g', [{ ...offset, offset: -1n }]),
      /`offset` is -1n, but it must be a whole number from 0/,
    ],
    [() => transaction.sendOffsets('g', [{ ...offset, offset: '1.5' }]), /`offset` is '1.5'/],
    [() => transaction.sendOffsets('g', [{ topic: 't', offset: 1 } as never]), /`partition` is undefined/],
    [() => transaction.sendOffsets('g', 5 as never), /expects offsets as an array/],
  ] as const) {
    assert.throws(call, (error: Error) => {
      assert.ok(error instanceof InvalidArgumentError)
      assert.match(error.message, message)
      return true
    })
  }
  await world.time.until(transaction.commit())
  assert.deepEqual(committed(world.cluster), ['a'])
  await world.end()
})

test('a position of a transactional id survives a producer that was lost', async () => {
  const world = await startTransactional(2)
  const { transaction } = await begun(world, [record('a')])
  transaction.setPosition('1')
  await world.time.until(transaction.commit())
  // Its successor takes over while another transaction is open.
  const lost = await begun(world, [record('b')])
  lost.transaction.setPosition('2')
  await world.time.advance(10)
  const { cluster, time } = world
  const next = successor(world)
  assert.equal(await time.until(next.position()), '1')
  assert.deepEqual(committed(cluster), ['a'])
  await time.until(next.close())
  await world.end()
})

/** Transactions as a stream: one for each value of a source. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { concat, EMPTY, from, NEVER, type Observable, of, Subject, throwError, windowCount, windowTime } from 'rxjs'
import {
  InvalidArgumentError,
  InvalidRecordError,
  ProducerClosedError,
  type ProducerRecord,
  TransactionAbortedError,
  type TransactionOutcome,
} from '../../../src/index.js'
import { watch } from '../../support/world.js'
import { committed, ID, record, records, startTransactional, VERSIONS } from './support.js'

const told = (outcomes: readonly TransactionOutcome[]): string[] =>
  outcomes.map(({ kind, count }) => `${kind} ${count}`)
const tooLarge: ProducerRecord = record('x'.repeat(2_000_000))

for (const version of VERSIONS) {
  describe(`transaction.version ${version}`, () => {
    test('windows of a stream are transactions, in order', async () => {
      const world = await startTransactional(version)
      const outcomes = watch(from(records('a', 10)).pipe(windowCount(4), world.producer.transactionally()))
      await world.time.advance(1_000)
      assert.deepEqual(told(outcomes.values), ['committed 4', 'committed 4', 'committed 2'])
      assert.ok(outcomes.done)
      assert.equal(committed(world.cluster).length, 10)
      await world.end()
    })

    test('windowTime: what comes while a transaction is being committed waits in the buffer, and is not lost', async () => {
      const world = await startTransactional(version, { cluster: { markerDelayMs: 130, replyDelayMs: 20 } })
      const push = new Subject<ProducerRecord>()
      const outcomes = watch(push.pipe(windowTime(100, world.time), world.producer.transactionally()))
      for (let i = 0; i < 50; i++) {
        push.next(record(`v${i}`))
        await world.time.advance(20)
      }
      push.complete()
      await world.time.advance(10_000)
      assert.ok(outcomes.done)
      assert.deepEqual(
        committed(world.cluster),
        Array.from({ length: 50 }, (_, i) => `v${i}`),
      )
      assert.equal(
        outcomes.values.reduce((sum, { count }) => sum + count, 0),
        50,
      )
      await world.end()
    })

    test('values may be iterables, async iterables, or made by a function', async () => {
      const world = await startTransactional(version)
      async function* later(): AsyncGenerator<ProducerRecord> {
        yield* records('async', 2)
      }
      const outcomes = watch(
        of(1, 2, 3, 4).pipe(
          world.producer.transactionally(n => {
            if (n === 1) return records('array', 2)
            if (n === 2) return later()
            return n === 3 ? of(record('observable')) : Promise.resolve(records('promise', 2))
          }),
        ),
      )
      await world.time.advance(100)
      assert.deepEqual(told(outcomes.values), ['committed 2', 'committed 2', 'committed 1', 'committed 2'])
      assert.deepEqual(
        outcomes.values.map(({ value }) => value),
        [1, 2, 3, 4],
      )
      assert.deepEqual(committed(world.cluster), [
        ...['array0', 'array1', 'async0', 'async1', 'observable', 'promise0', 'promise1'],
      ])
      await world.end()
    })

    test('an aborted transaction ends the stream, after the outcomes that are owed; those behind it are dropped', async () => {
      const world = await startTransactional(version)
      const outcomes = watch(
        of(records('a', 2), [record('b'), tooLarge], records('c', 2)).pipe(world.producer.transactionally()),
      )
      await world.time.advance(1_000)
      assert.deepEqual(told(outcomes.values), ['committed 2'])
      const { error } = outcomes
      assert.ok(error instanceof TransactionAbortedError && error.cause instanceof InvalidRecordError)
      assert.match(error.message, /^the transaction was aborted: .*`maxRequestSize`/)
      assert.deepEqual(committed(world.cluster), ['a0', 'a1'])
      await world.end()
    })

    test("with onAborted 'continue' it is emitted in-band, and the next one goes on", async () => {
      const world = await startTransactional(version)
      const outcomes = watch(
        of(records('a', 2), [record('b'), tooLarge], records('c', 2)).pipe(
          world.producer.transactionally({ onAborted: 'continue' }),
        ),
      )
      await world.time.advance(1_000)
      assert.deepEqual(
        outcomes.values.map(({ kind }) => kind),
        ['committed', 'aborted', 'committed'],
      )
      const aborted = outcomes.values[1]!
      assert.ok(aborted.kind === 'aborted' && aborted.cause instanceof InvalidRecordError)
      assert.deepEqual(committed(world.cluster), ['a0', 'a1', 'c0', 'c1'])
      await world.end()
    })

    test('a source that errors, and a function that throws, abort their transaction', async () => {
      const world = await startTransactional(version)
      const broken = new Error('broken')
      const outcomes = watch(
        of(1, 2, 3).pipe(
          world.producer.transactionally(
            n => {
              if (n === 1)
                return concat(
                  of(record('a')),
                  throwError(() => broken),
                )
              if (n === 2) throw broken
              return [record('c')]
            },
            { onAborted: 'continue' },
          ),
        ),
      )
      await world.time.advance(1_000)
      assert.deepEqual(
        outcomes.values.map(outcome => (outcome.kind === 'aborted' ? outcome.cause : outcome.kind)),
        [broken, broken, 'committed'],
      )
      assert.deepEqual(committed(world.cluster), ['c'])
      await world.end()
    })

    test('a transaction may be aborted by the function that makes its records', async () => {
      const world = await startTransactional(version)
      const outcomes = watch(
        of('a', 'b').pipe(
          world.producer.transactionally(
            (value, transaction) => {
              if (value === 'a') void transaction.abort()
              return [record(value)]
            },
            { onAborted: 'continue' },
          ),
        ),
      )
      await world.time.advance(1_000)
      assert.deepEqual(told(outcomes.values), ['aborted 0', 'committed 1'])
      await world.end()
    })

    test('while one is being committed, the next one is read; no other is', async () => {
      const world = await startTransactional(version, { latencyMs: 100 })
      const read: number[] = []
      const made = (n: number): ProducerRecord[] => {
        read.push(n)
        return records(`${n}.`, 2)
      }
      const outcomes = watch(from([0, 1, 2, 3]).pipe(world.producer.transactionally(made)))
      await world.time.advance(1)
      assert.deepEqual(read, [0, 1])
      await world.time.advance(10_000)
      assert.deepEqual(read, [0, 1, 2, 3])
      assert.deepEqual(told(outcomes.values), Array(4).fill('committed 2'))
      await world.end()
    })

    test('a source may emit any number of values at once: each waits as it is', async () => {
      const world = await startTransactional(version)
      const values = Array.from({ length: 2_000 }, (_, i) => i)
      let begun = 0
      const outcomes = watch(
        from(values).pipe(
          world.producer.transactionally((n, transaction) => {
            begun++
            assert.equal(transaction.signal.aborted, false)
            return n % 100 === 0 ? [record(`v${n}`)] : []
          }),
        ),
      )
      assert.ok(begun <= 2, `${begun}`)
      await world.time.advance(10_000)
      assert.ok(outcomes.done)
      assert.deepEqual(
        outcomes.values.map(({ value }) => value),
        values,
      )
      assert.equal(committed(world.cluster).length, 20)
      await world.end()
    })

    test('a producer that is closed before every value had its turn ends the stream with an error', async () => {
      const world = await startTransactional(version, { cluster: { replyDelayMs: 50 } })
      const outcomes = watch(
        of(1, 2, 3, 4, 5).pipe(world.producer.transactionally(n => [record(`v${n}`)], { onAborted: 'continue' })),
      )
      await world.time.advance(10)
      await world.time.until(world.producer.close())
      assert.ok(outcomes.error instanceof ProducerClosedError)
      assert.ok(outcomes.values.length < 5)
      await world.end()
    })

    test('the error of the source comes after the outcomes of the transactions that are whole', async () => {
      const world = await startTransactional(version)
      const broken = new Error('broken')
      const outcomes = watch(
        concat(
          of(records('a', 2)),
          throwError(() => broken),
        ).pipe(world.producer.transactionally()),
      )
      await world.time.advance(1_000)
      assert.deepEqual(told(outcomes.values), ['committed 2'])
      assert.equal(outcomes.error, broken)
      await world.end()
    })

    test('unsubscribing aborts the transaction whose source has not ended, and none that is whole', async () => {
      const world = await startTransactional(version, { cluster: { replyDelayMs: 50 } })
      const open = concat(of(record('open')), NEVER)
      const outcomes = watch(
        from<Observable<ProducerRecord>[]>([from(records('a', 2)), open]).pipe(world.producer.transactionally()),
      )
      await world.time.advance(10)
      outcomes.unsubscribe()
      await world.time.advance(5_000)
      assert.deepEqual(committed(world.cluster), ['a0', 'a1'])
      assert.equal(world.cluster.transaction(ID)?.state === 'Ongoing', false)
      await world.end()
    })

    test('a producer that is closed ends the stream', async () => {
      const world = await startTransactional(version)
      const outcomes = watch(concat(of(records('a', 1)), NEVER).pipe(world.producer.transactionally()))
      await world.time.advance(100)
      await world.time.until(world.producer.close())
      await world.end()
      assert.deepEqual(told(outcomes.values), ['committed 1'])
    })
  })
}

test('a value that is no source of records aborts, and says what it must be', async () => {
  const world = await startTransactional(2)
  const outcomes = watch(of(5).pipe(world.producer.transactionally(() => 5 as never)))
  await world.time.advance(100)
  assert.ok(outcomes.error instanceof TransactionAbortedError && outcomes.error.cause instanceof InvalidArgumentError)
  await world.end()
})

test('an unknown option is refused at the call', async () => {
  const world = await startTransactional(2)
  assert.throws(
    () => world.producer.transactionally({ onAbort: 'end' } as never),
    /there is no option `onAbort` of transactionally\(\)/,
  )
  const outcomes = watch(EMPTY.pipe(world.producer.transactionally(() => [])))
  assert.ok(outcomes.done)
  await world.end()
})

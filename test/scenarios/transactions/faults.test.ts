/** What goes wrong at each step of a transaction: what is retried, what aborts it, and what ends the producer. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { of } from 'rxjs'
import { BrokerError, DeliveryTimeoutError, ProducerFencedError, TransactionAbortedError } from '../../../src/index.js'
import { ErrorCode } from '../../../src/protocol/error-codes.js'
import type { Fault } from '../../../src/testing/index.js'
import { type World, watch } from '../../support/world.js'
import { begun, committed, ID, record, records, rejection, startTransactional, successor, VERSIONS } from './support.js'

/** The requests of a transaction in each version. */
const STEPS = {
  1: ['FindCoordinator', 'InitProducerId', 'AddPartitionsToTxn', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn'],
  2: ['FindCoordinator', 'InitProducerId', 'Produce', 'TxnOffsetCommit', 'EndTxn'],
} as const

const LOST: readonly Fault[] = [
  { kind: 'appendThenDrop' },
  { kind: 'dropBeforeAppend' },
  { kind: 'neverAnswer' },
  { kind: 'delay', ms: 1_000 },
]

const codes = (...names: readonly (keyof typeof ErrorCode)[]): Fault[] =>
  names.map(name => ({ kind: 'error', code: ErrorCode[name] }))

/** Codes with which Kafka asks to try again. */
const PASSING: Record<string, readonly Fault[]> = {
  FindCoordinator: codes('COORDINATOR_NOT_AVAILABLE'),
  InitProducerId: codes(
    'COORDINATOR_LOAD_IN_PROGRESS',
    'NOT_COORDINATOR',
    'CONCURRENT_TRANSACTIONS',
    'COORDINATOR_NOT_AVAILABLE',
  ),
  AddPartitionsToTxn: codes(
    'COORDINATOR_LOAD_IN_PROGRESS',
    'NOT_COORDINATOR',
    'CONCURRENT_TRANSACTIONS',
    'UNKNOWN_TOPIC_OR_PARTITION',
  ),
  AddOffsetsToTxn: codes('COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR', 'CONCURRENT_TRANSACTIONS'),
  TxnOffsetCommit: codes('COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR', 'REQUEST_TIMED_OUT'),
  EndTxn: codes(
    'COORDINATOR_LOAD_IN_PROGRESS',
    'NOT_COORDINATOR',
    'CONCURRENT_TRANSACTIONS',
    'COORDINATOR_NOT_AVAILABLE',
  ),
  Produce: codes(
    'CONCURRENT_TRANSACTIONS',
    'NOT_ENOUGH_REPLICAS',
    'NOT_LEADER_OR_FOLLOWER',
    'COORDINATOR_LOAD_IN_PROGRESS',
  ),
}

/** Two transactions with records in two partitions, and offsets. */
async function copyTwice(world: World): Promise<void> {
  for (const n of [1, 2]) {
    const { transaction } = await begun(world, [...records(`a${n}.`, 3), ...records(`b${n}.`, 3, 1)])
    await world.time.until(transaction.sendOffsets('g', [{ topic: 't', partition: 0, offset: n }]))
    transaction.setPosition(String(n))
    await world.time.until(transaction.commit())
  }
}

for (const version of VERSIONS) {
  describe(`transaction.version ${version}`, () => {
    // Partitions of two brokers are added by a request, with version 2 as well.
    for (const api of new Set([...STEPS[version], 'AddPartitionsToTxn'])) {
      for (const fault of [...LOST, ...PASSING[api]!]) {
        const what = fault.kind === 'error' ? `error ${fault.code}` : fault.kind
        test(`${api}, ${what}, at the first and at the second request: both transactions are read once, in order`, async () => {
          for (const after of [0, 1]) {
            const world = await startTransactional(version, { cluster: { nodes: 2 } })
            world.cluster.inject({ api, fault, after, times: 2 })
            await copyTwice(world)
            assert.deepEqual(committed(world.cluster), ['a1.0', 'a1.1', 'a1.2', 'a2.0', 'a2.1', 'a2.2'])
            assert.deepEqual(committed(world.cluster, 1), ['b1.0', 'b1.1', 'b1.2', 'b2.0', 'b2.1', 'b2.2'])
            assert.equal(world.cluster.committedOffset('g', 't', 0)?.offset, 2n)
            assert.equal(await world.time.until(world.producer.position()), '2')
            await world.end()
          }
        })
      }
    }

    for (const [api, name] of [
      ['TxnOffsetCommit', 'ILLEGAL_GENERATION'],
      ['TxnOffsetCommit', 'FENCED_INSTANCE_ID'],
      ['TxnOffsetCommit', 'GROUP_AUTHORIZATION_FAILED'],
      ['EndTxn', 'TRANSACTION_ABORTABLE'],
      ['Produce', 'TRANSACTION_ABORTABLE'],
      ['Produce', 'INVALID_TXN_STATE'],
      ['Produce', 'INVALID_PRODUCER_EPOCH'],
      ['Produce', 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
      ['Produce', 'UNKNOWN_PRODUCER_ID'],
      ['Produce', 'TOPIC_AUTHORIZATION_FAILED'],
      ...(version === 1 ? ([['AddPartitionsToTxn', 'TOPIC_AUTHORIZATION_FAILED']] as const) : []),
    ] as const) {
      test(`${api} answered ${name} aborts the transaction, and the next one is committed`, async () => {
        const world = await startTransactional(version)
        world.cluster.inject({ api, fault: { kind: 'error', code: ErrorCode[name] } })
        const { transaction } = await begun(world, records('a', 3))
        const sent = transaction.sendOffsets('g', [{ topic: 't', partition: 0, offset: 5 }])
        sent.catch(() => {})
        await world.time.advance(10)
        const error = await world.time.until(rejection(transaction.commit()))
        assert.ok(error instanceof TransactionAbortedError)
        assert.match(error.message, new RegExp(name))
        const next = await begun(world, records('b', 2))
        await world.time.until(next.transaction.commit())
        assert.deepEqual(committed(world.cluster), ['b0', 'b1'])
        await world.end()
      })
    }

    for (const [api, name] of [
      ['InitProducerId', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
      ['InitProducerId', 'INVALID_TRANSACTION_TIMEOUT'],
      ['InitProducerId', 'PRODUCER_FENCED'],
      ['FindCoordinator', 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
      ['EndTxn', 'PRODUCER_FENCED'],
      ['EndTxn', 'INVALID_PRODUCER_EPOCH'],
      ['Produce', 'PRODUCER_FENCED'],
      ['TxnOffsetCommit', 'PRODUCER_FENCED'],
      ...(version === 1
        ? ([
            ['AddPartitionsToTxn', 'INVALID_TXN_STATE'],
            ['EndTxn', 'INVALID_TXN_STATE'],
          ] as const)
        : []),
    ] as const) {
      test(`${api} answered ${name} ends the producer, with a clear error`, async () => {
        const world = await startTransactional(version)
        world.cluster.inject({ api, fault: { kind: 'error', code: ErrorCode[name] } })
        const errors: Error[] = []
        const work = async (): Promise<void> => {
          const transaction = await world.producer.beginTransaction()
          const sent = Promise.allSettled([
            transaction.sendOne(record('a')),
            transaction.sendOffsets('g', [{ topic: 't', partition: 0, offset: 5 }]),
          ])
          await sent
          await transaction.commit()
        }
        await world.time.until(work().catch(error => errors.push(error)))
        const fatal = world.events.find(event => event.kind === 'fatal')
        assert.ok(fatal?.kind === 'fatal')
        const fenced = name === 'PRODUCER_FENCED' || name === 'INVALID_PRODUCER_EPOCH'
        assert.ok(fatal.error instanceof (fenced ? ProducerFencedError : BrokerError), String(fatal.error))
        assert.match(fatal.error.message, new RegExp(name))
        assert.equal(errors.length, 1)
        assert.deepEqual(committed(world.cluster), [])
        assert.equal(await rejection(world.producer.beginTransaction()), fatal.error)
        await world.end()
      })
    }

    test('a newer producer of the same id takes over: the older one ends, and nothing of its transaction is read', async () => {
      const world = await startTransactional(version)
      const old = await begun(world, records('old', 3))
      await world.time.advance(10)
      const next = successor(world)
      const { transaction } = await begun({ time: world.time, producer: next }, records('new', 2))
      await world.time.until(transaction.commit())
      const error = await world.time.until(rejection(old.transaction.commit()))
      assert.ok(error instanceof ProducerFencedError)
      assert.match(error.message, /another producer with this `transactionalId` has taken over/)
      assert.deepEqual(committed(world.cluster), ['new0', 'new1'])
      await world.time.until(next.close())
      await world.end()
    })

    test('a transaction that is open for longer than transactionTimeoutMs is aborted; before version 2 that ends the producer', async () => {
      const world = await startTransactional(version, { producer: { transactionTimeoutMs: 5_000 } })
      const { transaction } = await begun(world, records('a', 3))
      await world.time.advance(6_000)
      const error = await world.time.until(rejection(transaction.commit()))
      assert.match(error.message, /`transactionTimeoutMs`/)
      if (version === 1) assert.ok(error instanceof ProducerFencedError)
      else {
        assert.ok(error instanceof TransactionAbortedError)
        const next = await begun(world, records('b', 1))
        await world.time.until(next.transaction.commit())
      }
      assert.deepEqual(committed(world.cluster), version === 1 ? [] : ['b0'])
      await world.end()
    })

    test('the coordinator moves between the decision and the markers', async () => {
      const world = await startTransactional(version, { cluster: { nodes: 3, coordinatorLoadMs: 300 } })
      const { cluster, time } = world
      for (const n of [0, 1, 2, 3]) {
        cluster.inject({ api: 'EndTxn', fault: { kind: 'slowMarkers', ms: 5_000 } })
        const { transaction } = await begun(world, records(`${n}.`, 2))
        const done = n % 2 === 0 ? transaction.commit() : transaction.abort()
        await time.advance(50)
        cluster.moveCoordinator(ID, (n % 3) + 1)
        await time.until(done)
      }
      await time.advance(10_000)
      assert.deepEqual(committed(cluster), ['0.0', '0.1', '2.0', '2.1'])
      await world.end()
    })

    for (const api of STEPS[version].slice(2)) {
      test(`${api} says that the coordinator has forgotten the id: aborted, and the producer takes it over again`, async () => {
        const world = await startTransactional(version)
        const { cluster, time } = world
        await copyTwice(world)
        cluster.inject({ api, fault: { kind: 'error', code: ErrorCode.INVALID_PRODUCER_ID_MAPPING } })
        const lost = await begun(world, records('lost', 2))
        const sent = lost.transaction.sendOffsets('g', [{ topic: 't', partition: 0, offset: 9 }])
        sent.catch(() => {})
        await time.advance(10)
        const error = await time.until(rejection(lost.transaction.commit()))
        assert.ok(error instanceof TransactionAbortedError)
        assert.equal(world.events.filter(({ kind }) => kind === 'producerId').length, 2)
        const next = await begun(world, records('next', 1))
        await time.until(next.transaction.commit())
        assert.equal(committed(cluster).at(-1), 'next0')
        await world.end()
      })
    }

    test('records that wait for their transaction fail with the reason, and abort it', async () => {
      const world = await startTransactional(version, {
        producer: { deliveryTimeoutMs: 5_000, requestTimeoutMs: 1_000 },
      })
      const { cluster, time } = world
      const open = await begun(world, records('a', 1))
      const outcomes = watch(of(records('b', 1)).pipe(world.producer.transactionally()))
      await time.advance(6_000)
      await time.until(open.transaction.commit())
      await time.advance(100)
      const { error } = outcomes
      assert.ok(error instanceof TransactionAbortedError && error.cause instanceof DeliveryTimeoutError)
      assert.match(error.message, /it was not sent; the transaction of these records has not begun to send/)
      assert.deepEqual(committed(cluster), ['a0'])
      await world.end()
    })

    test('an abort waits for what is in flight', async () => {
      const world = await startTransactional(version, { cluster: { replyDelayMs: 0 } })
      const { cluster, time } = world
      const first = await begun(world, records('a', 1))
      await time.until(first.transaction.commit())
      cluster.inject({ fault: { kind: 'delay', ms: 2_000 } })
      const { transaction, acks } = await begun(world, records('b', 2))
      await time.advance(100)
      let aborted = false
      const done = transaction.abort().then(() => {
        aborted = true
      })
      await time.advance(1_000)
      assert.equal(aborted, false)
      await time.until(done)
      assert.deepEqual(
        acks.map(({ kind }) => kind),
        ['acked', 'acked'],
      )
      assert.deepEqual(committed(cluster), ['a0'])
      await world.end()
    })

    test('an abort after a lost answer: nothing of it is read, though it was appended, and the next transaction has another epoch', async () => {
      const world = await startTransactional(version)
      const { cluster, time } = world
      const first = await begun(world, records('a', 1))
      await time.until(first.transaction.commit())
      cluster.inject({ fault: { kind: 'neverAnswer' } })
      const lost = await begun(world, records('b', 2))
      await time.advance(100)
      await time.until(lost.transaction.abort())
      assert.deepEqual(
        lost.acks.map(ack => ack.kind === 'failed' && ack.persisted),
        ['maybe', 'maybe'],
      )
      const next = await begun(world, records('c', 2))
      await time.until(next.transaction.commit())
      assert.deepEqual(committed(cluster), ['a0', 'c0', 'c1'])
      const epochs = new Set(cluster.batches('t', 0).map(({ producerEpoch }) => producerEpoch))
      assert.ok(epochs.size > 1)
      await world.end()
    })

    test('close() gives up a commit that nobody answers, when its time is over', async () => {
      const world = await startTransactional(version)
      const { cluster, time } = world
      const { transaction } = await begun(world, records('a', 1))
      await time.advance(10)
      cluster.inject({ api: 'EndTxn', fault: { kind: 'neverAnswer' }, times: 100 })
      const error = rejection(transaction.commit())
      await time.advance(10)
      await time.until(world.producer.close({ timeoutMs: 3_000 }))
      assert.match((await error).message, /closed before brokers had answered: `timeoutMs` \(3000\) is over/)
      await world.end()
    })
  })
}

/** The in-flight window across transactions: the epoch of the next one (transaction.version 2) needs no probe. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode } from '../../../src/protocol/error-codes.js'
import { BATCH_HEADER_SIZE } from '../../../src/protocol/records/record-batch.js'
import type { Fault } from '../../../src/testing/index.js'
import type { World } from '../../support/world.js'
import { begun, committed, ID, records, startTransactional, VERSIONS } from './support.js'

const RTT = 10
const start = (version: (typeof VERSIONS)[number]): Promise<World> =>
  startTransactional(version, {
    cluster: { topics: { t: { partitions: 1 } }, replyDelayMs: RTT, nodes: 2 },
    // One record a batch.
    producer: { batchSize: BATCH_HEADER_SIZE + 1, linger: 0, retryBackoffMs: 20 },
  })

/** Runs a transaction to its commit; returns how long that took, in virtual time, from when its records were sent. */
async function transact(world: World, prefix: string, count = 8): Promise<number> {
  const { transaction } = await begun(world)
  const before = world.time.now()
  transaction.publish(records(prefix, count)).subscribe()
  await world.time.advance(0)
  await world.time.until(transaction.commit())
  return world.time.now() - before
}

const values = (prefix: string, count = 8): string[] => records(prefix, count).map(({ value }) => String(value))

/** What the leader of the partition goes through between two transactions. */
const BETWEEN: Readonly<Record<string, (world: World) => void>> = {
  nothing() {},
  'another leader': ({ cluster }) => cluster.moveLeader('t', 0, 3 - cluster.leader('t', 0)),
  'records deleted': ({ cluster }) => cluster.deleteRecords('t', 0, 9n),
  'a restart': ({ cluster }) => cluster.reloadProducers('t', 0),
  'the marker lost': ({ cluster }) => cluster.truncate('t', 0, 8n),
  'half of the log lost': ({ cluster }) => cluster.truncate('t', 0, 4n),
  'the whole log lost': ({ cluster }) => cluster.truncate('t', 0, 0n),
  'the producer forgotten': ({ cluster }) => cluster.forgetProducer('t', 0),
}

const FAULTS: readonly Fault[] = [
  { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS },
  { kind: 'error', code: ErrorCode.NOT_LEADER_OR_FOLLOWER },
  { kind: 'error', code: ErrorCode.CONCURRENT_TRANSACTIONS },
  { kind: 'errorAfterAppend', code: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND },
  { kind: 'appendThenDrop' },
  { kind: 'dropBeforeAppend' },
  { kind: 'carryOutLate', ms: 50 },
]

for (const version of VERSIONS) {
  describe(`transaction.version ${version}`, () => {
    test('four requests are in flight from the beginning of a transaction, once its partition is known to the leader', async () => {
      const world = await start(version)
      await transact(world, 'a')
      const ms = await transact(world, 'b')
      // Version 1 adds the partition with a request of its own.
      const added = version === 1 ? RTT : 0
      assert.equal(ms, added + (8 / 4) * RTT + RTT)
      assert.deepEqual(committed(world.cluster), [...values('a'), ...values('b')])
      await world.end()
    })
  })
}

for (const [what, change] of Object.entries(BETWEEN)) {
  for (const fault of FAULTS) {
    const named = fault.kind === 'error' ? `error ${fault.code}` : fault.kind
    test(`${what}, then ${named} at the first requests of an epoch: both transactions are read whole, once, in order`, async () => {
      for (const after of [0, 1, 2, 3]) {
        for (const times of [1, 2]) {
          const world = await start(2)
          await transact(world, 'a')
          change(world)
          world.cluster.inject({ fault, after, times, transactionalId: ID })
          await transact(world, 'b')
          await transact(world, 'c')
          const read = committed(world.cluster).filter(value => !value.startsWith('a'))
          assert.deepEqual(read, [...values('b'), ...values('c')], `after ${after}, ${times} times`)
          await world.end()
        }
      }
    })
  }
}

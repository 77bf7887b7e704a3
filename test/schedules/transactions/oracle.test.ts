import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { LogHistory, TransactionHistory, TransactionStory } from './history.js'
import { findings } from './oracle.js'
import { run } from './run.js'
import type { TransactionSchedule } from './schedule.js'

const BURSTS = [{ wait: 0, count: 2, topic: 't0', to: 0, size: 5 }] as const

/** Three transactions, of which the second one is aborted; then a window of another instance. */
const SCHEDULE: TransactionSchedule = {
  seed: 1,
  cluster: {
    nodes: 2,
    transactionVersion: 2,
    partitions: [1],
    replyDelayMs: 1,
    latencyMs: 1,
    markerDelayMs: 5,
    coordinatorLoadMs: 0,
    strictFirstSequence: true,
  },
  producer: { maxInFlight: 4, transactionTimeoutMs: 900_000 },
  instances: [
    {
      startsAt: 0,
      works: [
        { kind: 'imperative', by: 'send', end: 'commit', bursts: BURSTS, offsets: [0], position: true },
        { kind: 'imperative', by: 'publish', end: 'abort', bursts: BURSTS, offsets: [0], position: true },
        { kind: 'operator', onAborted: 'end', values: [{ source: 'hot', wait: 0, bursts: BURSTS, offsets: [0] }] },
      ],
    },
    { startsAt: 2_000, works: [{ kind: 'imperative', by: 'send', end: 'commit', bursts: BURSTS }] },
  ],
  steps: [],
}

let honest: TransactionHistory

before(async () => {
  honest = await run(SCHEDULE)
})

/** What the oracle finds in the honest history, changed. */
function found(change: Partial<TransactionHistory>): string {
  return findings({ ...honest, ...change }).join('\n')
}

function withLog(change: (log: LogHistory) => Partial<LogHistory>): Partial<TransactionHistory> {
  return { logs: honest.logs.map(log => ({ ...log, ...change(log) })) }
}

function withStory(index: number, change: Partial<TransactionStory>): Partial<TransactionHistory> {
  return { transactions: honest.transactions.map((story, i) => (i === index ? { ...story, ...change } : story)) }
}

test('nothing is wrong with an honest run, and both instances had their turn', () => {
  assert.deepEqual(findings(honest), [])
  assert.deepEqual(
    honest.transactions.slice(0, 4).map(({ told }) => told),
    ['committed', 'aborted', 'committed', 'committed'],
  )
})

test('T1 to T3: a transaction is not whole, or is there though it was aborted', () => {
  assert.match(found(withLog(({ committed }) => ({ committed: committed.slice(1) }))), /^T1: records 0 .* missing/m)
  assert.match(found(withLog(({ all }) => ({ all: [...all, all[0]!] }))), /^T1: record 0 is stored 2 times/m)
  assert.match(found(withLog(({ committed }) => ({ committed: [0, 1, 2, ...committed.slice(2)] }))), /^T2: records 2 /m)
  assert.match(found(withStory(0, { told: 'aborted' })), /^T2: records 0,1 can be read/m)
  assert.match(
    found(withStory(0, { abortSaid: 'aborted' })),
    /^T2: transaction 0 was committed, and abort\(\) said aborted/m,
  )
  const inPart = {
    ...withLog(({ committed }) => ({ committed: committed.slice(1) })),
    ...withStory(0, { told: 'error' }),
  }
  assert.match(found(inPart), /^T3: records 0 of transaction 0 are missing, and 1 are there/m)
})

test('T4 and T8: transactions, or instances, are in another order', () => {
  assert.match(found(withLog(({ committed }) => ({ committed: committed.toReversed() }))), /^T8: [\s\S]*^T4: /m)
  assert.match(found(withStory(5, { told: 'error' })), /^T10: /m)
})

test('T5: offsets or the position are those of another transaction', () => {
  assert.match(found({ offsets: new Map([[0, 1]]) }), /^T5: the offset of t0-0 is 1, not 3/m)
  assert.match(found({ position: 'p1' }), /^T5: the position is p1, not p0/m)
})

test('T6: a record has no terminal event, two, or another one', () => {
  assert.match(found({ settled: honest.settled.slice(1) }), /^T6: record 0 has 0 terminal events/m)
  assert.match(found({ settled: [...honest.settled, honest.settled[0]!] }), /^T6: record 0 has 2 terminal events/m)
  assert.match(found({ settled: honest.settled.toReversed() }), /^T6: in t0-0 record 0 is acked behind record/m)
})

test('T7, T9 and T10: something is left, the window is too wide, or a transaction has no reason', () => {
  assert.match(found({ left: { bytes: 1, connections: 0, timers: 0 } }), /^T7: 1 bytes are left/m)
  assert.match(found({ hanging: ['a work'] }), /^T7: a work/m)
  const narrow = { ...honest.schedule, producer: { ...honest.schedule.producer, maxInFlight: 0 } }
  assert.match(found({ schedule: narrow }), /^T9: i0: 2: 1 requests are open/m)
  const cause = { name: 'BrokerError', message: 'no', code: 7 }
  assert.match(found(withStory(0, { told: 'aborted', cause })), /^T10: transaction 0 was aborted without a reason/m)
})

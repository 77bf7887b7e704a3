import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { explain } from './explain.js'
import { runMany } from './many.js'

/** What has to happen, and how often at least: a run in which it does not proves little. */
const EXPECTED: Readonly<Record<string, number>> = {
  acked: 50_000,
  'failed, persisted no': 5_000,
  'failed, persisted maybe': 300,
  'expired unsent': 500,
  'expired after it was sent': 100,
  retrying: 2_000,
  epochBumped: 200,
  dataLoss: 100,
  'new producer id': 10,
  'partition recreated': 20,
  'may be in a topic that is no more': 10,
  'duplicate found by R1': 500,
  'rejected by R4': 100,
  'rejected by R5': 50,
  'records refused': 500,
  'records named': 50,
  'sent back to the bootstrap list': 30,
  'closed as idle by the producer': 100,
  'closed as idle by the broker': 100,
  unsubscribed: 50,
  'flush()': 100,
  'fault error': 300,
  'fault errorAfterAppend': 200,
  'fault answerEntries': 100,
  'fault delay': 30,
  'fault neverAnswer': 50,
  'fault appendThenDrop': 100,
  'fault dropBeforeAppend': 50,
  'fault cutReply': 30,
  'fault throttle': 30,
  'fault hostileBytes': 30,
  'fault slowDrain': 30,
  'fault carryOutLate': 30,
  'fault staleMetadata': 10,
}

test('row 32: 2,000 seeded random schedules: I1 to I6 hold, and the invariants of the window', async t => {
  const { coverage, failures } = await runMany({ seed: 0, schedules: 2_000, workers: availableParallelism() })
  if (failures.length > 0) assert.fail(await explain(failures[0]!))
  t.diagnostic(
    Object.entries(coverage)
      .map(([name, times]) => `${name} ${times}`)
      .join(', '),
  )
  assert.equal(coverage.schedules, 2_000)
  for (const [name, least] of Object.entries(EXPECTED)) {
    assert.ok((coverage[name] ?? 0) >= least, `${name}: ${coverage[name] ?? 0} times, expected ${least} at least`)
  }
})

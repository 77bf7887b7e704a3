import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { explain } from './explain.js'
import { runMany } from './many.js'

/** What has to happen, and how often at least: a run in which it does not proves little. */
const EXPECTED: Readonly<Record<string, number>> = {
  acked: 20_000,
  'failed, persisted no': 2_000,
  'failed, persisted maybe': 200,
  'expired unsent': 200,
  'expired after it was sent': 100,
  retrying: 2_000,
  epochBumped: 300,
  dataLoss: 20,
  'new producer id': 20,
  'duplicate found by R1': 300,
  'rejected by R2': 1,
  'rejected by R4': 300,
  unsubscribed: 50,
  'flush()': 100,
  'fault error': 500,
  'fault errorAfterAppend': 300,
  'fault answerEntries': 100,
  'fault delay': 100,
  'fault neverAnswer': 50,
  'fault appendThenDrop': 200,
  'fault dropBeforeAppend': 100,
  'fault cutReply': 100,
  'fault throttle': 100,
  'fault hostileBytes': 100,
  'fault slowDrain': 50,
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

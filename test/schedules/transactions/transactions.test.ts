import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { explain } from '../explain.js'
import { runMany } from '../many.js'
import { SUITES } from '../suites.js'

/** What has to happen, and how often at least: a run in which it does not proves little. */
const EXPECTED: Readonly<Record<string, number>> = {
  'transaction.version 1': 100,
  'transaction.version 2': 100,
  acked: 5_000,
  'imperative committed': 200,
  'imperative aborted': 50,
  'abort() while commit(): aborted': 20,
  'abort() while commit(): committed': 2,
  'operator committed': 200,
  'operator aborted': 50,
  'probe committed': 300,
  'offsets committed': 100,
  'position committed': 100,
  'because of ProducerFencedError': 50,
  'because of BrokerError': 5,
  'because of DeliveryTimeoutError': 1,
  'because of SourceError': 10,
  'because of InvalidRecordError': 10,
  'because of TransactionEndedError': 10,
  'because of BufferFullError': 5,
  'another instance took over': 30,
  'the coordinator timed a transaction out': 2,
  'more than one request in flight': 50,
  'topic recreated': 5,
  retrying: 100,
  fatal: 30,
  'duplicate found by R1': 10,
  'fault error': 30,
  'fault errorAfterAppend': 10,
  'fault slowMarkers': 1,
  'fault neverAnswer': 5,
  'fault appendThenDrop': 10,
  'fault dropBeforeAppend': 3,
  'fault carryOutLate': 5,
  'fault cutReply': 5,
  'fault delay': 5,
}

test('row 41: 300 seeded random schedules of transactions: T1 to T10 hold', async t => {
  const suite = SUITES.transactions
  const { coverage, failures } = await runMany({
    suite: suite.name,
    seed: 0,
    schedules: 300,
    workers: availableParallelism(),
  })
  if (failures.length > 0) assert.fail(await explain(failures[0]!, suite))
  t.diagnostic(
    Object.entries(coverage)
      .map(([name, times]) => `${name} ${times}`)
      .join(', '),
  )
  assert.equal(coverage.schedules, 300)
  for (const [name, least] of Object.entries(EXPECTED)) {
    assert.ok((coverage[name] ?? 0) >= least, `${name}: ${coverage[name] ?? 0} times, expected ${least} at least`)
  }
})

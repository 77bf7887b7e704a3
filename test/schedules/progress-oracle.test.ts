import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import type { TraceEntry } from '../../src/testing/index.js'
import type { Disturbance, History, Offered, Settled } from './history.js'
import { progressFindings } from './progress-oracle.js'
import { run } from './run.js'
import type { Schedule } from './schedule.js'

/** A run in which nothing goes wrong. */
const SCHEDULE: Schedule = {
  seed: 1,
  cluster: { nodes: 1, partitions: [2], replyDelayMs: 5, latencyMs: 1, strictFirstSequence: false },
  producer: { requestTimeoutMs: 1_000, deliveryTimeoutMs: 30_000 },
  streams: [{ by: 'send', end: 'complete', bursts: [{ wait: 0, count: 4, topic: 't0', to: 0, size: 5 }] }],
  steps: [],
}
const EXPIRED_AT = 60_000

let honest: History

before(async () => {
  honest = await run(SCHEDULE)
})

interface Doctoring {
  readonly offered?: Partial<Offered>
  readonly settled?: Partial<Settled>
  readonly trace?: readonly object[]
  readonly history?: Partial<History>
}

/** The honest history, but for one record that expired at 60 s: what the oracle finds. */
function found({ offered = {}, settled = {}, trace = [], history = {} }: Doctoring = {}): number {
  const record: Offered = { stream: 0, topic: 't0', at: 30_000, line: 'partition 0', ...offered }
  const expired: Settled = {
    ...{ number: honest.offered.length, stream: 0, at: EXPIRED_AT, kind: 'failed', persisted: 'no', attempts: 0 },
    ...{ error: 'DeliveryTimeoutError', partition: 0 },
    ...settled,
  }
  return progressFindings({
    ...honest,
    offered: [...honest.offered, record],
    settled: [...honest.settled, expired],
    trace: [...honest.trace, ...(trace as TraceEntry[])],
    ...history,
  }).length
}

const disturbed = (from: number, until: number): { history: { disturbances: Disturbance[] } } => ({
  history: { disturbances: [{ from, until }] },
})

test('an honest run has no finding, and a record that expires without a reason is one', () => {
  assert.deepEqual(progressFindings(honest), [])
  assert.equal(found(), 1)
  assert.equal(found({ settled: { persisted: 'maybe', attempts: 3 } }), 1)
  assert.equal(found({ settled: { error: 'BrokerError' } }), 0)
})

test('brokers that were away, or a step, are a reason until the producer can have recovered', () => {
  assert.equal(found(disturbed(40_000, EXPIRED_AT)), 0)
  assert.equal(found(disturbed(EXPIRED_AT - 1_000, EXPIRED_AT - 1_000)), 0)
  assert.equal(found(disturbed(31_000, 40_000)), 1)
  assert.equal(found(disturbed(EXPIRED_AT + 1, EXPIRED_AT + 1)), 1)
})

test('a fault that struck is a reason: for as long as it lasts', () => {
  const fault = (at: number, fault: object): object => ({ kind: 'fault', at, node: 1, connection: 7, fault })
  assert.equal(found({ trace: [fault(EXPIRED_AT - 5_000, { kind: 'neverAnswer' })] }), 0)
  assert.equal(found({ trace: [fault(31_000, { kind: 'neverAnswer' })] }), 1)
  assert.equal(found({ trace: [fault(31_000, { kind: 'throttle', ms: 25_000 })] }), 0)
  assert.equal(found({ trace: [fault(48_000, { kind: 'staleMetadata' })] }), 0)
  const slow = fault(31_000, { kind: 'slowDrain', bytesPerSecond: 1 })
  assert.equal(found({ trace: [slow] }), 0)
  const ended = (connection: number): object => ({ kind: 'disconnected', at: 32_000, node: 1, connection })
  assert.equal(found({ trace: [slow, ended(7)] }), 1)
  assert.equal(found({ trace: [slow, ended(8)] }), 0)
})

test('a partition that brokers had batches of until then had too much to send', () => {
  for (const kind of ['appended', 'duplicate', 'rejected']) {
    const entry = { kind, at: EXPIRED_AT - 500, node: 1, connection: 1, topic: 't0', partition: 0 }
    assert.equal(found({ trace: [entry] }), 0)
    assert.equal(found({ trace: [{ ...entry, partition: 1 }] }), 1)
    assert.equal(found({ trace: [{ ...entry, topic: 't1' }] }), 1)
    assert.equal(found({ trace: [{ ...entry, at: EXPIRED_AT - 20_000 }] }), 1)
  }
})

test('a topic that was deleted, or a partition that never was, can have none of its records', () => {
  const deletion = { topic: 't0', at: 10_000, unsettled: new Set<number>(), from: 0 }
  assert.equal(found({ history: { deletions: [deletion] } }), 0)
  assert.equal(found({ history: { deletions: [{ ...deletion, topic: 't1' }] } }), 1)
  assert.equal(found({ history: { deletions: [{ ...deletion, at: EXPIRED_AT + 1 }] } }), 1)
  assert.equal(found({ offered: { line: 'partition 2' } }), 0)
  assert.equal(found({ offered: { line: 'partition 1' } }), 1)
})

test('a record that had no time to be sent proves nothing', () => {
  assert.equal(found({ offered: { at: EXPIRED_AT - 1_000 } }), 0)
})

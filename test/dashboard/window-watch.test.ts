import assert from 'node:assert/strict'
import { tracingChannel } from 'node:diagnostics_channel'
import { type TestContext, test } from 'node:test'
import type { LostRequest } from '../../src/dashboard/window-watch.js'
import { WindowWatch } from '../../src/dashboard/window-watch.js'
import type { ProduceTrace, ProduceTraceBatch } from '../../src/index.js'

const channel = tracingChannel<unknown, ProduceTrace>('rx-kafka:produce')
const me = {}

function watch(t: TestContext): { watch: WindowWatch; lost: LostRequest[]; clock: { now: number } } {
  const lost: LostRequest[] = []
  const clock = { now: 0 }
  const made = new WindowWatch(
    me,
    () => clock.now,
    request => lost.push(request),
  )
  t.after(() => made.stop())
  return { watch: made, lost, clock }
}

const batch = (baseSequence: number, given: Partial<ProduceTraceBatch> = {}): ProduceTraceBatch => ({
  topic: 't',
  partition: 0,
  count: 10,
  bytes: 100,
  attempt: 1,
  producerEpoch: 0,
  baseSequence,
  records: [],
  ...given,
})

function send(batches: ProduceTraceBatch[], given: Partial<ProduceTrace> = {}): ProduceTrace {
  const message = { producer: me, clientId: 'me', nodeId: 1, address: 'h:1', batches, ...given }
  channel.start.publish(message)
  return message
}

type Outcome = bigint | 'rejected'

function answer(message: ProduceTrace, ...outcomes: Outcome[]): void {
  message.results = outcomes.map(outcome =>
    outcome === 'rejected' ? { baseOffset: -1n, error: new Error(outcome) } : { baseOffset: outcome, error: undefined },
  )
  channel.asyncEnd.publish(message)
}

const returned = (watch: WindowWatch): [number, boolean][] =>
  watch.partition('t', 0).returned.map(({ firstSequence, stored }) => [firstSequence, stored])

test('requests are in flight from when they start to when they end, oldest first, each with its age', t => {
  const { watch: seen, clock } = watch(t)
  const first = send([batch(0), batch(5, { partition: 1, bytes: 20 })])
  clock.now = 7
  send([batch(10)])
  const [one, two] = seen.inFlight().get(1)!
  assert.deepEqual([one!.ageMs, one!.bytes, two!.ageMs, two!.bytes], [7, 120, 0, 100])
  assert.deepEqual(
    one!.batches.map(({ partition, firstSequence, lastSequence }) => [partition, firstSequence, lastSequence]),
    [
      [0, 0, 9],
      [1, 5, 14],
    ],
  )
  answer(first, 0n, 0n)
  assert.deepEqual(
    seen
      .inFlight()
      .get(1)!
      .map(({ id }) => id),
    [2],
  )
  assert.deepEqual([seen.partition('t', 0).acked, seen.partition('t', 0).lastOffset], [10, '9'])
  assert.deepEqual(seen.answered, { requests: 1, latencyMs: 7 })
})

test("another producer's requests are not seen, whatever its client id", t => {
  const { watch: seen } = watch(t)
  answer(send([batch(0)], { producer: {} }), 0n)
  assert.equal(seen.inFlight().size, 0)
  assert.equal(seen.partition('t', 0).acked, 0)
})

test('rejected batches come back in order, and leave when they are sent again', t => {
  const { watch: seen } = watch(t)
  const sent = [0, 10, 20].map(sequence => send([batch(sequence)]))
  for (const one of sent) answer(one, 'rejected')
  assert.deepEqual(returned(seen), [
    [0, false],
    [10, false],
    [20, false],
  ])
  const again = send([batch(0, { attempt: 2 })])
  assert.deepEqual(returned(seen), [
    [10, false],
    [20, false],
  ])
  answer(again, 0n)
  assert.equal(seen.partition('t', 0).acked, 10)
  assert.deepEqual(returned(seen), [
    [10, false],
    [20, false],
  ])
})

test('a batch that is stored behind one that is not waits for it with its ack', t => {
  const { watch: seen } = watch(t)
  const [first, second] = [send([batch(0)]), send([batch(10)])]
  answer(first, 'rejected')
  answer(second, 10n)
  assert.deepEqual(returned(seen), [
    [0, false],
    [10, true],
  ])
  answer(send([batch(0, { attempt: 2 })]), 0n)
  assert.deepEqual(returned(seen), [])
})

test('a lost request is told, and its batches come back', t => {
  const { watch: seen, lost } = watch(t)
  const message = send([batch(0), batch(0, { partition: 1 })])
  message.error = new Error('the connection was closed')
  channel.asyncEnd.publish(message)
  assert.deepEqual(
    lost.map(({ nodeId, batches, why }) => [nodeId, batches.length, why]),
    [[1, 2, 'the connection was closed']],
  )
  assert.deepEqual(returned(seen), [[0, false]])
  assert.equal(seen.answered.requests, 0)
})

test('sequences start again at 0 after 2147483647: the batch behind that is the later one', t => {
  const { watch: seen } = watch(t)
  const last = 2 ** 31 - 4
  const [first, second] = [send([batch(last)]), send([batch(6)])]
  assert.deepEqual(
    seen
      .inFlight()
      .get(1)!
      .map(({ batches: [one] }) => [one!.firstSequence, one!.lastSequence]),
    [
      [last, 5],
      [6, 15],
    ],
  )
  answer(first, 'rejected')
  answer(second, 10n)
  assert.deepEqual(returned(seen), [
    [last, false],
    [6, true],
  ])
})

test('a batch that is sent again in a new epoch, under a new sequence, is the first that came back', t => {
  const { watch: seen } = watch(t)
  const sent = [20, 30].map(sequence => send([batch(sequence)]))
  for (const one of sent) answer(one, 'rejected')
  send([batch(0, { attempt: 2, producerEpoch: 1 })])
  assert.deepEqual(returned(seen), [[30, false]])
})

test('topics whose names look like a partition of another are kept apart', t => {
  const { watch: seen } = watch(t)
  answer(send([batch(0, { topic: '1 t', partition: 1 })]), 0n)
  assert.equal(seen.partition('t', 1).acked, 0)
  assert.equal(seen.partition('1 t', 1).acked, 10)
})

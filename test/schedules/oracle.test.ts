import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type { TraceEntry } from '../../src/testing/index.js'
import type { History, Settled } from './history.js'
import { findings } from './oracle.js'
import { run } from './run.js'
import type { Schedule } from './schedule.js'

/** A run in which nothing goes wrong but a lost answer and an ambiguous one: four batches in flight, two partitions, two streams. */
const SCHEDULE: Schedule = {
  seed: 1,
  cluster: { nodes: 2, partitions: [2], replyDelayMs: 5, latencyMs: 1, strictFirstSequence: false },
  producer: { maxInFlight: 4, batchSize: 1, requestTimeoutMs: 1000, deliveryTimeoutMs: 10_000 },
  streams: [
    { by: 'send', end: 'complete', bursts: [0, 30, 60].map(wait => ({ wait, count: 4, topic: 't0', to: 0, size: 5 })) },
    { by: 'send', end: 'complete', bursts: [{ wait: 5, count: 6, topic: 't0', to: 1, size: 5 }] },
  ],
  steps: [
    { wait: 0, do: 'inject', rule: { topic: 't0', partition: 0, after: 3, fault: { kind: 'appendThenDrop' } } },
    { wait: 20, do: 'flush' },
    { wait: 1000, do: 'startAll' },
  ],
}

let honest: History

before(async () => {
  honest = await run(SCHEDULE)
})

/** The honest history, changed: everything that the oracle then finds. */
function doctored(change: Partial<History>): string[] {
  return findings({ ...honest, ...change })
}

function only(found: readonly string[], ...patterns: RegExp[]): void {
  assert.equal(found.length, patterns.length, found.join('\n'))
  for (const [i, pattern] of patterns.entries()) assert.match(found[i]!, pattern)
}

/** The terminal event of a record, changed. */
function settledWith(number: number, change: Partial<Settled>): readonly Settled[] {
  return honest.settled.map(one => (one.number === number ? { ...one, ...change } : one))
}

/** The log of partition 0, changed. */
function logWith(change: (records: History['logs'][number]['records']) => History['logs'][number]['records']) {
  return { logs: honest.logs.map(log => (log.partition === 0 ? { ...log, records: change(log.records) } : log)) }
}

test('nothing is wrong with an honest run, and it had what the others are made of', () => {
  assert.deepEqual(findings(honest), [])
  assert.ok(honest.trace.some(({ kind }) => kind === 'duplicate'))
  assert.ok(honest.settled.length > 18)
})

describe('what was stored', () => {
  test('a record is lost', () => {
    only(doctored(logWith(records => records.slice(1))), /^I1: record 0 is acked and not readable/)
  })

  test('one that a step took out of the log is not', () => {
    assert.deepEqual(doctored({ ...logWith(records => records.slice(1)), removed: new Set([0]) }), [])
  })

  test('a record is stored twice', () => {
    const twice = logWith(records => [...records, { number: records.at(-1)!.number, offset: 99 }])
    only(doctored(twice), /^I2: record \d+ is stored 2 times/)
  })

  test('two records are swapped', () => {
    const swapped = logWith(([a, b, ...rest]) => [b!, a!, ...rest])
    only(doctored(swapped), /^I3: in t0-0 record 0 is stored behind record 1/)
  })

  test('swapped records are excused only where they were under way when the leader forgot the producer', () => {
    const swapped = logWith(([a, b, ...rest]) => [b!, a!, ...rest])
    const forgotten = { topic: 't0', partition: 0, unsettled: new Set([0]), from: 5, until: 5 }
    assert.deepEqual(doctored({ ...swapped, amnesia: [forgotten] }), [])
    for (const other of [
      { unsettled: new Set([1]) },
      { partition: 1 },
      { topic: 't1' },
      // Nothing was stored between then and now.
      { until: undefined },
    ]) {
      only(doctored({ ...swapped, amnesia: [{ ...forgotten, ...other }] }), /^I3/)
    }
    const strict = { ...SCHEDULE, cluster: { ...SCHEDULE.cluster, strictFirstSequence: true } }
    only(doctored({ ...swapped, amnesia: [forgotten], schedule: strict }), /^I3/)
  })

  test('an ack without an offset for what is not there is excused only where the leader forgot the producer', () => {
    const lost = {
      ...logWith(records => records.slice(1)),
      settled: settledWith(0, { offset: -1 }),
      appended: honest.appended.filter(({ number }) => number !== 0),
    }
    only(doctored(lost), /^I1: record 0 is acked and not readable/)
    const forgotten = { topic: 't0', partition: 0, unsettled: new Set([0]), from: 5, until: 5 }
    assert.deepEqual(doctored({ ...lost, amnesia: [forgotten] }), [])
    only(doctored({ ...lost, amnesia: [{ ...forgotten, unsettled: new Set([1]) }] }), /^I1/)
    only(doctored({ ...lost, settled: honest.settled, amnesia: [forgotten] }), /^I1/)
  })

  test('out of order is excused where the user was warned, and the record was stored under a producer id that was given up', () => {
    const swapped = logWith(([a, b, ...rest]) => [b!, a!, ...rest])
    const warned = settledWith(0, { kind: 'failed', persisted: 'maybe', attempts: 1 })
    const appended = honest.trace.find(entry => entry.kind === 'appended' && entry.topic === 't0')!
    const newer = { ...appended, partition: 0, producerId: 2000n, baseOffset: 5000n } as TraceEntry
    const findingsOf = (change: Partial<History>): string[] =>
      doctored({ ...swapped, ...change }).filter(found => found.startsWith('I3: in t0-0 record 0 is stored'))
    assert.equal(findingsOf({ settled: warned, trace: [newer, ...honest.trace] }).length, 0)
    assert.equal(findingsOf({ trace: [newer, ...honest.trace] }).length, 1)
    assert.equal(findingsOf({ settled: warned }).length, 1)
  })

  test('a record that nobody sent', () => {
    only(
      doctored(logWith(records => [...records, { number: 4711, offset: 99 }])),
      /^I1: t0-0@99 holds what nobody sent/,
    )
  })

  test('an ack with a wrong offset, and one with a wrong partition', () => {
    only(doctored({ settled: settledWith(0, { offset: 77 }) }), /^I1: record 0 is acked at 0@77, but stored at 0@0/)
    only(doctored({ settled: settledWith(0, { partition: 1, offset: -1 }) }), /^I1: record 0 is acked at 1@-1/)
  })

  test('an ack with an unknown offset is fine', () => {
    assert.deepEqual(doctored({ settled: settledWith(0, { offset: -1 }) }), [])
  })

  test("a record that failed as 'no' is there", () => {
    only(doctored({ settled: settledWith(0, { kind: 'failed', persisted: 'no', attempts: 1 }) }), /^I4: record 0/)
    assert.deepEqual(doctored({ settled: settledWith(0, { kind: 'failed', persisted: 'maybe', attempts: 1 }) }), [])
  })

  test('acks in another order than the records', () => {
    const [a, b] = [0, 1].map(number => honest.settled.find(one => one.number === number)!)
    const swapped = honest.settled.map(one => (one === a ? b! : one === b ? a! : one))
    only(doctored({ settled: swapped }), /^I3: in t0-0 record 0 is acked behind record 1/)
  })
})

describe('what the user was told', () => {
  test('two acks', () => {
    const found = doctored({ settled: [honest.settled[0]!, ...honest.settled] })
    assert.ok(found.includes('I5: record 0 has 2 terminal events'), found.join('\n'))
  })

  test('none', () => {
    const found = doctored({ settled: honest.settled.filter(({ number }) => number !== 0) })
    assert.ok(found.includes('I5: record 0 has no terminal event'), found.join('\n'))
  })

  test('nobody listened: then it is not told', () => {
    const streams = honest.streams.map((stream, i) => (i === 0 ? { unsubscribedAt: 500, ends: [] } : stream))
    assert.deepEqual(doctored({ streams, settled: honest.settled.filter(({ stream }) => stream !== 0) }), [])
  })

  test('a millisecond late', () => {
    const due = honest.offered[0]!.at + 10_000
    assert.deepEqual(doctored({ settled: settledWith(0, { at: due }) }), [])
    only(doctored({ settled: settledWith(0, { at: due + 1 }) }), /^I5: record 0 is settled after 10001 ms/)
  })

  test('in another stream', () => {
    const found = doctored({ settled: settledWith(0, { stream: 1 }) })
    assert.ok(found.includes('I5: record 0 of stream 0 is settled in 1'), found.join('\n'))
  })

  test("'maybe', though it was never sent", () => {
    const settled = settledWith(0, { kind: 'failed', persisted: 'maybe', attempts: 0 })
    only(doctored({ settled }), /^I5: record 0 was never sent/)
  })
})

describe('ends', () => {
  const streamsWith = (change: Partial<History['streams'][number]>): Partial<History> => ({
    streams: honest.streams.map((stream, i) => (i === 0 ? { ...stream, ...change } : stream)),
  })

  test('a stream that does not end, and one that ends twice', () => {
    const { ends } = honest.streams[0]!
    only(doctored(streamsWith({ ends: [] })), /^I6: stream 0 ended 0 times/)
    only(doctored(streamsWith({ ends: [...ends, ...ends] })), /^I6: stream 0 ended 2 times/)
  })

  test('a stream that ends before its last ack', () => {
    const early = { ...honest.streams[0]!.ends[0]!, settledBefore: 1 }
    only(doctored(streamsWith({ ends: [early] })), /^I6: stream 0 ended before its last record/)
  })

  test('a stream that errors without a reason', () => {
    const end = honest.streams[0]!.ends[0]!
    only(
      doctored(streamsWith({ ends: [{ ...end, kind: 'errored', error: 'Error' }] })),
      /^I6: stream 0 errored with Error/,
    )
  })

  test('a flush() that resolves too early, and one that never does', () => {
    const [flush, close] = honest.calls
    assert.ok(flush?.kind === 'flush' && flush.offeredBefore > 0 && close?.kind === 'close')
    const early = doctored({ calls: [{ ...flush, settledBefore: 0 }, close] })
    assert.equal(early.length, flush.offeredBefore)
    only(doctored({ calls: [{ ...flush, settledBefore: undefined }, close] }), /^I6: flush\(\) did not resolve/)
    only(doctored({ calls: [flush] }), /^I6: the producer was not closed/)
  })

  test('leaks', () => {
    only(doctored({ left: { bytes: 1, connections: 2, timers: 3 } }), /1 bytes/, /2 connections/, /3 timers/)
  })

  test('too much memory, and a partition that is stuck', () => {
    only(doctored({ mostBytes: 33_554_433 }), /^23: 33554433 bytes/)
    only(doctored({ stuck: ['t0-1'] }), /^I6: nothing goes through t0-1/)
  })

  test('an interceptor that gets no ack', () => {
    only(doctored({ intercepted: ['no onAck'] }), /^17: no onAck$/)
  })
})

describe('the window', () => {
  type Request = Extract<TraceEntry, { kind: 'request' }>
  type Batches = NonNullable<Request['batches']>
  const at = { at: 0, node: 1, connection: 1 }
  const batch = (baseSequence: number, change: Partial<Batches[number]> = {}): Batches[number] => ({
    topic: 't0',
    partition: 0,
    producerId: 1000n,
    producerEpoch: 0,
    baseSequence,
    count: 1,
    crc: baseSequence,
    ...change,
  })
  const request = (correlationId: number, batches: Batches, change: object = {}): TraceEntry => ({
    kind: 'request',
    clientId: null,
    api: 'Produce',
    version: 12,
    correlationId,
    batches,
    ...at,
    ...change,
  })
  const appended = (one: Batches[number], change: object = {}): TraceEntry => ({
    kind: 'appended',
    baseOffset: 0n,
    ...at,
    ...one,
    ...change,
  })
  const rejected = (one: Batches[number], errorCode = 19): TraceEntry => ({
    kind: 'rejected',
    rule: 'fault',
    errorCode,
    ...at,
    ...one,
  })
  const answered = (correlationId: number, change: object = {}): TraceEntry => ({
    kind: 'answered',
    api: 'Produce',
    correlationId,
    ...at,
    ...change,
  })
  const stored = (correlationId: number, one: Batches[number]): TraceEntry[] => [
    request(correlationId, [one]),
    appended(one),
    answered(correlationId),
  ]
  const first = stored(0, batch(0))
  const sees = (...trace: TraceEntry[]): string[] => doctored({ trace })

  test('a window as it should be', () => {
    const four = [1, 2, 3, 4].map(i => request(i, [batch(i)]))
    assert.deepEqual(sees(...first, ...four), [])
    const retried = [request(1, [batch(1)]), rejected(batch(1)), answered(1), request(2, [batch(1)])]
    assert.deepEqual(sees(...first, ...retried), [])
  })

  test('2: five requests where four are allowed, and two batches of one partition', () => {
    const five = [1, 2, 3, 4, 5].map(i => request(i, [batch(i)]))
    only(sees(...first, ...five), /^2: 5 requests are open at node 1/)
    only(sees(...first, request(1, [batch(1), batch(2)])), /^2: a request has two batches of one of t0-0, t0-0/)
  })

  test('3: other bytes under a sequence that may be taken', () => {
    const lost: TraceEntry[] = [request(1, [batch(1)]), { kind: 'disconnected', ...at }]
    only(sees(...first, ...lost, request(2, [batch(1, { crc: 99 })])), /^3: t0-0 1000\/0\/1: another batch/)
    const definitely = [request(1, [batch(1)]), rejected(batch(1)), answered(1)]
    assert.deepEqual(sees(...first, ...definitely, request(2, [batch(1, { crc: 99 })])), [], 'invariant 14 allows it')
  })

  test('6, 7: a gap, and an epoch that does not begin at 0', () => {
    only(sees(...first, request(1, [batch(2)])), /^6: t0-0 1000\/0\/2: a gap, 1 would follow/)
    only(sees(...first, request(1, [batch(1, { producerEpoch: 1 })])), /^7: t0-0 1000\/1\/1/)
  })

  test('10: sent again while others are open, and new batches behind an error', () => {
    const [one, two, three] = [request(1, [batch(1)]), request(2, [batch(2)]), request(3, [batch(1)])]
    const failed = [rejected(batch(1)), answered(1)]
    only(sees(...first, one, two, ...failed, three), /^10: .* sent with 1 other requests/, /^rule 7/)
    const late = request(3, [batch(3)], { at: 10 })
    only(sees(...first, one, two, ...failed, late), /^10: t0-0 1000\/0\/3: sent behind an error/)
    // The answer had not arrived yet when this left.
    assert.deepEqual(sees(...first, one, two, ...failed, request(3, [batch(3)], { at: 2 })), [])
  })

  test('10: behind a batch in doubt that is out of sequence another one in doubt goes, alone, and nothing else', () => {
    const lost: TraceEntry[] = [request(1, [batch(1)]), request(2, [batch(2)]), { kind: 'disconnected', ...at }]
    const outOfSequence = (one: Batches[number]): TraceEntry[] => [request(3, [one]), rejected(one, 45), answered(3)]
    const next = (sequence: number): TraceEntry => request(4, [batch(sequence)], { at: 10 })
    assert.deepEqual(sees(...first, ...lost, ...outOfSequence(batch(1)), next(2)), [])
    const other = [request(3, [batch(1)]), rejected(batch(1)), answered(3)]
    only(sees(...first, ...lost, ...other, next(2)), /^10: t0-0 1000\/0\/2: sent behind an error/)
    only(sees(...first, ...outOfSequence(batch(1)), next(2)), /^10: t0-0 1000\/0\/2: sent behind an error/)
    const known = [request(4, [batch(2)]), appended(batch(2)), answered(4)]
    assert.deepEqual(sees(...first, ...lost, ...outOfSequence(batch(1)), ...known, next(3)), [])
  })

  test('11: two nodes at once', () => {
    const found = sees(...first, request(1, [batch(1)]), request(1, [batch(2)], { node: 2, connection: 2 }))
    only(found, /^11: t0-0 1000\/0\/2: sent to node 2 while node 1 owes an answer/, /^rule 7/)
  })

  test('rule 7: two requests before the first success, at first and at a new leader', () => {
    only(sees(request(0, [batch(0)]), request(1, [batch(1)])), /^rule 7: t0-0 1000\/0\/1/)
    const there = { node: 2, connection: 2 }
    const moved = [request(1, [batch(1)], there), request(2, [batch(2)], there)]
    only(sees(...first, ...moved), /^rule 7: t0-0 1000\/0\/2: a second request to node 2/)
  })
})

describe('records that are refused (row 35)', () => {
  const compacted = { ...SCHEDULE, cluster: { ...SCHEDULE.cluster, compacted: true } }
  const failed = { kind: 'failed', persisted: 'no', error: 'BrokerError' } as const
  /** Nothing of partition 1 is stored there, and every record of it fails. */
  const none = (change: Partial<History>): string[] =>
    findings({
      ...honest,
      schedule: compacted,
      logs: honest.logs.filter(log => log.partition === 0),
      appended: honest.appended.filter(({ partition }) => partition === 0),
      settled: honest.settled.map(one => (one.partition === 1 ? { ...one, ...failed } : one)),
      ...change,
    })
  const keyless = (number: number) =>
    honest.offered.map((record, i) => (i === number ? { ...record, keyless: true } : record))

  test('one without a key is acked', () => {
    only(doctored({ schedule: compacted, offered: keyless(0) }), /^35: record 0 is acked without a key/)
    assert.deepEqual(doctored({ offered: keyless(0) }), [], 'in a topic that takes it')
    const steps = [...SCHEDULE.steps, { wait: 0, do: 'deleteTopic', topic: 't0' } as const]
    assert.deepEqual(doctored({ schedule: { ...compacted, steps }, offered: keyless(0) }), [])
  })

  test('others fail for it', () => {
    const numbers = honest.settled.filter(({ partition }) => partition === 1).map(({ number }) => number)
    const found = none({ offered: keyless(numbers[0]!) })
    only(found, ...numbers.slice(1).map(number => new RegExp(`^35: record ${number} failed for another one`)))
    const retries = { ...compacted, producer: { ...SCHEDULE.producer, retries: 1 } }
    assert.deepEqual(none({ schedule: retries }), [])
    const maxMessageBytes = { ...compacted, cluster: { ...compacted.cluster, maxMessageBytes: 100 } }
    assert.deepEqual(none({ schedule: maxMessageBytes }), [])
    const fault = { kind: 'error', code: 87 } as const
    const struck: TraceEntry = { at: 0, kind: 'fault', node: 1, connection: 1, fault }
    assert.deepEqual(none({ trace: [struck, ...honest.trace] }), [])
  })
})

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { DataLossError } from '../../src/errors.js'
import { Batch } from '../../src/producer/model/batch.js'
import type { Outcome, ProduceResult } from '../../src/producer/model/outcome.js'
import type { AckSink } from '../../src/producer/model/sinks.js'
import { decodeRecordBatches, decodeRecords } from '../../src/protocol/records/record-batch.js'
import { packWith } from '../support/packing.js'
import { append } from '../support/taken.js'
import { ToldPartition } from '../support/told-partition.js'

const sink: AckSink = { settled() {}, neverBatched() {} }
const identity = { producerId: 7n, producerEpoch: 0 }
const stored = (baseOffset: bigint): ProduceResult => ({ kind: 'stored', baseOffset, logAppendTime: -1 })
const rejected: ProduceResult = { kind: 'rejected', error: new Error('NOT_ENOUGH_REPLICAS') }
const unknown: ProduceResult = { kind: 'unknown', error: new Error('connection lost') }
const outOfSequence: ProduceResult = { kind: 'outOfSequence', error: new Error('OUT_OF_ORDER_SEQUENCE_NUMBER') }
const forgotten: ProduceResult = { kind: 'forgotten', error: new Error('UNKNOWN_PRODUCER_ID') }
const fenced: ProduceResult = { kind: 'fenced', error: new Error('INVALID_PRODUCER_EPOCH') }
const tooLarge: ProduceResult = { kind: 'tooLarge', error: new Error('MESSAGE_TOO_LARGE') }
const refused: ProduceResult = { kind: 'refused', error: new Error('TOPIC_AUTHORIZATION_FAILED') }
const corrupt: ProduceResult = { kind: 'corrupt', error: new Error('CORRUPT_MESSAGE'), named: [] }
const noKey = new Error('without key')
const tooOld = new Error('too old')
/** The broker refuses records of the batch, and names these; or none. */
const bad = (...named: [index: number, error: Error][]): ProduceResult => ({
  kind: 'badRecords',
  error: new Error('INVALID_RECORD'),
  named: named.map(([index, error]) => ({ index, error })),
})

let log: string[]
let partition: ToldPartition
const names = new Map<Batch, string>()

beforeEach(() => {
  log = []
  names.clear()
  partition = newPartition(2147483647)
})

function newPartition(retries: number, settled?: (batch: Batch, end: Outcome) => void): ToldPartition {
  const created = new ToldPartition('t', 0, retries, {
    settle: ({ batch, outcome }) => {
      log.push(`${names.get(batch)} ${describeEnd(outcome)}`)
      settled?.(batch, outcome)
    },
    split: (batch, parts) => {
      log.push(`${names.get(batch)} split`)
      parts.forEach((part, i) => {
        names.set(part, `${names.get(batch)}.${i}`)
      })
    },
    retryAfter: (failures, _, atOnce) => log.push(`${atOnce ? 'at once' : 'pause'} ${failures}`),
    epochBump: error => {
      const after = error instanceof DataLossError ? ' after data loss' : ''
      log.push(`epoch ${created.sequences.identity?.producerEpoch}${after}`)
    },
  })
  created.sequences.identity = identity
  created.ledBy(1)
  return created
}

/** Which records of the batch that was added are in this one. */
function numbersIn(batch: Batch): number[] {
  return batch.records.map(({ metadata }) => metadata as number)
}

function describeEnd(end: Outcome): string {
  return end.kind === 'failed' ? `failed, persisted ${end.persisted}` : end.kind
}

/** A batch of `count` records, waiting to be sent. */
function add(name: string, count = 10): Batch {
  const batch = new Batch('t', 0, Buffer.allocUnsafe(100))
  for (let i = 0; i < count; i++) append(batch, { topic: 't', value: 'v', metadata: i }, 0, sink)
  batch.due = true
  names.set(batch, name)
  partition.add(batch)
  return batch
}

function take(): Batch {
  assert.ok(partition.sendable, `${partition.phase}, nothing to send`)
  return partition.sent()
}

/** The partition with its window open: one batch `0` of 10 records is stored. */
function open(): void {
  add('0')
  partition.answered(take(), stored(0n))
  assert.equal(partition.phase, 'open')
  log = []
}

test('one batch goes before the first success, then as many as there are', () => {
  const [a, b, c] = [add('a'), add('b'), add('c')]
  assert.equal(take(), a)
  assert.ok(!partition.sendable)
  partition.answered(a, stored(0n))
  assert.equal(take(), b)
  assert.equal(take(), c)
  assert.deepEqual([a.baseSequence, b.baseSequence, c.baseSequence], [0, 10, 20])
})

test('records may be appended to the last batch that waits, until it is taken, has expired or is abandoned', () => {
  const [a, b] = [add('a'), add('b')]
  assert.equal(partition.openBatch, b)
  partition.expired(a)
  assert.equal(partition.openBatch, b)
  partition.expired(b)
  assert.equal(partition.openBatch, undefined)
  const c = add('c')
  assert.equal(partition.openBatch, c)
  take()
  assert.equal(partition.openBatch, undefined)
  add('d')
  partition.abandon(new Error('closed'))
  assert.equal(partition.openBatch, undefined)
})

test('nothing is sendable without a leader, a producer id, or a batch that is due', () => {
  const batch = add('a')
  partition.ledBy(-1)
  assert.ok(!partition.sendable)
  partition.ledBy(1)
  partition.sequences.identity = undefined
  assert.ok(!partition.sendable)
  partition.sequences.identity = identity
  batch.due = false
  assert.ok(!partition.sendable)
  add('b')
  assert.ok(partition.sendable, 'a second batch means that the first is full')
})

test('a retriable rejection drains the window, then sends the same bytes in order, one alone until it succeeds', () => {
  open()
  const batches = [add('a'), add('b'), add('c'), add('d')]
  for (const batch of batches) assert.equal(take(), batch)
  const bytes = batches.map(batch => Buffer.from(batch.bytes!))
  add('e')
  partition.answered(batches[0]!, rejected)
  assert.equal(partition.phase, 'draining')
  assert.ok(!partition.sendable, 'muted while the others are in flight')
  for (const batch of batches.slice(1)) partition.answered(batch, outOfSequence)
  assert.equal(partition.phase, 'paused')
  assert.deepEqual(log, ['pause 1'])
  partition.backOffEnded()
  assert.equal(take(), batches[0])
  assert.ok(!partition.sendable, 'a probe goes alone')
  partition.answered(batches[0]!, stored(10n))
  for (const batch of batches.slice(1)) assert.equal(take(), batch)
  assert.deepEqual(
    batches.map(batch => batch.bytes),
    bytes,
  )
  assert.deepEqual(
    batches.map(batch => batch.baseSequence),
    [10, 20, 30, 40],
  )
  assert.deepEqual(log, ['pause 1', 'a acked'])
})

test('failures are counted in a row, and forgotten with a success', () => {
  open()
  const batch = add('a')
  for (let i = 0; i < 3; i++) {
    partition.answered(take(), rejected)
    partition.backOffEnded()
  }
  partition.answered(take(), stored(10n))
  add('b')
  partition.answered(take(), rejected)
  assert.deepEqual(log, ['pause 1', 'pause 2', 'pause 3', 'a acked', 'pause 1'])
  assert.equal(batch.attempts, 4)
})

test('out of sequence behind an unanswered batch is a consequence: no new epoch', () => {
  open()
  const [a, b] = [add('a'), add('b')]
  take()
  take()
  partition.answered(a, unknown)
  partition.answered(b, outOfSequence)
  assert.deepEqual(log, ['pause 1'])
  partition.backOffEnded()
  partition.answered(take(), stored(10n))
  assert.equal(take(), b)
  assert.equal(b.baseSequence, 20)
})

test('out of sequence at the head: all goes on in a new epoch, from sequence 0', () => {
  open()
  const [a, b] = [add('a'), add('b')]
  take()
  take()
  partition.answered(a, outOfSequence)
  partition.answered(b, outOfSequence)
  assert.deepEqual(log, ['epoch 1 after data loss', 'pause 1'])
  partition.backOffEnded()
  partition.answered(take(), stored(10n))
  take()
  assert.deepEqual([a.baseSequence, b.baseSequence], [0, 10])
  assert.equal(a.identity?.producerEpoch, 1)
  assert.equal(b.bytes?.readInt16BE(51), 1)
})

test('out of sequence at the head, possibly stored before: it fails as such and is not written again', () => {
  open()
  const [a, b] = [add('a'), add('b')]
  take()
  partition.answered(a, unknown)
  partition.backOffEnded()
  assert.equal(take(), a)
  partition.answered(a, outOfSequence)
  assert.deepEqual(log, ['pause 1', 'epoch 1 after data loss', 'a failed, persisted maybe'])
  assert.equal(take(), b)
  assert.deepEqual([b.baseSequence, b.identity?.producerEpoch], [0, 1])
})

/** Batches that were sent together, and for which no answer came; the first of them is about to be sent again. */
function unanswered(...names: string[]): Batch[] {
  open()
  const batches = names.map(name => add(name))
  for (const batch of batches) assert.equal(take(), batch)
  for (const batch of batches) partition.answered(batch, unknown)
  partition.backOffEnded()
  log = []
  return batches
}

test('out of sequence, with others behind it that may be stored: the one that the broker knows tells of those before it', () => {
  const [a, b, c] = unanswered('a', 'b', 'c')
  const d = add('d')
  assert.equal(take(), a)
  partition.answered(a!, outOfSequence)
  assert.equal(take(), b)
  assert.ok(!partition.sendable, 'one at a time')
  partition.answered(b!, outOfSequence)
  assert.equal(take(), c)
  partition.answered(c!, stored(30n))
  assert.deepEqual(log, ['a acked', 'b acked', 'c acked'])
  assert.deepEqual(
    [a, b, c].map(batch => (batch?.result?.kind === 'stored' ? batch.result.baseOffset : undefined)),
    [-1n, -1n, 30n],
  )
  assert.equal(take(), d)
  assert.deepEqual([d.baseSequence, d.identity?.producerEpoch], [40, 0])
})

test('out of sequence, and so is every other one that may be stored: all of them fail as such, and the loss is told', () => {
  const batches = unanswered('a', 'b')
  const c = add('c')
  for (const batch of batches) {
    assert.equal(take(), batch)
    partition.answered(batch, outOfSequence)
  }
  assert.deepEqual(log, ['epoch 1 after data loss', 'a failed, persisted maybe', 'b failed, persisted maybe'])
  assert.equal(take(), c)
  assert.deepEqual([c.baseSequence, c.identity?.producerEpoch], [0, 1])
})

test('out of sequence while others are in flight: these are awaited, and nothing is asked for beside them', () => {
  const [, b, c, d] = unanswered('a', 'b', 'c', 'd')
  partition.answered(take(), stored(10n))
  assert.deepEqual([take(), take()], [b, c])
  // The slot for d is taken by another partition.
  partition.answered(b!, outOfSequence)
  assert.ok(!partition.sendable)
  partition.answered(c!, outOfSequence)
  assert.deepEqual(log, ['a acked', 'pause 1'])
  partition.backOffEnded()
  for (const batch of [b, c, d]) {
    assert.equal(take(), batch)
    partition.answered(batch!, batch === d ? stored(40n) : outOfSequence)
  }
  assert.deepEqual(log.slice(2), ['b acked', 'c acked', 'd acked'])
})

test('out of sequence, and no answer to the next one that may be stored: it begins with the first again', () => {
  const [a, b] = unanswered('a', 'b')
  partition.answered(take(), outOfSequence)
  partition.answered(take(), unknown)
  assert.deepEqual(log, ['pause 2'])
  partition.backOffEnded()
  partition.answered(take(), stored(10n))
  assert.equal(take(), b)
  assert.deepEqual([a!.baseSequence, b!.baseSequence, b!.identity?.producerEpoch], [10, 20, 0])
})

test('out of sequence at one leader, and then there is another: that one is asked from the first batch on', () => {
  const [a, b] = unanswered('a', 'b', 'c')
  partition.answered(take(), outOfSequence)
  partition.ledBy(2)
  assert.equal(take(), a)
  partition.answered(a!, outOfSequence)
  assert.equal(take(), b)
  partition.ledBy(1)
  partition.answered(b!, outOfSequence)
  assert.deepEqual(log, ['pause 2'])
  partition.backOffEnded()
  for (const offset of [10n, 20n, 30n]) partition.answered(take(), stored(offset))
  assert.deepEqual(log, ['pause 2', 'a acked', 'b acked', 'c acked'])
})

test('out of sequence, and one behind it was stored before: it may be there, or the broker had forgotten the producer', () => {
  open()
  const [a, b] = [add('a'), add('b')]
  for (let i = 0; i < 2; i++) take()
  partition.answered(a, unknown)
  partition.answered(b, stored(20n))
  partition.backOffEnded()
  partition.answered(take(), outOfSequence)
  assert.deepEqual(log.slice(1), ['epoch 1 after data loss', 'a failed, persisted maybe', 'b acked'])
})

test('what expires while those behind it are asked for fails as possibly stored', () => {
  const [a, b] = unanswered('a', 'b')
  partition.answered(take(), outOfSequence)
  assert.equal(take(), b)
  partition.expired(a!)
  partition.answered(b!, stored(20n))
  assert.deepEqual(log, ['a failed, persisted maybe', 'b acked'])
  add('c')
  assert.equal(take().baseSequence, 30)
})

test('forgotten, or out of sequence with nothing confirmed before it: a new epoch, and no word of lost data', () => {
  open()
  add('a')
  partition.answered(take(), forgotten)
  partition.backOffEnded()
  partition.answered(take(), outOfSequence)
  assert.deepEqual(log, ['epoch 1', 'pause 1', 'epoch 2', 'pause 2'])
})

test('fenced at the head: it goes on with another producer id, from sequence 0; behind it, fenced means nothing', () => {
  open()
  const [a, b] = [add('a'), add('b')]
  take()
  take()
  partition.answered(a, rejected)
  partition.answered(b, fenced)
  assert.deepEqual(log, ['pause 1'])
  partition.backOffEnded()
  partition.answered(take(), fenced)
  assert.deepEqual(log.slice(1), ['epoch undefined', 'pause 2'])
  partition.backOffEnded()
  assert.ok(!partition.sendable, 'there is no producer id yet')
  partition.sequences.identity = { producerId: 8n, producerEpoch: 0 }
  partition.answered(take(), stored(10n))
  take()
  assert.deepEqual([a.baseSequence, b.baseSequence], [0, 10])
  assert.equal(b.identity?.producerId, 8n)
})

test('fenced at the head, possibly stored before: it fails as such, and the rest has another producer id', () => {
  open()
  const [a, b] = [add('a'), add('b')]
  partition.answered(take(), unknown)
  partition.backOffEnded()
  partition.answered(take(), fenced)
  assert.deepEqual(log, ['pause 1', 'epoch undefined', 'a failed, persisted maybe'])
  partition.sequences.identity = { producerId: 8n, producerEpoch: 0 }
  assert.equal(take(), b)
  assert.deepEqual([a.identity?.producerId, b.identity?.producerId, b.baseSequence], [7n, 8n, 0])
})

test('a batch that is too large is split; its parts share its sequences, and those behind it keep theirs', () => {
  open()
  const [a, b] = [add('a', 5), add('b', 2)]
  take()
  take()
  const bytes = Buffer.from(b.bytes!)
  partition.answered(a, tooLarge)
  partition.answered(b, outOfSequence)
  assert.deepEqual(log, ['a split'])
  const first = take()
  assert.ok(!partition.sendable, 'a probe goes alone')
  partition.answered(first, stored(10n))
  const second = take()
  assert.equal(take(), b)
  assert.deepEqual([first.baseSequence, second.baseSequence, b.baseSequence], [10, 12, 15])
  assert.deepEqual([first.count, second.count], [2, 3])
  assert.deepEqual(b.bytes, bytes)
  assert.equal(first.reserved + second.reserved, a.reserved)
})

test('parts that are too large are split again, down to a single record, which fails alone', () => {
  open()
  add('a', 2)
  partition.answered(take(), tooLarge)
  partition.answered(take(), tooLarge)
  partition.answered(take(), stored(10n))
  assert.deepEqual(log, ['a split', 'a.0 failed, persisted no', 'a.1 acked'])
})

test('parts of a batch that is split over the wrap of the sequence', () => {
  partition.sequences.next = 2147483646
  const a = add('a', 4)
  partition.answered(take(), tooLarge)
  const first = take()
  partition.answered(first, stored(0n))
  assert.deepEqual([a.baseSequence, first.baseSequence, take().baseSequence], [2147483646, 2147483646, 0])
})

test('a batch that may be stored is not split: too large is said of it now, not of the request that was lost', () => {
  open()
  const [, b] = [add('a', 4), add('b')]
  partition.answered(take(), unknown)
  partition.backOffEnded()
  partition.answered(take(), tooLarge)
  assert.deepEqual(log, ['pause 1', 'epoch 1', 'a failed, persisted maybe'])
  assert.equal(take(), b)
})

test('records that are split out of a batch keep key, value, headers, timestamp and the stream they came from', () => {
  const streams: AckSink[] = [
    { settled() {}, neverBatched() {} },
    { settled() {}, neverBatched() {} },
  ]
  const seen: [AckSink, number, number][] = []
  for (const stream of streams) stream.settled = (_, from, to) => void seen.push([stream, from, to])
  const batch = new Batch('t', 0, Buffer.allocUnsafe(100))
  const headers = [['h', 'x']] as const
  const appended = ['a', 'b', 'c', 'd', 'e'].map((value, i) => {
    const record = { topic: 't', key: i % 2 ? `k${i}` : null, value: Buffer.from(value), headers }
    append(batch, record, 1_000 + i * 7, streams[i < 3 ? 0 : 1]!)
    return record
  })
  packWith('snappy', batch)
  batch.number(identity, 3)
  batch.stamp()
  for (const record of appended) record.value.fill('!')
  const parts = batch.split([
    [0, 1],
    [2, 3, 4],
  ])
  parts.forEach((part, i) => {
    packWith('snappy', part)
    part.number(identity, i)
    part.stamp()
    part.settle({ kind: 'acked', baseOffset: 0n, logAppendTime: -1 })
  })
  const stored = parts.map(part => decodeRecordBatches(part.bytes!)[0]!)
  assert.ok(stored.every(({ crcValid, compression }) => crcValid && compression === 2))
  assert.deepEqual(
    stored
      .flatMap(decodeRecords)
      .map(record => [record.key?.toString(), `${record.value}`, Number(record.timestamp), record.headers]),
    ['a', 'b', 'c', 'd', 'e'].map((value, i) => [
      i % 2 ? `k${i}` : undefined,
      value,
      1_000 + i * 7,
      [['h', Buffer.from('x')]],
    ]),
  )
  assert.deepEqual(
    parts.flatMap(part => part.records),
    appended,
  )
  assert.deepEqual(seen, [
    [streams[0], 0, 2],
    [streams[0], 0, 1],
    [streams[1], 1, 3],
  ])
})

test('records that the broker names fail; the rest takes the place of the batch, and those behind it move up', () => {
  open()
  const [a, b] = [add('a', 5), add('b', 2)]
  take()
  take()
  partition.answered(a, bad([1, noKey], [3, noKey]))
  partition.answered(b, outOfSequence)
  assert.deepEqual(log, ['a split', 'a.0 failed, persisted no'])
  const rest = take()
  assert.ok(!partition.sendable, 'a probe goes alone')
  partition.answered(rest, stored(10n))
  assert.equal(take(), b)
  assert.deepEqual(numbersIn(rest), [0, 2, 4])
  assert.deepEqual([rest.baseSequence, b.baseSequence], [10, 13])
  assert.equal(b.identity, identity)
  assert.deepEqual(log.slice(2), ['a.1 acked'])
})

test('records that are refused for different reasons fail each for its own', () => {
  const ends: [number[], Error | undefined][] = []
  const settled = (batch: Batch, end: Outcome): void =>
    void ends.push([numbersIn(batch), end.kind === 'failed' ? end.error : undefined])
  partition = newPartition(2147483647, settled)
  add('a', 5)
  partition.answered(take(), bad([0, noKey], [1, tooOld], [4, noKey]))
  partition.answered(take(), stored(0n))
  assert.deepEqual(ends, [
    [[0, 4], noKey],
    [[1], tooOld],
    [[2, 3], undefined],
  ])
})

test('all are named: nothing of the batch is sent again, and those behind it take its place', () => {
  open()
  const [a, b, c, d] = [add('a', 2), add('b', 2), add('c', 1), add('d')]
  for (let i = 0; i < 4; i++) take()
  partition.answered(a, bad([0, noKey], [1, noKey]))
  partition.answered(b, bad([0, noKey], [1, tooOld]))
  partition.answered(c, bad([0, noKey]))
  partition.answered(d, outOfSequence)
  assert.deepEqual(log, [
    'b split',
    'a failed, persisted no',
    'b.0 failed, persisted no',
    'b.1 failed, persisted no',
    'c failed, persisted no',
  ])
  assert.equal(take(), d)
  assert.equal(d.baseSequence, 10)
})

test('several batches have named records: what is left of them stays in order, and a broker may name more of it', () => {
  open()
  const [a, b, c] = [add('a', 3), add('b', 3), add('c', 1)]
  for (let i = 0; i < 3; i++) take()
  partition.answered(a, bad([0, noKey]))
  partition.answered(b, bad([2, noKey]))
  partition.answered(c, outOfSequence)
  const first = take()
  // Kafka 2.4 names only the first one.
  partition.answered(first, bad([0, noKey]))
  const second = take()
  partition.answered(second, stored(10n))
  const third = take()
  assert.equal(take(), c)
  assert.deepEqual([second, third].map(numbersIn), [[2], [0, 1]])
  assert.deepEqual([second.baseSequence, third.baseSequence, c.baseSequence], [10, 11, 13])
})

test('what is left of a batch behind one that may be stored keeps its place behind it', () => {
  open()
  const [a, b] = [add('a'), add('b', 3)]
  take()
  take()
  const bytes = Buffer.from(a.bytes!)
  partition.answered(a, unknown)
  partition.answered(b, bad([0, noKey]))
  assert.equal(take(), a)
  assert.deepEqual(a.bytes, bytes)
  partition.answered(a, stored(10n))
  const rest = take()
  assert.deepEqual([numbersIn(rest), rest.baseSequence, rest.identity], [[1, 2], 20, identity])
})

test('what is left of a batch goes on in a new epoch where one behind it may be stored, or it is of an old one', () => {
  open()
  const [a, b] = [add('a', 3), add('b')]
  take()
  take()
  partition.answered(a, bad([0, noKey]))
  partition.answered(b, unknown)
  assert.deepEqual(log, ['a split', 'epoch 1', 'a.0 failed, persisted no', 'b failed, persisted maybe'])
  const rest = take()
  assert.deepEqual([numbersIn(rest), rest.baseSequence, rest.identity?.producerEpoch], [[1, 2], 0, 1])
  partition.answered(rest, stored(10n))

  const [c, d, e] = [add('c', 3), add('d'), add('e', 1)]
  take()
  take()
  partition.expired(d)
  partition.answered(c, unknown)
  partition.answered(d, unknown)
  log = []
  partition.backOffEnded()
  assert.equal(take(), c)
  partition.answered(c, stored(12n))
  assert.deepEqual(log, ['c acked'])
  assert.equal(take(), e)
  assert.deepEqual([e.baseSequence, e.identity?.producerEpoch], [0, 2])
})

test('named records of a batch of an old epoch: its sequences are not those of the new one', () => {
  open()
  const [a, b, c, d] = [add('a'), add('b', 3), add('c'), add('d', 1)]
  for (let i = 0; i < 3; i++) take()
  partition.expired(c)
  partition.answered(a, unknown)
  partition.answered(b, rejected)
  partition.answered(c, unknown)
  assert.deepEqual(log, ['c failed, persisted maybe', 'epoch 1', 'pause 1'])
  partition.backOffEnded()
  partition.answered(take(), stored(10n))
  partition.answered(take(), bad([1, noKey]))
  assert.deepEqual(log.slice(3), ['a acked', 'b split', 'epoch 2', 'b.0 failed, persisted no'])
  const rest = take()
  assert.deepEqual([numbersIn(rest), rest.baseSequence, rest.identity?.producerEpoch], [[0, 2], 0, 2])
  partition.answered(rest, stored(20n))
  assert.equal(take(), d)
  assert.deepEqual([d.baseSequence, d.identity?.producerEpoch], [2, 2])
})

test('a batch that may be stored is not taken apart: a time stamp that has grown too old proves nothing', () => {
  open()
  const [a, b] = [add('a', 4), add('b')]
  partition.answered(take(), unknown)
  partition.backOffEnded()
  partition.answered(take(), bad([1, tooOld]))
  assert.deepEqual(log, ['pause 1', 'epoch 1', 'a failed, persisted maybe'])
  assert.equal(take(), b)
  assert.deepEqual([a.attempts, b.baseSequence, b.identity?.producerEpoch], [2, 0, 1])
})

test('none is named: halves share the sequences of the batch, go one at a time, and without a pause', () => {
  open()
  const [a, b] = [add('a', 5), add('b', 2)]
  take()
  take()
  const bytes = Buffer.from(b.bytes!)
  partition.answered(a, bad())
  partition.answered(b, outOfSequence)
  assert.deepEqual(log, ['a split'])
  const first = take()
  assert.ok(!partition.sendable)
  partition.answered(first, bad())
  assert.deepEqual(log, ['a split', 'a.0 split'])
  partition.answered(take(), bad())
  // A record has given its sequence back.
  const second = take()
  assert.deepEqual([second.count, second.baseSequence], [1, 10])
  partition.answered(second, stored(10n))
  const third = take()
  assert.deepEqual([third.count, third.baseSequence], [3, 11])
  partition.answered(third, stored(11n))
  assert.equal(take(), b)
  assert.equal(b.baseSequence, 14)
  assert.notDeepEqual(b.bytes, bytes)
  assert.deepEqual(log.slice(2), ['a.0.0 failed, persisted no', 'a.0.1 acked', 'a.1 acked'])
})

test('the first half is stored, so the other is split without being sent; a single record is sent, and alone', () => {
  open()
  const [a, b] = [add('a', 4), add('b')]
  take()
  take()
  partition.answered(a, bad())
  partition.answered(b, outOfSequence)
  partition.answered(take(), stored(10n))
  assert.deepEqual(log, ['a split', 'a.1 split', 'a.0 acked'])
  const third = take()
  assert.deepEqual([third.count, third.baseSequence], [1, 12])
  assert.ok(!partition.sendable)
  partition.answered(third, stored(12n))
  const fourth = take()
  assert.deepEqual([fourth.count, fourth.baseSequence], [1, 13])
  assert.ok(!partition.sendable, 'what follows would be sent in vain')
  partition.answered(fourth, bad())
  assert.equal(take(), b)
  assert.equal(b.baseSequence, 13)
  assert.equal(fourth.attempts, 2, 'it was sent once as a part of a, and once alone')
})

test('a half is not sent beside the other, though one before them has opened the window', () => {
  open()
  const [a, b] = [add('a'), add('b', 2)]
  take()
  take()
  partition.answered(a, rejected)
  partition.answered(b, bad())
  partition.backOffEnded()
  partition.answered(take(), stored(10n))
  assert.equal(partition.phase, 'open')
  const first = take()
  assert.ok(!partition.sendable)
  partition.answered(first, stored(20n))
  take()
  assert.ok(!partition.sendable)
})

test('a half that has expired is not looked at; nor is one where the first half was not stored', () => {
  open()
  add('a', 4)
  partition.answered(take(), bad())
  const first = take()
  const [second] = [...names].find(([, name]) => name === 'a.1')!
  partition.expired(second)
  partition.answered(first, stored(10n))
  assert.deepEqual(log, ['a split', 'a.1 failed, persisted no', 'a.0 acked'])
  const b = add('b')
  assert.equal(take(), b)
  assert.equal(b.baseSequence, 12)
  partition.answered(b, stored(12n))

  log = []
  add('c', 4)
  partition.answered(take(), bad())
  partition.answered(take(), tooLarge)
  assert.deepEqual(log, ['c split', 'c.0 split'])
  partition.answered(take(), stored(22n))
  partition.answered(take(), stored(23n))
  assert.deepEqual(numbersIn(take()), [2, 3])
})

/** How many requests it takes until a batch with these bad records has ended; who reads the log sees the others, in order. */
function requestsFor(count: number, isBad: (number: number) => boolean, result: ProduceResult): number {
  const written: number[] = []
  const failed: number[] = []
  let next = 0
  partition = newPartition(2147483647, (batch, end) => {
    if (end.kind === 'failed') failed.push(...numbersIn(batch))
  })
  add('a', count)
  let requests = 0
  while (partition.sendable) {
    const batch = take()
    requests++
    assert.ok(requests < 4 * count, 'it goes on for ever')
    assert.ok(!partition.sendable, 'one at a time')
    assert.equal(batch.baseSequence, next)
    if (numbersIn(batch).some(isBad)) {
      partition.answered(batch, result)
    } else {
      next += batch.count
      written.push(...numbersIn(batch))
      partition.answered(batch, stored(0n))
    }
    // Only after the first time that a batch was called corrupt.
    partition.backOffEnded()
  }
  const all = Array.from({ length: count }, (_, i) => i)
  assert.deepEqual(
    written,
    all.filter(number => !isBad(number)),
  )
  assert.deepEqual(failed, all.filter(isBad))
  return requests
}

test('a bad record that is not named costs 2·log2(n) more requests at the most, wherever it stands', () => {
  for (let count = 2; count <= 130; count++) {
    const costs = Array.from({ length: count }, (_, at) => requestsFor(count, number => number === at, bad()) - 1)
    assert.ok(Math.max(...costs) <= 2 * Math.log2(count), `${Math.max(...costs)} for one of ${count}`)
    if (Number.isInteger(Math.log2(count))) assert.equal(Math.max(...costs), 2 * Math.log2(count), 'no less')
  }
})

test('so do several bad records each, and a batch of bad ones alone; a batch that is called corrupt costs one more', () => {
  for (let count = 2; count <= 10; count++) {
    for (let set = 1; set < 2 ** count; set++) {
      const isBad = (number: number): boolean => (set & (1 << number)) !== 0
      const bads = set.toString(2).replaceAll('0', '').length
      const limit = bads * 2 * Math.log2(count)
      const cost = requestsFor(count, isBad, bad()) - 1
      assert.ok(cost <= limit, `${cost} for ${bads} of ${count}: ${set.toString(2)}`)
      assert.equal(requestsFor(count, isBad, corrupt) - 1, cost + 1)
    }
  }
})

test('corrupt: sent again as it is, for it may have been damaged on its way; the second time, some record of it is bad', () => {
  open()
  const a = add('a', 2)
  partition.answered(take(), corrupt)
  assert.deepEqual(log, ['pause 1'])
  partition.backOffEnded()
  assert.equal(take(), a)
  partition.answered(a, corrupt)
  assert.deepEqual(log, ['pause 1', 'a split'])
  partition.answered(take(), corrupt)
  assert.deepEqual(log, ['pause 1', 'a split', 'a.0 failed, persisted no'], 'its parts are not tried twice')
  partition.answered(take(), stored(10n))
  const b = add('b', 1)
  partition.answered(take(), corrupt)
  partition.backOffEnded()
  assert.equal(take(), b, 'another batch has its own second chance')
  partition.answered(b, corrupt)
  assert.deepEqual(log.slice(3), ['a.1 acked', 'pause 1', 'b failed, persisted no'])
})

test('corrupt, said once of a batch that may be stored, ends nothing', () => {
  open()
  const a = add('a', 2)
  partition.answered(take(), unknown)
  partition.backOffEnded()
  partition.answered(take(), corrupt)
  partition.backOffEnded()
  assert.equal(take(), a)
  partition.answered(a, stored(10n))
  assert.deepEqual(log, ['pause 1', 'pause 2', 'a acked'])
})

test('what is stored before one that is sent again waits for it, is not sent again, and is acked behind it', () => {
  open()
  const [a, b, c, d] = [add('a'), add('b'), add('c'), add('d')]
  for (let i = 0; i < 3; i++) take()
  // The broker appended a, and said that it could not copy it: so it could append b and c.
  partition.answered(a, unknown)
  partition.answered(b, unknown)
  partition.answered(c, stored(30n))
  assert.deepEqual(log, ['pause 1'])
  partition.backOffEnded()
  partition.answered(take(), stored(10n))
  assert.equal(take(), b)
  assert.ok(!partition.sendable, 'd waits behind c')
  partition.answered(b, stored(20n))
  assert.deepEqual(log, ['pause 1', 'a acked', 'b acked', 'c acked'])
  assert.equal(take(), d)
})

test('what is stored waits for all before it that are in flight again, not for the first of them', () => {
  open()
  const [a, b, c, d] = [add('a'), add('b'), add('c'), add('d')]
  for (let i = 0; i < 4; i++) take()
  for (const batch of [a, b, c]) partition.answered(batch, unknown)
  partition.answered(d, stored(40n))
  partition.backOffEnded()
  partition.answered(take(), stored(10n))
  take()
  take()
  partition.answered(b, stored(20n))
  assert.deepEqual(log.slice(1), ['a acked', 'b acked'])
  partition.answered(c, stored(30n))
  assert.deepEqual(log.slice(1), ['a acked', 'b acked', 'c acked', 'd acked'])
})

test('what is stored and waits is acked when those before it have failed, and when its own time is over', () => {
  open()
  const [a, b] = [add('a'), add('b')]
  take()
  take()
  partition.answered(a, unknown)
  partition.answered(b, stored(20n))
  partition.expired(a)
  assert.deepEqual(log, ['pause 1', 'epoch 1', 'a failed, persisted maybe', 'b acked'])
  log = []
  const [c, d] = [add('c'), add('d')]
  partition.answered(take(), unknown)
  partition.backOffEnded()
  take()
  partition.answered(c, stored(30n))
  take()
  const e = add('e')
  take()
  partition.answered(d, unknown)
  partition.answered(e, stored(50n))
  partition.backOffEnded()
  take()
  partition.expired(d)
  partition.expired(e)
  assert.deepEqual(log.slice(2), ['pause 1', 'd failed, persisted maybe', 'e acked'])
  partition.answered(d, stored(40n))
  assert.deepEqual(log.slice(2), ['pause 1', 'd failed, persisted maybe', 'e acked'])
})

test('stored behind a refused one, by a broker that had forgotten: its sequences are not used again', () => {
  open()
  const [a, b, c] = [add('a'), add('b'), add('c')]
  take()
  take()
  partition.answered(a, refused)
  partition.answered(b, stored(10n))
  assert.deepEqual(log, ['epoch 1', 'a failed, persisted no', 'b acked'])
  assert.equal(take(), c)
  assert.deepEqual([c.baseSequence, c.identity?.producerEpoch], [0, 1])
})

test('two epochs are never in flight together: the new one would end the old one for what is sent again', () => {
  open()
  const [a, b, c, d] = [add('a'), add('b'), add('c'), add('d')]
  for (let i = 0; i < 3; i++) take()
  partition.answered(a, unknown)
  partition.answered(b, unknown)
  partition.expired(c)
  partition.answered(c, unknown)
  partition.backOffEnded()
  partition.answered(take(), stored(10n))
  assert.equal(take(), b)
  assert.ok(!partition.sendable, 'd is of the next epoch')
  partition.answered(b, stored(20n))
  assert.equal(take(), d)
  assert.deepEqual([b.identity?.producerEpoch, d.identity?.producerEpoch], [0, 1])
})

test('a new epoch begins with one batch alone, though its leader has just stored one of the old epoch', () => {
  open()
  const [a, b, c, d] = [add('a'), add('b'), add('c'), add('d')]
  for (let i = 0; i < 2; i++) take()
  partition.answered(a, unknown)
  partition.expired(b)
  partition.answered(b, unknown)
  partition.backOffEnded()
  partition.answered(take(), stored(10n))
  assert.equal(take(), c)
  assert.deepEqual([c.identity?.producerEpoch, c.baseSequence], [1, 0])
  assert.ok(!partition.sendable)
  partition.answered(c, stored(20n))
  assert.equal(take(), d)
})

test('the epoch of the next transaction begins with the whole window: its leader knows the producer, and takes nothing but sequence 0 first', () => {
  const epoch = (producerEpoch: number, producerId = 7n) => ({ producerId, producerEpoch, transactional: true })
  partition.sequences.identity = epoch(0)
  open()
  partition.sequences.adopt(epoch(1))
  const [a, b] = [add('a'), add('b')]
  take()
  assert.ok(partition.sendable)
  take()
  assert.deepEqual([a.baseSequence, b.baseSequence, b.identity?.producerEpoch], [0, 10, 1])
  partition.answered(a, stored(100n))
  partition.answered(b, stored(110n))
  partition.sequences.adopt(epoch(0, 8n))
  const [c] = [add('c'), add('d')]
  take()
  assert.ok(!partition.sendable, 'it does not know another producer')
  partition.answered(c, stored(120n))
  assert.ok(partition.sendable)
})

test('after a rest as long as metadata is kept, one batch goes first: the broker may have forgotten the producer', () => {
  open()
  partition.ledBy(1)
  assert.equal(partition.phase, 'open', 'it has sent something since metadata came last')
  partition.ledBy(1)
  assert.equal(partition.phase, 'probing')
  add('a')
  add('b')
  take()
  assert.ok(!partition.sendable)
})

test('a refused batch fails; those behind it take over its sequences', () => {
  open()
  const [a, b, c, d] = [add('a', 1), add('b', 2), add('c', 3), add('d', 4)]
  for (let i = 0; i < 4; i++) take()
  partition.answered(a, stored(10n))
  partition.answered(b, refused)
  partition.answered(c, outOfSequence)
  partition.answered(d, outOfSequence)
  assert.deepEqual(log, ['a acked', 'b failed, persisted no'])
  assert.equal(take(), c)
  partition.answered(c, stored(11n))
  take()
  assert.deepEqual([b.baseSequence, c.baseSequence, d.baseSequence], [11, 11, 14])
  assert.equal(d.identity, identity)
})

test('behind a refused batch one that may be stored is never stamped anew', () => {
  open()
  const [a, b, c] = [add('a'), add('b'), add('c')]
  for (let i = 0; i < 3; i++) take()
  partition.answered(a, refused)
  partition.answered(b, unknown)
  partition.answered(c, rejected)
  assert.deepEqual(log.slice(0, 2), ['epoch 1', 'pause 1'])
  assert.deepEqual(log.slice(2), ['a failed, persisted no', 'b failed, persisted maybe'])
  partition.backOffEnded()
  assert.equal(take(), c)
  assert.deepEqual([c.baseSequence, c.identity?.producerEpoch], [0, 1])
})

test('before a refused batch one that may be stored keeps its place, epoch and sequence', () => {
  open()
  const [a, b, c] = [add('a'), add('b'), add('c')]
  for (let i = 0; i < 3; i++) take()
  const bytes = Buffer.from(a.bytes!)
  partition.answered(a, unknown)
  partition.answered(b, refused)
  partition.answered(c, unknown)
  assert.deepEqual(log, ['epoch 1', 'pause 1', 'b failed, persisted no', 'c failed, persisted maybe'])
  partition.backOffEnded()
  assert.equal(take(), a)
  assert.deepEqual(a.bytes, bytes)
})

test('a batch that is refused after it may have been stored is reported so, and starts a new epoch', () => {
  open()
  const [a, b] = [add('a'), add('b')]
  take()
  partition.answered(a, unknown)
  partition.backOffEnded()
  take()
  partition.answered(a, refused)
  assert.deepEqual(log, ['pause 1', 'epoch 1', 'a failed, persisted maybe'])
  assert.equal(take(), b)
  assert.deepEqual([b.baseSequence, b.identity?.producerEpoch], [0, 1])
})

test('the retry limit fails what was rejected, never what may be stored', () => {
  partition = newPartition(1)
  open()
  add('a')
  partition.answered(take(), rejected)
  partition.backOffEnded()
  partition.answered(take(), rejected)
  assert.deepEqual(log, ['pause 1', 'a failed, persisted no'])
  log = []
  const b = add('b')
  for (let i = 0; i < 5; i++) {
    assert.equal(take(), b)
    partition.answered(b, unknown)
    partition.backOffEnded()
  }
  assert.deepEqual(log, ['pause 2', 'pause 3', 'pause 4', 'pause 5', 'pause 6'])
})

test('what is left of a batch, and its halves, have as many retries as any other batch; acks count every request', () => {
  partition = newPartition(1)
  const a = add('a', 5)
  partition.answered(take(), bad([0, noKey]))
  const rest = take()
  partition.answered(rest, bad())
  const half = take()
  partition.answered(half, rejected)
  partition.backOffEnded()
  assert.equal(take(), half)
  assert.deepEqual([a.attempts, rest.attempts, half.attempts], [1, 2, 4])
  partition.answered(half, rejected)
  assert.deepEqual(log.slice(1), ['a.0 failed, persisted no', 'a.1 split', 'pause 1', 'a.1.0 failed, persisted no'])
  partition.answered(take(), stored(0n))
  assert.equal(log.at(-1), 'a.1.1 acked')
})

test('a batch that expires unsent leaves no gap', () => {
  open()
  const [a, b] = [add('a'), add('b')]
  partition.expired(a)
  assert.deepEqual(log, ['a failed, persisted no'])
  assert.equal(take(), b)
  assert.equal(b.baseSequence, 10)
})

test('batches that expire together take time by their number, not by its square', () => {
  const expireAll = (count: number): number => {
    const quiet = { settle() {}, split() {}, pause() {}, epochBumped() {} }
    const waiting = new ToldPartition('t', 0, 1, quiet)
    const batches = Array.from({ length: count }, () => new Batch('t', 0, Buffer.alloc(0)))
    for (const batch of batches) waiting.add(batch)
    const start = performance.now()
    for (const batch of batches) waiting.expired(batch)
    return performance.now() - start
  }
  expireAll(5_000)
  const [few, many] = [expireAll(5_000), expireAll(100_000)]
  // 20 times as many; 400 would be the square.
  assert.equal(many < few * 100, true, `${many} ms, where ${few} ms are for a twentieth`)
})

test('a batch that expires in flight is reported as possibly stored; the others are awaited, then comes a new epoch', () => {
  open()
  const [a, b] = [add('a'), add('b')]
  take()
  take()
  const c = add('c')
  partition.expired(a)
  assert.deepEqual(log, ['a failed, persisted maybe'])
  assert.ok(!partition.sendable)
  partition.answered(a, unknown)
  partition.answered(b, stored(20n))
  assert.deepEqual(log.slice(1), ['epoch 1', 'b acked'])
  assert.equal(take(), c)
  assert.deepEqual([c.baseSequence, c.identity?.producerEpoch], [0, 1])
})

test('a batch that expires in flight and turns out to be stored costs nothing more', () => {
  open()
  const a = add('a')
  take()
  const b = add('b')
  partition.expired(a)
  partition.answered(a, stored(10n))
  assert.deepEqual(log, ['a failed, persisted maybe'])
  assert.equal(take(), b)
  assert.deepEqual([b.baseSequence, b.identity], [20, identity])
})

test('a batch that expires between two attempts: rejected leaves its sequences, possibly stored does not', () => {
  open()
  const [a, b] = [add('a'), add('b')]
  partition.answered(take(), rejected)
  partition.expired(a)
  assert.deepEqual(log, ['pause 1', 'a failed, persisted no'])
  assert.equal(take(), b)
  assert.equal(b.baseSequence, 10)
  partition.answered(b, unknown)
  partition.backOffEnded()
  const c = add('c')
  partition.expired(b)
  assert.equal(take(), c)
  assert.deepEqual([c.baseSequence, c.identity?.producerEpoch], [0, 1])
})

test('a new leader gets nothing while the old one owes an answer, and then one batch until its first success', () => {
  open()
  const [a, b, c, d] = [add('a'), add('b'), add('c'), add('d')]
  take()
  take()
  partition.ledBy(2)
  assert.ok(!partition.sendable)
  partition.answered(a, stored(10n))
  assert.ok(!partition.sendable, 'b is still with the old leader')
  partition.answered(b, stored(20n))
  assert.equal(partition.phase, 'probing', 'a success of the old leader opens nothing')
  assert.equal(take(), c)
  assert.ok(!partition.sendable)
  partition.answered(c, stored(30n))
  assert.equal(partition.phase, 'open')
  assert.equal(take(), d)
})

test('another leader is asked at once, the first time: brokers that name each other are asked with a pause', () => {
  open()
  const a = add('a')
  take()
  partition.movedTo({ leaderId: 2, leaderEpoch: 1 })
  partition.answered(a, unknown)
  assert.deepEqual(log, ['at once 1'])
  assert.equal(take(), a)
  partition.movedTo({ leaderId: 1, leaderEpoch: 2 })
  partition.answered(a, unknown)
  assert.deepEqual(log, ['at once 1', 'pause 2'])
  assert.ok(!partition.sendable)
  partition.backOffEnded()
  assert.equal(take(), a)
  partition.answered(a, stored(10n))
  assert.deepEqual(log, ['at once 1', 'pause 2', 'a acked'])
})

test('a leader of an epoch that is not higher is no news, nor one of a topic that is no more', () => {
  partition.movedTo({ leaderId: 2, leaderEpoch: 5 })
  for (const leaderEpoch of [-1, 4, 5]) partition.movedTo({ leaderId: 3, leaderEpoch })
  assert.equal(partition.leader, 2)
  partition.retired = true
  partition.movedTo({ leaderId: 3, leaderEpoch: 6 })
  assert.equal(partition.leader, 2)
})

test('the epoch after the last one is a new producer id', () => {
  partition.sequences.identity = { producerId: 7n, producerEpoch: 32767 }
  add('a')
  partition.answered(take(), outOfSequence)
  partition.backOffEnded()
  assert.equal(partition.sequences.identity, undefined)
  assert.ok(!partition.sendable)
  partition.sequences.identity = { producerId: 8n, producerEpoch: 0 }
  assert.equal(take().baseSequence, 0)
})

test('abandoned: what was sent may be stored, what was not is not; late answers change nothing', () => {
  open()
  const a = add('a')
  take()
  add('b')
  partition.abandon(new Error('closed'))
  assert.deepEqual(log, ['a failed, persisted maybe', 'b failed, persisted no'])
  partition.answered(a, stored(10n))
  partition.expired(a)
  assert.equal(log.length, 2)
})

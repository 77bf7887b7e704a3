import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualTimeScheduler } from 'rxjs'
import { DeliveryTimeoutError } from '../../src/index.js'
import type { Batch } from '../../src/producer/model/batch.js'
import type { Outcome, ProduceResult } from '../../src/producer/model/outcome.js'
import type { ProducerOptions } from '../../src/producer/options/options.js'
import { partitionOfKey } from '../../src/producer/records/partition-of-key.js'
import { type LoneAccumulator, loneAccumulator } from '../support/accumulator.js'

/* What an accumulator counts, and keeps, when its topic is recreated. */

interface Told {
  readonly acked: string[]
  readonly failed: [string, string][]
  readonly errors: Error[]
}

interface Bench extends Told {
  readonly accumulator: LoneAccumulator
  readonly scheduler: VirtualTimeScheduler
  accept(value: string, fields?: { readonly key?: string; readonly partition?: number }): Error | undefined
  /** Metadata gives the topic of an id so many partitions, of which node 1 leads each. */
  has(topicId: string, partitions: number, node?: number): void
}

function bench(options: Omit<ProducerOptions, 'brokers'> = {}): Bench {
  const scheduler = new VirtualTimeScheduler()
  const accumulator = loneAccumulator({ scheduler, random: () => 0, ...options })
  const told: Told = { acked: [], failed: [], errors: [] }
  const sink = {
    settled(batch: Batch, from: number, to: number, end: Outcome) {
      for (const { value } of batch.records.slice(from, to)) {
        if (end.kind === 'acked') told.acked.push(String(value))
        else told.failed.push([String(value), end.persisted])
        if (end.kind === 'failed') told.errors.push(end.error)
      }
    },
    neverBatched({ value }: { readonly value: unknown }, error: Error) {
      told.failed.push([String(value), 'no'])
      told.errors.push(error)
    },
  }
  accumulator.identify({ producerId: 1n, producerEpoch: 0 })
  return {
    ...told,
    accumulator,
    scheduler,
    accept: (value, fields) => accumulator.accept({ topic: 't', value, ...fields }, sink),
    has: (topicId, partitions, node = 1) =>
      accumulator.update({ name: 't', topicId, leaders: Array(partitions).fill(node), error: undefined }),
  }
}

/** Answers everything that there is to send to a node; gives the values' partitions, as they were sent. */
function drain(accumulator: LoneAccumulator, node: number, result: ProduceResult): [number, number][] {
  const sent: [number, number][] = []
  for (let parts = accumulator.drain(node, MAX); parts.length > 0; parts = accumulator.drain(node, MAX)) {
    for (const { partition, batch } of parts) {
      sent.push([partition.index, batch.count])
      accumulator.answered(partition, batch, result)
      accumulator.offer(partition)
    }
  }
  return sent
}

/** Bytes of the largest request. */
const MAX = 1_048_576

const STORED: ProduceResult = { kind: 'stored', baseOffset: 0n, logAppendTime: -1 }

/** Lets virtual time pass. */
function pass(scheduler: VirtualTimeScheduler, ms: number): void {
  scheduler.maxFrames = scheduler.frame + ms
  scheduler.flush()
  scheduler.frame = scheduler.maxFrames
}

test('records count for no more than before, however many more batches they take, and for nothing when they have ended', () => {
  const { accumulator, accept, has, acked } = bench({ bufferMemory: 200_000, maxRequestSize: 10_000 })
  accept('first')
  has('a', 1)
  let count = 1
  for (let size = 1; accept('x'.repeat(size), { key: `${size % 64}` }) === undefined; size = (size % 150) + 1) count++
  const before = accumulator.memory.bytes
  assert.equal(before > 198_000, true)
  has('b', 64)
  assert.equal(accumulator.memory.bytes <= before, true)
  assert.equal(accumulator.memory.bytes > before * 0.9, true, 'nothing is forgotten either')
  assert.equal(
    accumulator.waitingOn().reduce((sum, { bytes }) => sum + bytes, 0),
    accumulator.memory.bytes,
  )
  drain(accumulator, 1, STORED)
  assert.equal(acked.length, count)
  assert.equal(accumulator.memory.bytes, 0)
  assert.deepEqual(accumulator.waitingOn(), [])
})

test('while answers are owed, what waits counts and is told of; then it goes', async () => {
  const { accumulator, accept, has, acked } = bench()
  accept('a')
  has('a', 2)
  const [part] = accumulator.drain(1, MAX)
  accept('b', { partition: part!.partition.index })
  const before = accumulator.memory.bytes
  has('b', 1, 2)
  accept('c')
  assert.equal(accumulator.memory.bytes > before, true)
  assert.deepEqual(
    accumulator.waitingOn().map(({ partition, error }) => [partition, /recreated/.test(String(error))]),
    [
      [part!.partition.index, true],
      [-1, true],
    ].sort((a, b) => Number(b[0]) - Number(a[0])),
  )
  assert.equal(accumulator.ready.prune(1) || accumulator.ready.prune(2), false)
  let flushed = false
  void accumulator.flush().then(() => {
    flushed = true
  })
  accumulator.answered(part!.partition, part!.batch, STORED)
  accumulator.offer(part!.partition)
  assert.equal(accumulator.ready.prune(1), false)
  assert.deepEqual(drain(accumulator, 2, STORED), [[0, 2]])
  await Promise.resolve()
  assert.equal(flushed, true)
  assert.deepEqual(acked, ['a', 'b', 'c'])
  assert.equal(accumulator.memory.bytes, 0)
})

test('nothing stands in the line of a node that has gone with the old topic', () => {
  const { accumulator, accept, has } = bench()
  accept('a')
  has('a', 3, 1)
  assert.equal(accumulator.ready.prune(1), true)
  const old = [...accumulator.topics.get('t')!.partitions]
  assert.equal(old.filter(({ readyAt }) => readyAt === 1).length, 1)
  has('b', 2, 2)
  assert.equal(old.filter(({ readyAt }) => readyAt !== undefined).length, 0)
  assert.equal(accumulator.ready.prune(1), false)
  assert.equal(accumulator.ready.prune(2), true)
})

test('delivery times go on', () => {
  const { accumulator, scheduler, accept, has, failed, errors } = bench({
    deliveryTimeoutMs: 1_000,
    requestTimeoutMs: 500,
  })
  accept('first')
  has('a', 1, -1)
  pass(scheduler, 300)
  accept('second')
  pass(scheduler, 300)
  // They are in one batch, which has the time of its first.
  has('b', 2, -1)
  pass(scheduler, 399)
  assert.deepEqual(failed, [])
  pass(scheduler, 1)
  assert.deepEqual(failed, [
    ['first', 'no'],
    ['second', 'no'],
  ])
  assert.equal(errors[0] instanceof DeliveryTimeoutError, true)
  assert.equal(accumulator.memory.bytes, 0)
})

test('halves of a batch, and what a broker named in it, are placed anew as one', () => {
  for (const result of [
    { kind: 'tooLarge', error: new Error('large') },
    { kind: 'badRecords', error: new Error('bad'), named: [] },
    { kind: 'badRecords', error: new Error('bad'), named: [{ index: 1, error: new Error('it') }] },
  ] as const) {
    const { accumulator, accept, has, acked, failed } = bench()
    for (let i = 0; i < 6; i++) accept(`${i}`, i < 3 ? { partition: 0 } : { key: `${i}` })
    has('a', 1)
    const [part] = accumulator.drain(1, MAX)
    accumulator.answered(part!.partition, part!.batch, result)
    accumulator.offer(part!.partition)
    const before = accumulator.memory.bytes
    has('b', 1)
    assert.equal(accumulator.memory.bytes <= before, true)
    assert.deepEqual(drain(accumulator, 1, STORED), [[0, 6 - failed.length]])
    assert.deepEqual(
      acked,
      ['0', '1', '2', '3', '4', '5'].filter(value => !failed.some(([one]) => one === value)),
    )
    assert.equal(accumulator.memory.bytes, 0)
  }
})

test('halves know which records named their partition, and come in their batch’s order', () => {
  const { accumulator, accept, has, acked } = bench()
  accept('first', { key: 'b' })
  has('a', 2)
  const [first] = accumulator.drain(1, MAX)
  const other = 1 - first!.partition.index
  for (const value of ['second', 'third']) accept(value, { partition: other })
  const [second] = accumulator.drain(1, MAX)
  accumulator.answered(second!.partition, second!.batch, { kind: 'tooLarge', error: new Error('large') })
  accumulator.answered(first!.partition, first!.batch, { kind: 'rejected', error: new Error('not now') })
  has('b', 2)
  assert.deepEqual(
    drain(accumulator, 1, STORED).toSorted(),
    [
      [first!.partition.index, 1],
      [other, 2],
    ].toSorted(),
  )
  assert.deepEqual(acked.toSorted(), ['first', 'second', 'third'])
})

test('what is left of batches comes in the order in which they were opened, halves too', () => {
  const { accumulator, accept, has, acked } = bench()
  const keyOf = (partition: number): string =>
    ['a', 'b', 'c', 'd', 'e'].find(key => partitionOfKey(key, 2) === partition)!
  accept('0', { key: keyOf(1) })
  has('a', 2)
  accept('1', { key: keyOf(0) })
  accept('2', { key: keyOf(0) })
  for (const { partition, batch } of accumulator.drain(1, MAX)) {
    const kind = partition.index === 0 ? 'tooLarge' : 'rejected'
    accumulator.answered(partition, batch, { kind, error: new Error(kind) })
  }
  has('b', 1)
  drain(accumulator, 1, STORED)
  assert.deepEqual(acked, ['0', '1', '2'])
})

test('a compressed batch that was rejected is placed anew', () => {
  const { accumulator, accept, has, acked } = bench({ compression: 'snappy' })
  for (let i = 0; i < 50; i++) accept(`value ${i}`.repeat(10))
  has('a', 1)
  const [part] = accumulator.drain(1, MAX)
  accumulator.answered(part!.partition, part!.batch, { kind: 'rejected', error: new Error('not now') })
  accumulator.offer(part!.partition)
  has('b', 1)
  assert.deepEqual(drain(accumulator, 1, STORED), [[0, 50]])
  assert.deepEqual(
    acked,
    Array.from({ length: 50 }, (_, i) => `value ${i}`.repeat(10)),
  )
})

test('the producer id that the old topic waited for is the new one’s; no epoch is used twice', () => {
  const { accumulator, accept, has } = bench()
  accept('a', { partition: 1 })
  has('a', 2)
  drain(accumulator, 1, STORED)
  // In turn without and with the partition: what it has used up is kept.
  has('b', 1)
  has('c', 2)
  accept('b', { partition: 1 })
  const [second] = accumulator.drain(1, MAX)
  assert.deepEqual([second!.batch.identity?.producerEpoch, second!.batch.baseSequence], [1, 0])
  accumulator.answered(second!.partition, second!.batch, { kind: 'fenced', error: new Error('somebody else') })
  accumulator.offer(second!.partition)
  assert.equal(second!.partition.sequences.identity, undefined)
  has('d', 1)
  accumulator.identify({ producerId: 2n, producerEpoch: 0 })
  has('e', 2)
  accept('c', { partition: 1 })
  const [third] = accumulator.drain(1, MAX)
  assert.deepEqual(
    [third!.batch.identity?.producerId, third!.batch.identity?.producerEpoch, third!.batch.baseSequence],
    [2n, 0, 0],
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualTimeScheduler } from 'rxjs'
import type { Batch } from '../../src/producer/model/batch.js'
import type { ProduceResult } from '../../src/producer/model/outcome.js'
import { VirtualTime } from '../../src/testing/index.js'
import { loneAccumulator, MAX_REQUEST_SIZE } from '../support/accumulator.js'

const unheard = { settled() {}, neverBatched() {} }

test('of a batch that has ended nothing is kept but what its acks hold', () => {
  const accumulator = loneAccumulator()
  const told: unknown[] = []
  let ended: Batch | undefined
  const sink = {
    settled(batch: Batch, from: number, to: number) {
      told.push(...batch.records.slice(from, to))
      ended = batch
    },
    neverBatched() {},
  }
  const records = ['a', 'b', 'c'].map(value => ({ topic: 't', value }))
  for (const record of records) assert.equal(accumulator.accept(record, sink), undefined)
  accumulator.identify({ producerId: 1n, producerEpoch: 0 })
  accumulator.update({ name: 't', topicId: '', leaders: [1], error: undefined })
  const [part] = accumulator.drain(1, MAX_REQUEST_SIZE)
  accumulator.answered(part!.partition, part!.batch, { kind: 'stored', baseOffset: 0n, logAppendTime: -1 })
  assert.deepEqual(told, records)
  assert.equal(accumulator.memory.bytes, 0)
  // Or whatever keeps a dead batch alive for a while keeps its records alive, which is most of the garbage there is.
  assert.deepEqual(ended?.records, [])
})

test('a batch that has no room for the next record without key waits for no linger', () => {
  // By time that does not pass.
  const scheduler = new VirtualTimeScheduler()
  const accumulator = loneAccumulator({ linger: 1000, batchSize: 1000, scheduler, random: () => 0 })
  accumulator.identify({ producerId: 1n, producerEpoch: 0 })
  accumulator.accept({ topic: 't', value: 'first' }, unheard)
  accumulator.update({ name: 't', topicId: '', leaders: [1, 1, 1], error: undefined })
  const value = 'x'.repeat(400)
  accumulator.accept({ topic: 't', value }, unheard)
  accumulator.accept({ topic: 't', value }, unheard)
  assert.deepEqual(accumulator.drain(1, MAX_REQUEST_SIZE), [])
  // Goes to the next partition, so that nothing more comes to the one before.
  accumulator.accept({ topic: 't', value }, unheard)
  assert.deepEqual(
    accumulator.drain(1, MAX_REQUEST_SIZE).map(({ partition, batch }) => [partition.index, batch.count]),
    [[0, 3]],
  )
  assert.deepEqual(accumulator.drain(1, MAX_REQUEST_SIZE), [])
})

test('later batches are made smaller when one was too large, not when records of it were bad; memory is counted to the byte', () => {
  for (const [kind, later] of [
    ['tooLarge', 1],
    ['badRecords', 4],
  ] as const) {
    const accumulator = loneAccumulator({ random: () => 0 })
    accumulator.identify({ producerId: 1n, producerEpoch: 0 })
    for (let i = 0; i < 4; i++) accumulator.accept({ topic: 't', value: 'x'.repeat(100) }, unheard)
    accumulator.update({ name: 't', topicId: '', leaders: [1], error: undefined })
    const result = { kind, error: new Error('refused'), named: [] }
    const before = accumulator.memory.bytes
    const answer = (...results: readonly ProduceResult[]): void => {
      for (const one of results) {
        const [part] = accumulator.drain(1, MAX_REQUEST_SIZE)
        accumulator.answered(part!.partition, part!.batch, one)
        accumulator.offer(part!.partition)
      }
    }
    answer(result)
    assert.equal(accumulator.memory.bytes, before)
    answer(result, result, result)
    assert.ok(accumulator.memory.bytes < before && accumulator.memory.bytes > 0)
    answer(result, result, result)
    assert.equal(accumulator.memory.bytes, 0)
    for (let i = 0; i < 4; i++) accumulator.accept({ topic: 't', value: 'x'.repeat(100) }, unheard)
    assert.equal(accumulator.drain(1, MAX_REQUEST_SIZE)[0]?.batch.count, later, kind)
  }
})

test('what a partition, or a topic that is not known, holds is counted to the byte', async () => {
  const scheduler = new VirtualTime()
  const accumulator = loneAccumulator({ scheduler, random: () => 0, deliveryTimeoutMs: 1_000, requestTimeoutMs: 500 })
  accumulator.identify({ producerId: 1n, producerEpoch: 0 })
  const held = (): number[] => {
    const topic = accumulator.topics.get('t')!
    return [topic.awaitingBytes, ...topic.partitions.map(partition => partition.bufferedBytes)]
  }
  const accept = (partition: number): void => {
    accumulator.accept({ topic: 't', value: 'x'.repeat(100), partition }, unheard)
  }
  for (const partition of [0, 0, 1]) accept(partition)
  assert.deepEqual(held(), [accumulator.memory.bytes])
  accumulator.update({ name: 't', topicId: '', leaders: [1, -1], error: undefined })
  accept(1)
  const [none, ...each] = held() as [number, number, number]
  assert.deepEqual([none, each[0] + each[1]!], [0, accumulator.memory.bytes])
  const [part] = accumulator.drain(1, MAX_REQUEST_SIZE)
  accumulator.answered(part!.partition, part!.batch, { kind: 'tooLarge', error: new Error('too large') })
  accumulator.obstacles.responded(1, false)
  assert.deepEqual(held(), [0, ...each])
  for (let i = 0; i < 2; i++) {
    accumulator.offer(part!.partition)
    const [half] = accumulator.drain(1, MAX_REQUEST_SIZE)
    accumulator.answered(half!.partition, half!.batch, { kind: 'stored', baseOffset: BigInt(i), logAppendTime: -1 })
    accumulator.obstacles.responded(1, false)
  }
  assert.deepEqual(held(), [0, 0, each[1]])
  const { changes } = accumulator.obstacles
  await scheduler.advance(1_000)
  assert.deepEqual([held(), accumulator.memory.bytes, accumulator.obstacles.changes > changes], [[0, 0, 0], 0, true])
})

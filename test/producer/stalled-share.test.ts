import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { BufferMemory } from '../../src/producer/batching/buffer-memory.js'
import { StalledShare } from '../../src/producer/batching/stalled-share.js'
import { RECORD_COST } from '../../src/producer/model/batch.js'
import { Partition } from '../../src/producer/model/partition.js'
import type { AckSink } from '../../src/producer/model/sinks.js'
import { Topic } from '../../src/producer/model/topic.js'

/** Three quarters of what is left beside the largest record are 75,000 bytes. */
const OPTIONS = { bufferMemory: 101_000 + RECORD_COST, maxRequestSize: 1_000 }
const sink = (yields: boolean): AckSink => ({ yields, settled() {}, neverBatched() {} })
const error = new Error('nobody leads it')

let memory: BufferMemory
let topic: Topic
let unknown: Topic
let share: StalledShare
let obstacles: { changes: number; moves(partition: Partition): boolean; of(): Error }
let stalled: Set<number>

beforeEach(() => {
  memory = new BufferMemory(OPTIONS, () => {})
  topic = new Topic('t', 1_000)
  unknown = new Topic('u', 1_000)
  for (let i = 0; i < 3; i++) {
    topic.partitions.push(new Partition('t', i, 1))
  }
  stalled = new Set([0])
  obstacles = { changes: 0, moves: ({ index }) => !stalled.has(index), of: () => error }
  share = new StalledShare(OPTIONS, memory, obstacles, [topic, unknown])
})

/** Takes so many bytes for a partition, -1 for the topic of which nothing is known, or says why not. */
function take(index: number, bytes: number, yields = true): Error | undefined {
  const partition = topic.partitions[index]
  const refusal = share.refuse(sink(yields), bytes, partition === undefined ? unknown : topic, partition)
  if (refusal !== undefined) return refusal
  if (partition === undefined) unknown.awaitingBytes += bytes
  else partition.bufferedBytes += bytes
  memory.bytes += bytes
  return undefined
}

test('partitions that do not move hold three quarters, all together, whatever others hold', () => {
  take(1, 24_000)
  assert.equal(take(0, 70_000), undefined)
  assert.equal(take(0, 6_000) instanceof Error, true)
  assert.equal(take(0, 5_000), undefined)
  assert.equal(take(0, 1) instanceof Error, true)
  assert.equal(take(1, 1), undefined)
  stalled.add(2)
  obstacles.changes++
  assert.equal(take(2, 1) instanceof Error, true)
})

test('what healthy partitions hold does not count', () => {
  take(1, 95_000)
  assert.deepEqual([take(0, 2_000), take(2, 2_000)], [undefined, undefined])
})

test('what moves again, or is gone, counts no more', () => {
  take(1, 20_000)
  take(0, 75_000)
  assert.equal(take(0, 1) instanceof Error, true)
  stalled = new Set([2])
  obstacles.changes++
  assert.equal(take(2, 2_000), undefined)
  stalled.add(0)
  topic.partitions[0]!.bufferedBytes -= 50_000
  obstacles.changes++
  assert.equal(take(0, 2_000), undefined)
})

test('a topic of which nothing was learnt counts once an answer, or a failure, has said so', () => {
  assert.equal(take(-1, 90_000), undefined)
  assert.equal(take(-1, 1_000), undefined)
  unknown.error = error
  obstacles.changes++
  assert.equal(take(-1, 1_000) instanceof Error, true)
  assert.equal(take(0, 1_000) instanceof Error, true, 'together')
})

test('where the buffer is no larger than the largest record, one is taken all the same', () => {
  share = new StalledShare({ ...OPTIONS, bufferMemory: 1_000 + RECORD_COST }, memory, obstacles, [topic, unknown])
  assert.deepEqual([take(0, 500), take(0, 500) instanceof Error], [undefined, true])
})

test('records of sources that do not yield are taken, and count', () => {
  assert.equal(take(0, 80_000, false), undefined)
  assert.equal(take(0, 1_000, false), undefined)
  assert.equal(take(0, 1_000) instanceof Error, true)
})

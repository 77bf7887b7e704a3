import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { ReadyPartitions } from '../../src/producer/batching/ready-partitions.js'
import { Batch } from '../../src/producer/model/batch.js'
import { Obstacles } from '../../src/producer/model/obstacles.js'
import type { ProduceResult } from '../../src/producer/model/outcome.js'
import type { AckSink } from '../../src/producer/model/sinks.js'
import { VirtualTime } from '../../src/testing/index.js'
import { UNCOMPRESSED } from '../support/packing.js'
import { append } from '../support/taken.js'
import { ToldPartition } from '../support/told-partition.js'

const SINK: AckSink = { settled() {}, neverBatched() {} }
const STORED: ProduceResult = { kind: 'stored', baseOffset: 0n, logAppendTime: -1 }
const REJECTED: ProduceResult = { kind: 'rejected', error: new Error('NOT_ENOUGH_REPLICAS') }
const LOST: ProduceResult = { kind: 'unknown', error: new Error('connection lost') }
const GONE = new Error('connection reset')

let time: VirtualTime
let lines: ReadyPartitions
let obstacles: Obstacles
/** Two partitions that node 1 leads, and one that node 2 does. */
let partitions: ToldPartition[]
/** Of the records that were drained, in order. */
let drained: { partition: ToldPartition; batch: Batch; node: number }[]

beforeEach(() => {
  time = new VirtualTime()
  lines = new ReadyPartitions()
  obstacles = new Obstacles(time, nodeId => lines.has(nodeId))
  lines.ready$.subscribe(nodeId => obstacles.ready(nodeId))
  partitions = [1, 1, 2].map((node, index) => {
    const partition = new ToldPartition('t', index, 10)
    partition.ledBy(node)
    partition.sequences.identity = { producerId: 1n, producerEpoch: 0 }
    return partition
  })
  drained = []
})

function add(index: number): void {
  const batch = new Batch('t', index, Buffer.alloc(200))
  append(batch, { topic: 't', value: 'v' }, 0, SINK)
  batch.due = true
  partitions[index]!.add(batch)
  lines.offer(partitions[index]!)
}

function draw(node: number): void {
  const parts = lines.drain(node, 1_000, UNCOMPRESSED)
  drained.push(...parts.map(part => ({ ...part, partition: part.partition as ToldPartition, node })))
  obstacles.sent(node)
}

/** The oldest request, of one batch, comes to this. */
function answer(result: ProduceResult): void {
  const { partition, batch, node } = drained.shift()!
  partition.answered(batch, result)
  lines.offer(partition)
  obstacles.responded(node, result === LOST)
}

const moving = (): boolean[] => partitions.map(partition => obstacles.moves(partition))

test('a broker that has not answered for a second hangs, and all that it leads; the answer shows that it moves', async () => {
  add(0)
  draw(1)
  await time.advance(999)
  assert.deepEqual(moving(), [true, true, true])
  const { changes } = obstacles
  await time.advance(1)
  assert.deepEqual([moving(), obstacles.changes > changes], [[false, false, true], true])
  answer(STORED)
  assert.deepEqual(moving(), [true, true, true])
})

test('what waits for a connection counts as what waits for an answer', async () => {
  add(0)
  await time.advance(1_000)
  assert.deepEqual(moving(), [false, false, true])
})

test('each answer begins the second anew, and so does work after a rest', async () => {
  for (const index of [0, 1]) add(index)
  draw(1)
  await time.advance(900)
  const second = drained.pop()!
  obstacles.sent(1)
  answer(STORED)
  drained.push(second)
  await time.advance(900)
  assert.deepEqual(moving(), [true, true, true])
  answer(STORED)
  // At rest.
  await time.advance(700)
  add(0)
  await time.advance(700)
  assert.deepEqual(moving(), [true, true, true])
  await time.advance(300)
  assert.deepEqual(moving(), [false, false, true])
})

test('a broker is not called silent for work that is gone by then', async () => {
  add(0)
  partitions[0]!.expired(partitions[0]!.next)
  const { changes } = obstacles
  await time.advance(1_000)
  assert.equal(obstacles.changes, changes)
  add(0)
  assert.deepEqual(moving(), [true, true, true])
})

test('a broker whose connection broke does not move while it has work, whether it is connected again or not', () => {
  const { changes } = obstacles
  obstacles.disconnected(1, GONE)
  // Brokers close connections that are idle: that shows nothing.
  assert.deepEqual([moving(), obstacles.changes > changes], [[true, true, true], true])
  add(0)
  assert.deepEqual(moving(), [false, false, true])
  obstacles.connected(1)
  draw(1)
  assert.deepEqual(moving(), [false, false, true])
  answer(LOST)
  partitions[0]!.backOffEnded()
  lines.offer(partitions[0]!)
  draw(1)
  assert.deepEqual(moving(), [false, false, true], 'a lost answer is none')
  answer(STORED)
  assert.deepEqual(moving(), [true, true, true])
})

test('a broker that asked for a pause does not move until that is over', () => {
  const { changes } = obstacles
  obstacles.pauseBegan(2, 500)
  assert.deepEqual([moving(), obstacles.changes > changes], [[true, true, false], true])
  obstacles.pauseEnded(2)
  assert.deepEqual(moving(), [true, true, true])
})

test('a partition whose batch is sent again does not move until one is stored, or none is left', () => {
  for (const end of ['stored', 'expired']) {
    add(0)
    draw(1)
    const { changes } = obstacles
    answer(REJECTED)
    assert.deepEqual([moving(), obstacles.changes > changes], [[false, true, true], true])
    partitions[0]!.backOffEnded()
    lines.offer(partitions[0]!)
    if (end === 'stored') {
      draw(1)
      answer(STORED)
    } else partitions[0]!.expired(partitions[0]!.next)
    assert.deepEqual(moving(), [true, true, true], end)
  }
})

test('nor does one that waits for the answers to others of its batches', () => {
  add(0)
  draw(1)
  answer(STORED)
  for (let i = 0; i < 2; i++) {
    add(0)
    draw(1)
  }
  answer(REJECTED)
  assert.deepEqual(moving(), [false, true, true])
})

test('nor one that nobody leads, or whose old leader still owes an answer', () => {
  add(0)
  draw(1)
  const { changes } = obstacles
  partitions[0]!.ledBy(2)
  partitions[1]!.ledBy(-1)
  obstacles.changed()
  assert.deepEqual([moving(), obstacles.changes > changes], [[false, false, true], true])
  answer(STORED)
  assert.deepEqual(moving(), [true, false, true])
})

test('without work there is no timer, nor after the end', async () => {
  add(0)
  draw(1)
  assert.equal(time.pending, 1)
  answer(STORED)
  assert.equal(time.pending, 0)
  add(0)
  obstacles.stop()
  assert.equal(time.pending, 0)
})

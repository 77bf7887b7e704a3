import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReadyPartitions } from '../../src/producer/batching/ready-partitions.js'
import { Batch } from '../../src/producer/model/batch.js'
import { UNCOMPRESSED } from '../support/packing.js'
import { append } from '../support/taken.js'
import { ToldPartition } from '../support/told-partition.js'

function partitionOf(leader: number): ToldPartition {
  const partition = new ToldPartition('t', 0, 10)
  partition.sequences.identity = { producerId: 1n, producerEpoch: 0 }
  partition.ledBy(leader)
  const batch = new Batch('t', 0, Buffer.alloc(200))
  append(batch, { topic: 't', value: 'v' }, 0, { settled() {}, neverBatched() {} })
  batch.due = true
  partition.add(batch)
  return partition
}

test('a partition is ready at its new leader at once, though the old one drains nothing', () => {
  const ready = new ReadyPartitions()
  const announced: number[] = []
  ready.ready$.subscribe(nodeId => announced.push(nodeId))
  const partition = partitionOf(1)
  ready.offer(partition)
  partition.ledBy(2)
  ready.offer(partition)
  assert.deepEqual(announced, [1, 2])
  assert.deepEqual(
    ready.drain(2, 1_000, UNCOMPRESSED).map(part => part.partition),
    [partition],
  )
})

test('a partition that is ready already is not announced again', () => {
  const ready = new ReadyPartitions()
  const announced: number[] = []
  ready.ready$.subscribe(nodeId => announced.push(nodeId))
  const partition = partitionOf(1)
  ready.offer(partition)
  ready.offer(partition)
  assert.deepEqual(announced, [1])
})

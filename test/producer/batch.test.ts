import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Observable } from 'rxjs'
import { BatchAcks } from '../../src/producer/acks/ack-streams.js'
import { Batch } from '../../src/producer/model/batch.js'
import type { BatchAck } from '../../src/producer/model/batch-ack.js'
import { decodeRecordBatches, decodeRecords } from '../../src/protocol/records/record-batch.js'
import { packWith } from '../support/packing.js'
import { append } from '../support/taken.js'

function batchOf(timestamps: readonly number[]): { batch: Batch; acks: BatchAck[] } {
  const batch = new Batch('t', 0, Buffer.allocUnsafe(1024))
  const acks: BatchAck[] = []
  new Observable<BatchAck>(subscriber => {
    const sink = new BatchAcks(subscriber)
    for (const [i, timestamp] of timestamps.entries()) {
      const record = { topic: 't', value: `v${i}` }
      append(batch, record, timestamp, sink)
      sink.accepted()
    }
  }).subscribe(ack => acks.push(ack))
  return { batch, acks }
}

test('a batch that has let go of its records holds none; its ack does', () => {
  const { batch, acks } = batchOf([1, 1, 2])
  batch.settle({ kind: 'acked', baseOffset: 7n, logAppendTime: -1 })
  batch.release()
  assert.deepEqual(batch.records, [])
  assert.deepEqual(
    [...acks[0]!].map(ack => [ack.record.value, ack.kind === 'acked' && ack.offset]),
    [
      ['v0', 7n],
      ['v1', 8n],
      ['v2', 9n],
    ],
  )
})

test('each record has its own timestamp, in whatever order they are asked for', () => {
  const timestamps = [5, 5, 5, 3, 3, 9, 5, 0]
  const { batch } = batchOf(timestamps)
  const indexes = [...timestamps.keys()]
  for (const order of [indexes, indexes.toReversed(), [7, 0, 3, 2, 4, 6, 1, 5]]) {
    for (const i of order) assert.equal(batch.timestampOf(i), timestamps[i], `record ${i}`)
  }
})

test('parts of any of its records, in any groups: together they count for what the batch does, to the byte', () => {
  const { batch } = batchOf([1, 2, 2, 3, 3, 3, 4])
  const groupings = [
    [[0], [1, 2, 3, 4, 5, 6]],
    [[1, 5], [3], [0, 2, 4, 6]],
    [[6], [5], [4], [3], [2], [1], [0]],
  ]
  for (const encoded of [batch.size, 61, 6, 0]) {
    batch.encoded = encoded
    for (const groups of groupings) {
      const parts = batch.split(groups)
      assert.equal(
        parts.reduce((sum, part) => sum + part.reserved, 0),
        batch.reserved,
      )
      for (const [i, part] of parts.entries()) {
        assert.ok(part.encoded >= 0)
        assert.equal(part.count, groups[i]!.length)
      }
    }
  }
})

test('a part has its records, their timestamps and bytes, and the attempts of the batch; also if that was never sent', () => {
  const { batch, acks } = batchOf([1, 2, 2, 3, 9])
  batch.attempts = 3
  const [part] = batch.split([[1, 3, 4], [0], [2]]) as [Batch]
  packWith('snappy', part)
  part.number({ producerId: 1n, producerEpoch: 0 }, 7)
  part.stamp()
  const [bytes] = decodeRecordBatches(part.bytes!)
  assert.deepEqual([bytes!.crcValid, bytes!.compression, bytes!.baseSequence, bytes!.maxTimestamp], [true, 2, 7, 9n])
  assert.deepEqual(
    decodeRecords(bytes!).map(({ value, timestamp }) => [`${value}`, timestamp]),
    [
      ['v1', 2n],
      ['v3', 3n],
      ['v4', 9n],
    ],
  )
  part.settle({ kind: 'failed', error: new Error('bad'), persisted: 'no' })
  assert.deepEqual(
    [...acks[0]!].map(ack => [ack.record.value, ack.kind === 'failed' && ack.attempts]),
    [
      ['v1', 3],
      ['v3', 3],
      ['v4', 3],
    ],
  )
})

test('a part asks for no more memory than its records take', () => {
  const { batch } = batchOf(Array.from({ length: 1000 }, () => 1))
  const parts = batch.split(Array.from({ length: 1000 }, (_, i) => [i]))
  for (const part of parts) assert.ok(part.memory.length < 200, `${part.memory.length}`)
})

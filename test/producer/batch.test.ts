import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Observable } from 'rxjs'
import { type BatchAck, BatchAcks } from '../../src/producer/acks.js'
import { Batch } from '../../src/producer/batch.js'
import { append } from '../support/taken.js'

function batchOf(timestamps: readonly number[]): { batch: Batch; acks: BatchAck[] } {
  const batch = new Batch('t', 0, Buffer.allocUnsafe(1024))
  const acks: BatchAck[] = []
  new Observable<BatchAck>(subscriber => {
    const sink = new BatchAcks(subscriber)
    for (const [i, timestamp] of timestamps.entries()) {
      const record = { topic: 't', value: `v${i}` }
      append(batch, record, timestamp, sink)
      sink.taken()
    }
  }).subscribe(ack => acks.push(ack))
  return { batch, acks }
}

test('a batch that has let go of its records holds none; its ack does', () => {
  const { batch, acks } = batchOf([1, 1, 2])
  batch.settle({ kind: 'acked', baseOffset: 7n, logAppendTime: -1 })
  batch.letGo()
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

import { PartitionChooser } from '../../../src/producer/batching/partition-chooser.js'
import { ReadyPartitions } from '../../../src/producer/batching/ready-partitions.js'
import { Topic } from '../../../src/producer/model/topic.js'
import { stamp } from '../../../src/producer/sequencing/stamp.js'
import { RecordLengths } from '../../../src/protocol/records/record-batch-builder.js'
import { UNCOMPRESSED } from '../../support/packing.js'
import type { ToldPartition } from '../../support/told-partition.js'
import type { Stage } from '../measure.js'
import { batch, partition, STORED, VALUE } from './parts.js'

/** Where a record goes. */
export function choosing(): Stage[] {
  const topic = new Topic('t', 262_144)
  for (let index = 0; index < 3; index++) {
    const one = partition(index)
    one.add(batch(index, 1))
    topic.partitions.push(one)
    topic.count++
  }
  const chooser = new PartitionChooser(0, { changes: 0, moves: () => true }, () => {})
  const lengths = new RecordLengths()
  lengths.measure(undefined, VALUE, undefined)
  const keyed = Array.from({ length: 1000 }, (_, i) => `customer-${i}`)
  return [
    {
      name: 'partition, without key',
      unit: 'record',
      count: 100_000,
      run() {
        for (let i = 0; i < 100_000; i++) chooser.choose(undefined, undefined, topic, lengths)
      },
    },
    {
      name: 'partition, by key',
      unit: 'record',
      count: 20_000,
      run() {
        for (let i = 0; i < 20_000; i++) chooser.choose(undefined, keyed[i % 1000]!, topic, lengths)
      },
    },
  ]
}

export function stamping(): Stage {
  const one = batch(0, 10)
  one.pack()
  const request = { parts: [{ partition: partition(0), batch: one }] }
  stamp(request)
  const { bytes } = one
  return {
    name: 'stamp',
    unit: 'batch',
    count: 50_000,
    run() {
      for (let i = 0; i < 50_000; i++) {
        // With its bytes still there it is numbered and not stamped.
        one.unstamp()
        one.bytes = bytes
        stamp(request)
      }
    },
  }
}

/** What `offer` costs when the partition is in its list already. */
export function offering(): Stage {
  const ready = new ReadyPartitions()
  const one = partition(0)
  one.add(batch(0, 1))
  return {
    name: 'ready partition, offered again',
    unit: 'batch',
    count: 100_000,
    run() {
      for (let i = 0; i < 100_000; i++) ready.offer(one)
    },
  }
}

/** A short batch's path through its partition, from being offered to its result; requests drain 64 at a time. */
export function draining(partitions: number): Stage {
  const ready = new ReadyPartitions()
  const maxBytes = 64 * batch(0, 1).size
  const all = Array.from({ length: partitions }, (_, index) => partition(index))
  const count = Math.max(partitions, 500)
  let batches = fresh()
  function fresh() {
    return Array.from({ length: count }, (_, i) => batch(i % partitions, 1))
  }
  return {
    name: `drain and recovery, ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`,
    unit: 'batch',
    count,
    run() {
      for (const one of batches) {
        const its = all[one.partition]!
        its.add(one)
        ready.offer(its)
      }
      for (
        let parts = ready.drain(1, maxBytes, UNCOMPRESSED);
        parts.length > 0;
        parts = ready.drain(1, maxBytes, UNCOMPRESSED)
      ) {
        for (const part of parts) {
          ;(part.partition as ToldPartition).answered(part.batch, STORED)
          ready.offer(part.partition)
        }
      }
    },
    reset() {
      batches = fresh()
    },
  }
}

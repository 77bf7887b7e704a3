import { Batch } from '../../../src/producer/model/batch.js'
import type { ProducerRecord } from '../../../src/producer/model/record.js'
import type { AckSink } from '../../../src/producer/model/sinks.js'
import { append } from '../../support/taken.js'
import { ToldPartition } from '../../support/told-partition.js'

export const VALUE: string = 'x'.repeat(100)
export const RECORD: ProducerRecord = { topic: 't', value: VALUE }
export const STORED = { kind: 'stored', baseOffset: 0n, logAppendTime: -1 } as const

const NOTHING = { settled() {}, neverBatched() {} }

/** A partition that node 1 leads, ready to send. */
export function partition(index: number): ToldPartition {
  const one = new ToldPartition('t', index, 10)
  one.ledBy(1)
  one.sequences.identity = { producerId: 1n, producerEpoch: 0 }
  return one
}

/** A batch that is due. */
export function batch(index: number, records: number, sink: AckSink = NOTHING): Batch {
  const one = new Batch('t', index, Buffer.allocUnsafeSlow(records * 200 + 100))
  for (let i = 0; i < records; i++) append(one, RECORD, 1_700_000_000_000 + i, sink)
  one.due = true
  return one
}

import type { Batch } from '../../src/producer/model/batch.js'
import type { ProducerRecord } from '../../src/producer/model/record.js'
import type { AckSink } from '../../src/producer/model/sinks.js'
import type { TakenRecord } from '../../src/producer/model/taken-record.js'
import { takeRecord } from '../../src/producer/records/read-record.js'
import { RecordLengths } from '../../src/protocol/records/record-batch-builder.js'

/** A record as the producer takes it; throws if it cannot be sent. */
export function taken(record: ProducerRecord): TakenRecord {
  const taken = takeRecord(record)
  if (taken instanceof Error) throw taken
  return taken
}

const lengths = new RecordLengths()

/** Appends a record to a batch as the accumulator does. */
export function append(batch: Batch, record: ProducerRecord, timestamp: number, sink: AckSink): void {
  const { key, value, headers } = taken(record)
  lengths.measure(key, value, headers)
  batch.append(record, key, value, headers, timestamp, lengths, sink)
}

import type { AckSink } from './sinks.js'
import type { TakenRecord } from './taken-record.js'

/** A record of a topic whose partitions are not known yet, or not known any more. */
export interface AwaitingRecord {
  readonly taken: TakenRecord
  readonly timestamp: number
  readonly sink: AckSink
  /** Start of the record's delivery timeout, by the scheduler's clock. */
  readonly acceptedAt: number
  /** What it counts for in `bufferMemory`. */
  readonly bytes: number
}

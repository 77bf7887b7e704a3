import type { HeaderPair, RecordData } from '../../protocol/records/record-batch-builder.js'
import type { ProducerRecord } from './record.js'

/** A record that could not be encoded at once, as it was when the producer took it, with bytes of its own. */
export interface TakenRecord {
  /** The user's object. */
  readonly record: ProducerRecord
  readonly topic: string
  readonly key: RecordData | undefined
  readonly value: RecordData
  readonly headers: readonly HeaderPair[] | undefined
  readonly partition: number | undefined
  readonly timestamp: number | undefined
}

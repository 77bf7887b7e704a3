import type { HeaderPair, RecordData } from '../../protocol/records/record-batch-builder.js'
import type { Headers, ProducerRecord } from './record.js'

/**
 * A record on its way through the producer, if there are interceptors: has the fields of the record that they made, and remembers the
 * object that its user sent, which the user's ack returns. Reads a field only when it is asked for it.
 */
export class InterceptedRecord implements ProducerRecord {
  /** What the user sent. */
  readonly original: ProducerRecord
  /** What each interceptor made of it, in their order. */
  readonly stages: readonly ProducerRecord[]
  readonly #sent: ProducerRecord

  constructor(original: ProducerRecord, stages: readonly ProducerRecord[]) {
    this.original = original
    this.stages = stages
    this.#sent = stages[stages.length - 1]!
  }

  get topic(): string {
    return this.#sent.topic
  }

  get key(): RecordData | undefined {
    return this.#sent.key
  }

  get value(): RecordData {
    return this.#sent.value
  }

  get headers(): Headers | Iterable<HeaderPair> | undefined {
    return this.#sent.headers
  }

  get partition(): number | undefined {
    return this.#sent.partition
  }

  get timestamp(): number | undefined {
    return this.#sent.timestamp
  }

  get metadata(): unknown {
    return this.#sent.metadata
  }
}

/** Returns the record as the last interceptor made it. */
export function sentForm(record: ProducerRecord): ProducerRecord {
  return record instanceof InterceptedRecord ? record.stages[record.stages.length - 1]! : record
}

/** Returns the object that the user sent. */
export function originalOf(record: ProducerRecord): ProducerRecord {
  return record instanceof InterceptedRecord ? record.original : record
}

import type { ProducerRecord } from '../model/record.js'
import { type Made, makeRecord, type RecordMapping } from './serializer.js'

/** Makes the records of one stream from its data. */
export interface Maker<I> {
  /** Records that asynchronous serializers work on at once; undefined: the default. */
  readonly concurrency: number | undefined
  /** Never throws, and never rejects. */
  make(data: I): Made<unknown> | Promise<Made<unknown>>
  /** Passes a record through the interceptors, right before it is accepted; undefined: there are none. */
  readonly intercept?: (record: ProducerRecord) => ProducerRecord
  /** Returns a stand-in for the record of data that was never serialized, for its ack. */
  standIn(data: I): ProducerRecord
}

/** Makes records as a mapping says. */
export class MappingMaker<I> implements Maker<I> {
  readonly #mapping: RecordMapping<I>

  constructor(mapping: RecordMapping<I>) {
    this.#mapping = mapping
  }

  get concurrency(): number | undefined {
    return this.#mapping.concurrency
  }

  make(data: I): Made<unknown> | Promise<Made<unknown>> {
    return makeRecord(this.#mapping, data)
  }

  standIn(data: I): ProducerRecord {
    const { topic } = this.#mapping
    return { topic: typeof topic === 'string' ? topic : '', value: null, metadata: data }
  }
}

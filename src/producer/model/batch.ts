import {
  BATCH_HEADER_SIZE,
  type DecodedRecord,
  decodeRecordBatches,
  decodeRecords,
} from '../../protocol/records/record-batch.js'
import {
  type Buffers,
  type HeaderPair,
  type ProducerIdAndEpoch,
  RecordBatchBuilder,
  type RecordData,
  RecordLengths,
} from '../../protocol/records/record-batch-builder.js'
import type { AwaitingRecord } from './awaiting-record.js'
import { Origin } from './origin.js'
import type { Outcome, ProduceResult } from './outcome.js'
import type { ProducerRecord } from './record.js'
import type { AckSink } from './sinks.js'
import type { TakenRecord } from './taken-record.js'
import type { TransactionScope } from './transaction-scope.js'

/** The base sequence of a batch that was never sent, or gave its sequence back. */
export const NO_SEQUENCE = -1

/** The identity in bytes that are decoded again instead of sent. */
const NOBODY: ProducerIdAndEpoch = { producerId: -1n, producerEpoch: -1 }

/**
 * Bytes of memory that a record takes beside its encoded bytes until it has its ack, which returns it to the user. Measured with
 * records of 100 bytes, where it is most of the cost.
 */
export const RECORD_COST = 500

/**
 * Records of one partition that are sent and settled together. A batch is open until it is drained into a request, which seals and
 * stamps it. It keeps its bytes until it is settled: a retry sends the same bytes.
 */
export class Batch {
  readonly topic: string
  readonly partition: number
  /** The transaction that its records belong to. */
  readonly transaction: TransactionScope | undefined
  /** Its bytes before compression. */
  encoded: number
  /** Its place in the order in which batches were opened. Parts of a batch share it. */
  opened = 0
  /** When it was opened, by the scheduler's clock. Parts of a batch share it. */
  openedAt = 0
  /** Its bytes before compression, once it is packed. */
  uncompressedSize = 0
  /** Flags of {@link Origin} of the last record. */
  origin = 0
  /** Empty after {@link release}. */
  records: ProducerRecord[] = []
  identity: ProducerIdAndEpoch | undefined
  baseSequence: number = NO_SEQUENCE
  /** Requests that carried its records. */
  attempts = 0
  /** How many of these carried the batch that it was split from: they do not count against its retries. */
  inherited = 0
  /**
   * It was sent, and no response has said whether it is stored. From then on it may be sent again only as it is, and must not fail
   * with persisted 'no'. It stays unresolved until a broker confirms it: later rejections are about later attempts.
   */
  unresolved = false
  /** How often a broker called it, or the batch that it was split from, corrupt. */
  corruptions = 0
  /** It is part of a batch with a bad record that the broker did not name. Nothing is sent behind it. */
  suspect = false
  /** The other half of that batch, behind this one: it has the bad record if this half is stored. */
  counterpart: Batch | undefined
  /** It has its outcome. */
  settled = false
  /** What the last request said about it; undefined while a request carries it, and before the first. */
  result: ProduceResult | undefined
  /** Why the last request that carried it, or the batch that it was split from, did not store it. */
  failure: Error | undefined
  /** It accepts no more records. */
  sealed = false
  /** A codec reads its records off the event loop: it can't be sent before that ends. */
  compressing = false
  /** It has lingered, or does not have to. */
  due = false
  bytes: Buffer | undefined
  readonly #builder: RecordBatchBuilder
  /** Runs of records from one stream, and where each begins. Most batches have a single run. */
  readonly #sinks: AckSink[] = []
  readonly #starts: number[] = []
  #lastSink: AckSink | undefined
  /** Runs of records with one timestamp: records that are sent in one go share it. */
  readonly #times: number[] = []
  readonly #timeStarts: number[] = []
  #lastTime = -1
  /** The run that was read last: timestamps are read in order. */
  #timeRun = 0
  /** Runs of records of one origin. Records before the first run have no flags. */
  readonly #origins: number[] = []
  readonly #originStarts: number[] = []

  /**
   * @param buffer memory to begin with.
   * @param buffers gives more when that is full.
   */
  constructor(
    topic: string,
    partition: number,
    buffer: Buffer,
    buffers?: Buffers,
    transaction?: TransactionScope | undefined,
  ) {
    this.topic = topic
    this.partition = partition
    this.transaction = transaction
    this.#builder = new RecordBatchBuilder(buffer, buffers)
    this.encoded = this.#builder.size
  }

  /** Whether the last request that carried it stored it. */
  get isStored(): boolean {
    return this.result?.kind === 'stored'
  }

  get count(): number {
    return this.#builder.count
  }

  /** Bytes, header included. */
  get size(): number {
    return this.#builder.size
  }

  /** What it counts for in `bufferMemory`. A compressed copy is smaller, and replaces what it was made from. */
  get reserved(): number {
    return this.encoded + this.count * RECORD_COST
  }

  /** The memory that its records are encoded into. */
  get memory(): Buffer {
    return this.#builder.memory
  }

  /** @param record is returned in the ack; its fields are passed beside it, as they were read. */
  append(
    record: ProducerRecord,
    key: RecordData | undefined,
    value: RecordData,
    headers: readonly HeaderPair[] | undefined,
    timestamp: number,
    lengths: RecordLengths,
    sink: AckSink,
  ): void {
    this.#builder.append(key, value, headers, timestamp, lengths)
    this.#owe(record, timestamp, sink)
  }

  /**
   * Limits what the last record counts for to what it counted for before it was placed here. Returns the difference in bytes.
   *
   * @param growth bytes that the record added to the batch.
   * @param counted bytes that it counted for before.
   */
  discount(growth: number, counted: number): number {
    const header = this.count === 1 ? BATCH_HEADER_SIZE : 0
    const less = Math.max(0, header + growth + RECORD_COST - counted)
    this.encoded -= less
    return less
  }

  /** Gives the records that follow these flags of {@link Origin}. */
  become(origin: number): void {
    this.origin = origin
    this.#origins.push(origin)
    this.#originStarts.push(this.records.length)
  }

  /** Returns the record's timestamp, in ms since 1970. */
  timestampOf(index: number): number {
    const starts = this.#timeStarts
    if (starts[this.#timeRun]! > index) this.#timeRun = 0
    while (this.#timeRun + 1 < starts.length && starts[this.#timeRun + 1]! <= index) this.#timeRun++
    return this.#times[this.#timeRun]!
  }

  /** Its bytes are final, but for what {@link stamp} writes. */
  get isPacked(): boolean {
    return this.#builder.sealed
  }

  /** The encoded records, to be compressed. Only before {@link pack}. */
  get encodedRecords(): Buffer {
    return this.#builder.records
  }

  /**
   * Closes the batch for records, and completes its bytes.
   *
   * @param codec number of the codec that made `compressed` of the {@link encodedRecords}; neither: they are sent as they are.
   */
  pack(codec?: number, compressed?: Uint8Array): void {
    this.sealed = true
    this.uncompressedSize = this.#builder.size
    this.#builder.seal(codec, compressed)
  }

  /**
   * Returns batches that replace this one, without sequences: only for a batch that is certainly not stored. They are made from its
   * bytes, because the user may have changed the records since.
   *
   * @param groups the records of each part by index, in order; each record is in one group.
   */
  split(groups: readonly (readonly number[])[]): Batch[] {
    const decoded = this.#decode()
    const parts = groups.map(indexes => this.#part(decoded, indexes))
    // Together they count for what it did: their additional headers must not make `bufferMemory` overflow.
    const total = this.encoded
    let before = 0
    for (const part of parts) {
      const start = Math.floor((total * before) / this.count)
      before += part.count
      part.encoded = Math.floor((total * before) / this.count) - start
    }
    return parts
  }

  /**
   * Returns the records of a batch that is certainly not stored, as they were when the producer accepted them. Together they count
   * for as many bytes as the batch did.
   *
   * @param acceptedAt when the first of them was accepted.
   */
  takeApart(acceptedAt: number): AwaitingRecord[] {
    const decoded = this.#decode()
    const lengths = new RecordLengths()
    const sizes = decoded.map(({ key, value, headers }) => {
      lengths.measure(key, value, headers)
      return lengths.max
    })
    const total = sizes.reduce((sum, size) => sum + size, 0)
    let [sinkRun, originRun, before, counted] = [0, -1, 0, 0]
    return decoded.map(({ key, value, headers }, i) => {
      while ((this.#starts[sinkRun + 1] ?? this.count) <= i) sinkRun++
      while ((this.#originStarts[originRun + 1] ?? this.count) <= i) originRun++
      const origin = this.#origins[originRun] ?? 0
      const has = (flag: number): boolean => (origin & flag) !== 0
      before += sizes[i]!
      const share = Math.floor((this.encoded * before) / total) - counted
      counted += share
      const timestamp = this.timestampOf(i)
      const taken: TakenRecord = {
        record: this.records[i]!,
        topic: this.topic,
        key: has(Origin.TEXT_KEY) ? String(key) : (key ?? undefined),
        value: has(Origin.TEXT_VALUE) ? String(value) : value,
        headers: headers.length > 0 ? headers : undefined,
        partition: has(Origin.NAMED) ? this.partition : undefined,
        timestamp,
      }
      return { taken, timestamp, sink: this.#sinks[sinkRun]!, acceptedAt, bytes: share + RECORD_COST }
    })
  }

  /** Sets the identity and the base sequence that {@link stamp} writes. */
  number(identity: ProducerIdAndEpoch, baseSequence: number): void {
    this.identity = identity
    this.baseSequence = baseSequence
  }

  /** Makes the bytes to send, with the batch's identity and base sequence. */
  stamp(): void {
    const { identity, baseSequence } = this
    if (identity === undefined) throw new Error('a batch was stamped before it had a sequence')
    this.bytes = this.#builder.stamp(identity, baseSequence)
  }

  /** Gives the sequence back, to be stamped again: only for a batch that is certainly not stored. */
  unstamp(): void {
    this.identity = undefined
    this.baseSequence = NO_SEQUENCE
    this.bytes = undefined
  }

  #decode(): DecodedRecord[] {
    if (!this.isPacked) this.pack()
    const bytes = this.bytes ?? this.#builder.stamp(NOBODY, NO_SEQUENCE)
    return decodeRecords(decodeRecordBatches(bytes)[0]!)
  }

  #part(decoded: readonly DecodedRecord[], indexes: readonly number[]): Batch {
    const lengths = new RecordLengths()
    let size = BATCH_HEADER_SIZE
    for (const i of indexes) {
      const { key, value, headers } = decoded[i]!
      lengths.measure(key, value, headers)
      size += lengths.max
    }
    const part = new Batch(this.topic, this.partition, Buffer.allocUnsafe(size), undefined, this.transaction)
    let [run, originRun] = [0, -1]
    for (const i of indexes) {
      while ((this.#starts[run + 1] ?? this.count) <= i) run++
      while ((this.#originStarts[originRun + 1] ?? this.count) <= i) originRun++
      const origin = this.#origins[originRun] ?? 0
      if (origin !== part.origin) part.become(origin)
      const { key, value, headers } = decoded[i]!
      lengths.measure(key, value, headers)
      const timestamp = this.timestampOf(i)
      part.#builder.append(key, value, headers, timestamp, lengths)
      part.#owe(this.records[i]!, timestamp, this.#sinks[run]!)
    }
    part.opened = this.opened
    part.openedAt = this.openedAt
    part.attempts = this.attempts
    part.failure = this.failure
    part.inherited = this.attempts
    part.corruptions = this.corruptions
    part.sealed = true
    part.due = true
    return part
  }

  #owe(record: ProducerRecord, timestamp: number, sink: AckSink): void {
    if (this.#lastSink !== sink) {
      this.#lastSink = sink
      this.#sinks.push(sink)
      this.#starts.push(this.records.length)
    }
    if (this.#lastTime !== timestamp) {
      this.#lastTime = timestamp
      this.#times.push(timestamp)
      this.#timeStarts.push(this.records.length)
    }
    // Not push(), which V8 does not inline here: a call for each.
    this.records[this.records.length] = record
  }

  /** Gives every record its terminal event. */
  settle(end: Outcome): void {
    this.settled = true
    for (let i = 0; i < this.#sinks.length; i++) {
      this.#sinks[i]!.settled(this, this.#starts[i]!, this.#starts[i + 1] ?? this.records.length, end)
    }
  }

  /**
   * Drops the records of a settled batch. A batch may be garbage long before it is collected: an old one keeps younger ones alive, by
   * some Map's discarded table. With their records in them, most records of a busy producer reached the old generation.
   */
  release(): void {
    this.records = []
  }
}

import type { Compression } from '../../protocol/records/compression.js'
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
import type { TakenRecord } from '../records/taken-record.js'
import type { AwaitingRecord } from './awaiting-record.js'
import { Origin } from './origin.js'
import type { Outcome, ProduceResult } from './outcome.js'
import type { ProducerRecord } from './record.js'

/** Where the acks of a stream's records go: one per `send()` that is subscribed to, not one per record. */
export interface AckSink {
  /** Whether its records may be refused while their partition can't send, to leave room for others. Default false. */
  readonly yields?: boolean
  /** The records `from` up to `to` of the batch have this end. Called once for each record that was taken. */
  settled(batch: Batch, from: number, to: number, end: Outcome): void
  /** A record that was taken failed before it was part of a batch. */
  neverBatched(record: ProducerRecord, error: Error): void
}

/** The sequence of a batch that has none yet: it was never sent, or gave its sequence back. */
export const NO_SEQUENCE = -1

/** Of bytes that are read again, and not sent. */
const NOBODY: ProducerIdAndEpoch = { producerId: -1n, producerEpoch: -1 }

/**
 * What a record takes beside its bytes until it has its terminal event: it comes back in its ack, and so does what it holds.
 * Measured with records of 100 bytes, for which it is most of what there is.
 */
export const RECORD_COST = 500

/**
 * Records of one partition that are sent, and settled, together. It fills, is sealed and stamped when a request takes
 * it, and keeps its bytes until it is settled: a retry sends the very same ones.
 */
export class Batch {
  readonly topic: string
  readonly partition: number
  /** Its bytes before compression. */
  encoded: number
  /** The batch's place in the order in which batches were opened. Parts of a batch share it. */
  opened = 0
  /** Flags of {@link Origin}, of the record that came last. */
  origin = 0
  /** None any more after {@link release}. */
  records: ProducerRecord[] = []
  identity: ProducerIdAndEpoch | undefined
  baseSequence: number = NO_SEQUENCE
  /** Requests that carried its records. */
  attempts = 0
  /** How many of these carried the batch that it is a part of: they do not count against its retries. */
  inherited = 0
  /**
   * It was sent, and no answer has said whether it is stored. From then on it may be sent again only as it is, must not
   * be called failed for certain, and stays so until a broker confirms it: later rejections speak of later attempts.
   */
  unresolved = false
  /** How often a broker has called it, or the batch that it was part of, corrupt. */
  corruptions = 0
  /** A part of a batch of which a broker refuses some record, without saying which. Nothing is sent behind it. */
  suspect = false
  /** The half behind it of the same batch: the bad record is in that one if this one is stored. */
  counterpart: Batch | undefined
  /** It has ended: its records have had their terminal events. */
  settled = false
  /** What the last request that carried it came to; undefined while one does, and before the first. */
  result: ProduceResult | undefined
  /** What was wrong with the last request that carried it, or the batch that it is a part of, and was not stored by that. */
  failure: Error | undefined
  /** No record may be appended. */
  sealed = false
  /** The linger has passed, or nothing is to wait for it. */
  due = false
  bytes: Buffer | undefined
  readonly #builder: RecordBatchBuilder
  /** Runs of records that came from one stream: most batches have a single one. */
  readonly #sinks: AckSink[] = []
  readonly #starts: number[] = []
  #lastSink: AckSink | undefined
  /** Runs of records with one timestamp: records that are sent in one go share it. */
  readonly #times: number[] = []
  readonly #timeStarts: number[] = []
  #lastTime = -1
  /** The run of times that was looked at last: records are looked at in order. */
  #timeRun = 0
  /** Runs of records of one origin; the first ones have none of its flags. */
  readonly #origins: number[] = []
  readonly #originStarts: number[] = []

  /**
   * @param buffer memory to begin with.
   * @param buffers where more comes from.
   */
  constructor(topic: string, partition: number, buffer: Buffer, buffers?: Buffers) {
    this.topic = topic
    this.partition = partition
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

  /** What it counts for in `bufferMemory`. A compressed copy is smaller, and takes the place of what it was made from. */
  get reserved(): number {
    return this.encoded + this.count * RECORD_COST
  }

  /** The memory that it was encoded into. */
  get memory(): Buffer {
    return this.#builder.memory
  }

  /** @param record comes back in the ack; its fields are given beside it, as they were read. */
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
   * Makes the last record count for no more than it did before it was placed here. Returns the difference in bytes.
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

  /** The records that follow have these flags of {@link Origin}. */
  become(origin: number): void {
    this.origin = origin
    this.#origins.push(origin)
    this.#originStarts.push(this.records.length)
  }

  /** Milliseconds since 1970, as the record was sent. */
  timestampOf(index: number): number {
    const starts = this.#timeStarts
    if (starts[this.#timeRun]! > index) this.#timeRun = 0
    while (this.#timeRun + 1 < starts.length && starts[this.#timeRun + 1]! <= index) this.#timeRun++
    return this.#times[this.#timeRun]!
  }

  /** No record follows; the bytes are compressed. */
  seal(compression: Compression): void {
    this.sealed = true
    if (!this.#builder.sealed) this.#builder.seal(compression)
  }

  /**
   * Batches that stand in for this one, without sequences yet: only for one that is certainly not stored. Made from its
   * bytes, for a user may have changed the records since.
   *
   * @param groups the records of each part by their index, in order; each record in one group.
   */
  split(groups: readonly (readonly number[])[]): Batch[] {
    const decoded = this.#decode()
    const parts = groups.map(indexes => this.#part(decoded, indexes))
    // Together what it had: the headers that they have more must not make `bufferMemory` overflow.
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
   * Takes the records out of a batch that is certainly not stored, as they were when the producer took them. Together they count for
   * as many bytes as the batch did.
   *
   * @param takenAt when the first of them was taken.
   */
  takeApart(takenAt: number): AwaitingRecord[] {
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
      return { taken, timestamp, sink: this.#sinks[sinkRun]!, takenAt, bytes: share + RECORD_COST }
    })
  }

  /** Takes an identity and a sequence, which its bytes get when it is stamped. */
  number(identity: ProducerIdAndEpoch, baseSequence: number): void {
    this.identity = identity
    this.baseSequence = baseSequence
  }

  /** Gets its bytes, with the identity and the sequence that it has. */
  stamp(): void {
    const { identity, baseSequence } = this
    if (identity === undefined) throw new Error('a batch was stamped before it had a sequence')
    this.bytes = this.#builder.stamp(identity, baseSequence)
  }

  /** Gives its sequence back, to be stamped anew: only for one that is certainly not stored. */
  unstamp(): void {
    this.identity = undefined
    this.baseSequence = NO_SEQUENCE
    this.bytes = undefined
  }

  #decode(): DecodedRecord[] {
    this.seal('none') // nothing, for one that was sent
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
    const part = new Batch(this.topic, this.partition, Buffer.allocUnsafe(size))
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

  settle(end: Outcome): void {
    this.settled = true
    for (let i = 0; i < this.#sinks.length; i++) {
      this.#sinks[i]!.settled(this, this.#starts[i]!, this.#starts[i + 1] ?? this.records.length, end)
    }
  }

  /**
   * It has ended, and lets go of its records. It may be garbage for long before it is collected: one that got old keeps
   * younger ones alive, by some Map's discarded table, and those theirs. With records in them, most records of a busy
   * producer got old.
   */
  release(): void {
    this.records = []
  }
}

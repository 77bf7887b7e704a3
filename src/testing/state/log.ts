import {
  type DecodedRecord,
  decodeRecordBatches,
  decodeRecords,
  LEADER_EPOCH_OFFSET,
  type RecordBatch,
} from '../../protocol/records/record-batch.js'
import { isControl } from './control-batch.js'

/** A record as a log holds it, with the batch's identity. */
export interface StoredRecord extends DecodedRecord {
  /** The producer id of its batch; -1: none. */
  readonly producerId: bigint
  /** The producer epoch of its batch; -1: none. */
  readonly producerEpoch: number
  /** -1 where the producer is not idempotent. */
  readonly sequence: number
}

/** The log of one partition: batches as they came, but for the two fields that lie outside the CRC. */
export class Log {
  #batches: RecordBatch[] = []
  #startOffset = 0n
  #endOffset = 0n

  /** The first offset that can be read. */
  get startOffset(): bigint {
    return this.#startOffset
  }

  /** The offset of the next record. */
  get endOffset(): bigint {
    return this.#endOffset
  }

  get batches(): readonly RecordBatch[] {
    return this.#batches
  }

  /** Stores a copy of the batch; returns its base offset. */
  append(batch: RecordBatch, leaderEpoch: number): bigint {
    const baseOffset = this.#endOffset
    const bytes = Buffer.from(batch.bytes)
    bytes.writeBigInt64BE(baseOffset, 0)
    bytes.writeInt32BE(leaderEpoch, LEADER_EPOCH_OFFSET)
    this.#batches.push(...decodeRecordBatches(bytes))
    this.#endOffset += BigInt(batch.lastOffsetDelta) + 1n
    return baseOffset
  }

  /**
   * Whole batches from the one that holds `from` on and below `to`, as many as fit `maxBytes`; with `atLeastOne` the first fits always.
   */
  read(from: bigint, to: bigint, maxBytes: number, atLeastOne: boolean): RecordBatch[] {
    const found: RecordBatch[] = []
    let size = 0
    for (const batch of this.#batches) {
      if (lastOffsetOf(batch) < from) continue
      if (batch.baseOffset >= to) break
      if ((found.length > 0 || !atLeastOne) && size + batch.bytes.length > maxBytes) break
      found.push(batch)
      size += batch.bytes.length
    }
    return found
  }

  /** Every record of producers that can be read, in order; of some batches only where told. */
  records(wanted: (batch: RecordBatch) => boolean = () => true): StoredRecord[] {
    return this.#decoded(batch => !isControl(batch) && wanted(batch))
  }

  /** The first record with this timestamp or a later one. As Kafka does, it counts markers of transactions in. */
  find(timestamp: bigint): StoredRecord | undefined {
    return this.#decoded().find(record => record.timestamp >= timestamp)
  }

  /** The first record of those with the highest timestamp; it counts markers of transactions in. */
  latest(): StoredRecord | undefined {
    return this.#decoded().sort((a, b) => Number(b.timestamp - a.timestamp))[0]
  }

  #decoded(wanted: (batch: RecordBatch) => boolean = () => true): StoredRecord[] {
    return this.#batches.filter(wanted).flatMap(batch =>
      decodeRecords(batch)
        .filter(record => record.offset >= this.#startOffset)
        .map(record => {
          const { producerId, producerEpoch, baseSequence } = batch
          // kafkajs writes sequence 0 also where there is no producer id.
          const sequence = producerId < 0n ? -1 : (baseSequence + Number(record.offset - batch.baseOffset)) % 2 ** 31
          return { ...record, producerId, producerEpoch, sequence }
        }),
    )
  }

  /** Records below this offset can be read no more, as DeleteRecords does. */
  deleteBefore(offset: bigint): void {
    if (offset > this.#startOffset) this.#startOffset = offset < this.#endOffset ? offset : this.#endOffset
    this.#batches = this.#batches.filter(batch => lastOffsetOf(batch) >= this.#startOffset)
  }

  /** Takes away whole batches from the end, until none reaches `offset`: what an unclean election may lose. */
  truncate(offset: bigint): void {
    this.#batches = this.#batches.filter(batch => lastOffsetOf(batch) < offset)
    const last = this.#batches.at(-1)
    this.#endOffset = last === undefined ? this.#startOffset : endOf(last)
  }
}

/** The offset behind a batch. */
export function endOf(batch: RecordBatch): bigint {
  return lastOffsetOf(batch) + 1n
}

function lastOffsetOf(batch: RecordBatch): bigint {
  return batch.baseOffset + BigInt(batch.lastOffsetDelta)
}

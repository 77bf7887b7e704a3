import {
  ATTRIBUTES_OFFSET,
  BASE_SEQUENCE_OFFSET,
  BATCH_HEADER_SIZE,
  CRC_OFFSET,
  PRODUCER_EPOCH_OFFSET,
  PRODUCER_ID_OFFSET,
  RECORD_COUNT_OFFSET,
} from '../../protocol/records/record-batch.js'
import { isTransactional } from './control-batch.js'

/** A batch as a client sent it, whatever it is worth: what the trace tells of it. */
export interface SentBatch {
  /** The topic's name. */
  readonly topic: string
  /** The partition, from 0. */
  readonly partition: number
  /** -1, like the three after it, where the producer is not idempotent or the bytes are not a batch. */
  readonly producerId: bigint
  /** The producer epoch that it is stamped with. */
  readonly producerEpoch: number
  /** The sequence of its first record. */
  readonly baseSequence: number
  /** How many records it has. */
  readonly count: number
  /** As the producer wrote it; the same for a batch that is sent again unchanged. 0 where there is no batch. */
  readonly crc: number
}

/** Reads a header without a look at the rest: nothing in it has been checked. */
export function peekBatch(topic: string, partition: number, records: Uint8Array | null): SentBatch {
  const where = { topic, partition }
  if (records === null || records.length < BATCH_HEADER_SIZE) {
    return { ...where, producerId: -1n, producerEpoch: -1, baseSequence: -1, count: -1, crc: 0 }
  }
  const bytes = Buffer.from(records.buffer, records.byteOffset, records.byteLength)
  return {
    ...where,
    producerId: bytes.readBigInt64BE(PRODUCER_ID_OFFSET),
    producerEpoch: bytes.readInt16BE(PRODUCER_EPOCH_OFFSET),
    baseSequence: bytes.readInt32BE(BASE_SEQUENCE_OFFSET),
    count: bytes.readInt32BE(RECORD_COUNT_OFFSET),
    crc: bytes.readUInt32BE(CRC_OFFSET),
  }
}

/** Reads the same of a batch that belongs to a transaction, or says that it does; undefined: any other. */
export function peekTransactional(records: Uint8Array | null): SentBatch | undefined {
  if (records === null || records.length < BATCH_HEADER_SIZE) return undefined
  const attributes = Buffer.from(records.buffer, records.byteOffset, records.byteLength).readInt16BE(ATTRIBUTES_OFFSET)
  return isTransactional({ attributes }) ? peekBatch('', -1, records) : undefined
}

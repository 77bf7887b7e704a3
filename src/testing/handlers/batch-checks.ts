import { describe } from '../../errors.js'
import { codecOf, NOT_COMPRESSED } from '../../protocol/compression/codecs.js'
import { ErrorCode } from '../../protocol/error-codes.js'
import {
  BATCH_HEADER_SIZE,
  BATCH_LENGTH_OFFSET,
  decodeRecordBatches,
  decodeRecords,
  LEADER_EPOCH_OFFSET,
  MAGIC_OFFSET,
  type RecordBatch,
} from '../../protocol/records/record-batch.js'
import { isControl } from '../state/control-batch.js'

/** Returns what is wrong with a batch, whichever client wrote it. */
export interface Flaw {
  /** The check that failed, for the trace. */
  readonly rule: string
  readonly errorCode: number
  /** Goes to the client as well. */
  readonly message: string
}

/** The bit of a batch's attributes that says whose timestamps it has. */
export const TIMESTAMP_TYPE_BIT = 8

/**
 * The batch of one partition of a produce request, or what Kafka finds wrong with it, in Kafka's order:
 *
 * | check | | in Kafka |
 * |---|---|---|
 * | batch | exactly one, of magic 2 | ProduceRequest.validateRecords, ByteBufferLogInputStream.nextBatchSize |
 * | base offset | 0 | UnifiedLog.analyzeAndValidateRecords |
 * | size, crc | `maxMessageBytes` at the most; the CRC of what is there | the same |
 * | compression | none, gzip, snappy, lz4 or zstd | LogValidator |
 * | count | recordCount = lastOffsetDelta + 1, and not 0 | LogValidator.validateBatch |
 * | kind | no control batch | LogValidator.validateBatch |
 * | sequence | not negative where there is a producer id | LogValidator.validateBatch |
 * | records | as many as counted, of the lengths they say | DefaultRecordBatch's iterators |
 * | offsets | 0, 1, 2 … within the batch. Kafka would rewrite such a batch; here it is refused, because no current client sends one on purpose | |
 */
export function checkBatch(records: Uint8Array | null, maxMessageBytes: number): RecordBatch | Flaw {
  const batch = readBatch(Buffer.from(records ?? []))
  return 'rule' in batch ? batch : (findFlaw(batch, maxMessageBytes) ?? batch)
}

function readBatch(bytes: Buffer): RecordBatch | Flaw {
  const invalid = (message: string): Flaw => flaw('batch', ErrorCode.INVALID_RECORD, message)
  const corrupt = (message: string): Flaw => flaw('batch', ErrorCode.CORRUPT_MESSAGE, message)
  if (bytes.length <= MAGIC_OFFSET) return invalid(`${bytes.length} bytes, which hold no record batch`)
  const size = LEADER_EPOCH_OFFSET + bytes.readInt32BE(BATCH_LENGTH_OFFSET)
  const magic = bytes.readInt8(MAGIC_OFFSET)
  if (magic < 0 || magic > 2) return corrupt(`a record batch of magic ${magic}`)
  if (magic < 2) return invalid(`a record batch of magic ${magic}, only 2 is accepted`)
  if (size < BATCH_HEADER_SIZE) return corrupt(`a record batch of ${size} bytes`)
  if (size > bytes.length) return invalid(`a record batch of ${size} bytes, of which ${bytes.length} are there`)
  if (size < bytes.length) return invalid(`${bytes.length - size} bytes after the one record batch that may be there`)
  return decodeRecordBatches(bytes)[0]!
}

function findFlaw(batch: RecordBatch, maxMessageBytes: number): Flaw | undefined {
  const invalid = (rule: string, message: string): Flaw => flaw(rule, ErrorCode.INVALID_RECORD, message)
  const { bytes, compression, recordCount, lastOffsetDelta, producerEpoch, baseSequence } = batch
  if (batch.baseOffset !== 0n) return invalid('base offset', `the base offset must be 0, but it is ${batch.baseOffset}`)
  if (bytes.length > maxMessageBytes) {
    const message = `the record batch has ${bytes.length} bytes, the topic takes ${maxMessageBytes}`
    return flaw('size', ErrorCode.MESSAGE_TOO_LARGE, message)
  }
  if (!batch.crcValid) return flaw('crc', ErrorCode.CORRUPT_MESSAGE, `the CRC of the record batch is not ${batch.crc}`)
  if (compression !== NOT_COMPRESSED && codecOf(compression) === undefined) {
    const message = `compression ${compression} is not supported by this broker`
    return flaw('compression', ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, message)
  }
  if (recordCount < 1 || lastOffsetDelta !== recordCount - 1) {
    return invalid('count', `${recordCount} records and a last offset delta of ${lastOffsetDelta}`)
  }
  if (isControl(batch)) return invalid('kind', 'clients may not write control batches')
  if (batch.producerId >= 0n && (baseSequence < 0 || producerEpoch < 0)) {
    return invalid('sequence', `producer epoch ${producerEpoch} and sequence ${baseSequence}`)
  }
  try {
    const deltas = decodeRecords(batch).map(record => Number(record.offset))
    const wrong = deltas.findIndex((delta, i) => delta !== i)
    return wrong === -1 ? undefined : invalid('offsets', `record ${wrong} has offset delta ${deltas[wrong]}`)
  } catch (error) {
    return invalid('records', describe(error))
  }
}

function flaw(rule: string, errorCode: number, message: string): Flaw {
  return { rule, errorCode, message }
}

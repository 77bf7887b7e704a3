import { crc32c } from '../../protocol/records/crc32c.js'
import {
  ATTRIBUTES_OFFSET,
  BASE_SEQUENCE_OFFSET,
  CRC_OFFSET,
  decodeRecordBatches,
  decodeRecords,
  type RecordBatch,
} from '../../protocol/records/record-batch.js'
import {
  type ProducerIdAndEpoch,
  RecordBatchBuilder,
  RecordLengths,
} from '../../protocol/records/record-batch-builder.js'

/*
 * EndTxnMarker, the record that ends a transaction in a partition (KIP-98): key => Version(INT16) Type(INT16, 0 abort, 1 commit),
 * value => Version(INT16) CoordinatorEpoch(INT32). It is alone in a batch whose control bit is set.
 */

const TRANSACTIONAL_BIT = 16
const CONTROL_BIT = 32
const ABORT = 0
const COMMIT = 1

export function isTransactional({ attributes }: Pick<RecordBatch, 'attributes'>): boolean {
  return (attributes & TRANSACTIONAL_BIT) !== 0
}

export function isControl({ attributes }: Pick<RecordBatch, 'attributes'>): boolean {
  return (attributes & CONTROL_BIT) !== 0
}

/** Whether the marker in a control batch commits. */
export function commits(marker: RecordBatch): boolean {
  return decodeRecords(marker)[0]?.key?.readInt16BE(2) === COMMIT
}

export interface Marker extends ProducerIdAndEpoch {
  readonly committed: boolean
  readonly coordinatorEpoch: number
}

/** The batch of a marker, as the coordinator has partition leaders append it. */
export function markerBatch({ committed, coordinatorEpoch, ...identity }: Marker, now: number): RecordBatch {
  const key = Buffer.alloc(4)
  key.writeInt16BE(committed ? COMMIT : ABORT, 2)
  const value = Buffer.alloc(6)
  value.writeInt32BE(coordinatorEpoch, 2)
  const builder = new RecordBatchBuilder(Buffer.alloc(128))
  const lengths = new RecordLengths()
  lengths.measure(key, value, undefined)
  builder.append(key, value, undefined, now, lengths)
  builder.seal()
  const bytes = builder.stamp(identity, 0)
  bytes.writeInt16BE(TRANSACTIONAL_BIT | CONTROL_BIT, ATTRIBUTES_OFFSET)
  bytes.writeInt32BE(-1, BASE_SEQUENCE_OFFSET)
  bytes.writeUInt32BE(crc32c(bytes.subarray(ATTRIBUTES_OFFSET)), CRC_OFFSET)
  return decodeRecordBatches(bytes)[0]!
}

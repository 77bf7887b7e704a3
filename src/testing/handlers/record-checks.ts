import { ErrorCode } from '../../protocol/error-codes.js'
import type { BatchIndexAndErrorMessage } from '../../protocol/messages/produce.js'
import { type DecodedRecord, decodeRecords, type RecordBatch } from '../../protocol/records/record-batch.js'
import type { TopicState } from '../state/topics.js'
import type { Flaw } from './batch-checks.js'

/** A batch of which a topic does not take every record; nothing of it is appended. */
export interface RecordFlaw extends Flaw {
  /** The records that are not taken, each with the reason. */
  readonly recordErrors: readonly BatchIndexAndErrorMessage[]
}

/** The first version of Produce whose answer can name records (KIP-467). */
const NAMES_RECORDS = 8

/**
 * Which records of a batch the topic does not take, as LogValidator has it (validateKey, then validateTimestamp, of every
 * record). UnifiedLog.append does this before it asks ProducerStateManager for duplicates and sequences: a batch that is
 * stored may be refused when it is sent again, because it has grown too old.
 *
 * If both kinds occur, the code is INVALID_TIMESTAMP (processRecordErrors). Asked in an older version than {@link NAMES_RECORDS}
 * it answers as Kafka did up to 2.3: the first such record ends the check, none is named, and one without key counts as
 * corrupt, which is retriable (there InvalidRecordException is a CorruptRecordException).
 */
export function checkRecords(
  topic: TopicState,
  partition: number,
  batch: RecordBatch,
  now: number,
  version: number,
): RecordFlaw | undefined {
  if (takesAll(topic)) return undefined
  const found = decodeRecords(batch).flatMap((record, batchIndex) => {
    const complaint = complaintOf(topic, partition, record, now)
    return complaint === undefined ? [] : [{ batchIndex, ...complaint }]
  })
  const [first] = found
  if (first === undefined) return undefined
  const rule = 'record'
  if (version < NAMES_RECORDS) {
    const errorCode = first.errorCode === ErrorCode.INVALID_RECORD ? ErrorCode.CORRUPT_MESSAGE : first.errorCode
    return { rule, errorCode, message: first.message, recordErrors: [] }
  }
  const recordErrors = found.map(({ batchIndex, message }) => ({ batchIndex, batchIndexErrorMessage: message }))
  if (found.some(({ errorCode }) => errorCode === ErrorCode.INVALID_TIMESTAMP)) {
    const message = 'One or more records have been rejected due to invalid timestamp'
    return { rule, errorCode: ErrorCode.INVALID_TIMESTAMP, message, recordErrors }
  }
  const shown = found
    .slice(0, 3)
    .map(({ batchIndex, message }) => `RecordError(batchIndex=${batchIndex}, message='${message}')`)
  const message =
    `One or more records have been rejected due to ${found.length} record errors in total,` +
    ` and only showing the first three errors at most: [${shown.join(', ')}]`
  return { rule, errorCode: ErrorCode.INVALID_RECORD, message, recordErrors }
}

function takesAll({ cleanupPolicy, messageTimestampBeforeMaxMs, messageTimestampAfterMaxMs }: TopicState): boolean {
  const anyTime = Math.min(messageTimestampBeforeMaxMs, messageTimestampAfterMaxMs) === Number.POSITIVE_INFINITY
  return cleanupPolicy === 'delete' && anyTime
}

/** Returns what is wrong with a record. */
function complaintOf(
  topic: TopicState,
  partition: number,
  { key, timestamp, offset }: DecodedRecord,
  now: number,
): { errorCode: number; message: string } | undefined {
  if (topic.cleanupPolicy === 'compact' && key === null) {
    const message = `Compacted topic cannot accept message without key in topic partition ${topic.name}-${partition}`
    return { errorCode: ErrorCode.INVALID_RECORD, message }
  }
  if (topic.logAppendTime || timestamp === NO_TIMESTAMP) return undefined
  const [oldest, newest] = [now - topic.messageTimestampBeforeMaxMs, now + topic.messageTimestampAfterMaxMs]
  if (timestamp >= oldest && timestamp <= newest) return undefined
  const message =
    `Timestamp ${timestamp} of message with offset ${offset} is out of range.` +
    ` The timestamp should be within [${oldest}, ${newest}]`
  return { errorCode: ErrorCode.INVALID_TIMESTAMP, message }
}

/** RecordBatch.NO_TIMESTAMP: of a record that has none. */
const NO_TIMESTAMP = -1n

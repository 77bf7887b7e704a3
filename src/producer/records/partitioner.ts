import { describe, type InvalidRecordError } from '../../errors.js'
import type { Partitioner } from '../model/record.js'
import type { TakenRecord } from '../model/taken-record.js'
import type { Topic } from '../model/topic.js'
import { copyOf, refusal, show } from './read-record.js'

/**
 * Asks a custom partitioner for a record's partition, unless the record names one; returns the record with its partition, or why it
 * cannot be sent. The partitioner is user code: it gets copies of the record's bytes, and may do anything.
 */
export function askPartitioner(
  partitioner: Partitioner | undefined,
  taken: TakenRecord,
  { count: partitionCount, hasLeader }: Pick<Topic, 'count' | 'hasLeader'>,
): TakenRecord | InvalidRecordError {
  if (partitioner === undefined || partitionCount === 0 || taken.partition !== undefined) return taken
  try {
    const { topic, key, value, headers, timestamp, record } = copyOf(taken)
    const { metadata } = record
    const index: unknown = partitioner({ topic, key, value, headers, timestamp, metadata }, partitionCount, hasLeader)
    if (index === undefined) return taken
    if (typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < partitionCount)
      return { ...taken, partition: index }
    return refusal(
      `the \`partitioner\` returned ${show(index)} for topic ${topic};` +
        ` it must return an integer from 0 to ${partitionCount - 1}, or undefined`,
    )
  } catch (cause) {
    return refusal(`the \`partitioner\` threw: ${describe(cause)}`, cause)
  }
}

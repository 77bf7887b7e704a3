import {
  BufferFullError,
  DeliveryTimeoutError,
  describe,
  type InvalidRecordError,
  KafkaError,
  TopicRecreatedError,
  withoutStack,
} from '../../errors.js'
import { refusal, show } from './read-record.js'

/** The longest topic name that Kafka accepts (org.apache.kafka.common.internals.Topic). */
const MAX_TOPIC_LENGTH = 249

/** Returns why no topic can have this name; undefined if it may exist. Brokers check all other rules of names. */
export function topicFault(name: string): InvalidRecordError | undefined {
  if (name.length > MAX_TOPIC_LENGTH)
    return refusal(`a topic name has at most ${MAX_TOPIC_LENGTH} characters, and its \`topic\` has ${name.length}`)
  if (name.isWellFormed()) return undefined
  return refusal(`its \`topic\` ${show(name)} holds half of a surrogate pair, which UTF-8 cannot express`)
}

/** Returns the error of a record that names a partition which its topic does not have. */
export function noPartition(topic: string, partition: number | undefined, partitionCount: number): InvalidRecordError {
  return refusal(`its \`partition\` is ${partition}, but topic ${topic} has only ${partitionCount}, counted from 0`)
}

/** Returns the error of a record that exceeds `maxRequestSize`. */
export function tooLarge(bytes: number, maxRequestSize: number): InvalidRecordError {
  return refusal(
    `it takes ${bytes} bytes, more than \`maxRequestSize\` (${maxRequestSize}); raise that together with the broker's message.max.bytes`,
  )
}

/**
 * Returns the error of a record without buffer memory.
 *
 * @param buffered bytes that the buffer holds.
 * @param bytes that the record would add.
 */
export function bufferFull(buffered: number, bytes: number, bufferMemory: number): BufferFullError {
  const message =
    `this record was not sent: ${buffered} bytes wait for brokers, and its ${bytes} more would exceed \`bufferMemory\` (${bufferMemory}).` +
    " With `overflow: 'error'` this ends the stream of acks, and what its source emits later is not sent:" +
    " use `publish()` or `sendOne()`, which wait for room, or `overflow: 'reject'`, or raise `bufferMemory`"
  return withoutStack(() => new BufferFullError(message))
}

/**
 * Returns the error of a record whose partition is stalled, when such partitions hold their full share of buffer memory.
 *
 * @param partition of the record; -1: its topic's partitions are not known.
 * @param held bytes that they hold together.
 * @param cause why it can't send, if that is known.
 */
export function shareFull(
  topic: string,
  partition: number,
  held: number,
  bufferMemory: number,
  cause: Error | undefined,
): BufferFullError {
  const who = partition === -1 ? `topic ${topic}` : `partition ${topic}-${partition}`
  const why = cause === undefined ? '' : ` (${describe(cause)})`
  const message =
    `this record was not sent: ${who} can't send at present${why}, and such partitions hold ${held} bytes,` +
    ` as much of \`bufferMemory\` (${bufferMemory}) as they may while others need room (option \`stalledOverflow\`)`
  return withoutStack(() => new BufferFullError(message, { cause, topic, partition }))
}

/** Returns the error of an unresolved record whose topic was deleted. */
export function recreated(topic: string): TopicRecreatedError {
  return new TopicRecreatedError(
    `topic ${topic} was deleted and recreated before a broker confirmed this record: it may be stored in the old one or in the new` +
      ' one. To send it again could store it twice',
  )
}

/** Returns why the sequences of a partition restart. */
export function sequencesRestart(topic: string): TopicRecreatedError {
  return new TopicRecreatedError(`topic ${topic} was deleted and recreated`)
}

/** Returns what keeps records from being sent to a recreated topic. */
export function ending(topic: string): KafkaError {
  return new KafkaError(`topic ${topic} was deleted and recreated, and brokers still owe answers about the old one`)
}

/** Returns the error of a record whose topic had no metadata in time; `cause` is the last response, or the last failure. */
export function unknownTopic(topic: string, cause: Error | undefined): DeliveryTimeoutError {
  const why = cause === undefined ? 'no broker could be asked' : describe(cause)
  return new DeliveryTimeoutError(`there was no metadata of topic ${topic} within \`deliveryTimeoutMs\`: ${why}`, {
    cause,
  })
}

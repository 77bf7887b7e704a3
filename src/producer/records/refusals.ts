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

/** The longest topic name that Kafka takes (org.apache.kafka.common.internals.Topic). */
const MAX_TOPIC_LENGTH = 249

/** Why no topic can have this name; undefined if a broker may be asked. It judges all other rules of names itself. */
export function topicFault(name: string): InvalidRecordError | undefined {
  if (name.length > MAX_TOPIC_LENGTH)
    return refusal(`a topic name has at most ${MAX_TOPIC_LENGTH} characters, and its \`topic\` has ${name.length}`)
  if (name.isWellFormed()) return undefined
  return refusal(`its \`topic\` ${show(name)} holds half of a surrogate pair, which UTF-8 cannot express`)
}

/** The record names a partition that its topic does not have. */
export function noPartition(topic: string, partition: number | undefined, partitionCount: number): InvalidRecordError {
  return refusal(
    `there is no partition ${partition}, topic ${topic} has ${partitionCount}, counted from 0 (the record's \`partition\`)`,
  )
}

/** No request may carry a record of this size. */
export function tooLarge(bytes: number, maxRequestSize: number): InvalidRecordError {
  return refusal(
    `it takes ${bytes} bytes, more than \`maxRequestSize\` (${maxRequestSize}); raise that together with the broker's message.max.bytes`,
  )
}

/**
 * The buffer has no room for a record.
 *
 * @param buffered bytes that are in it.
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
 * Partitions that can't send hold as much of the buffer as they may.
 *
 * @param partition of the record, which is one of them; -1: those of its topic are not known.
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

/** A record may be stored in a topic that is no more. */
export function recreated(topic: string): TopicRecreatedError {
  return new TopicRecreatedError(
    `topic ${topic} was deleted and recreated before a broker confirmed this record: it may be stored in the old one or in the new` +
      ' one. To send it again could store it twice',
  )
}

/** Why the sequences of a partition begin anew. */
export function madeAnew(topic: string): TopicRecreatedError {
  return new TopicRecreatedError(`topic ${topic} was deleted and recreated`)
}

/** What keeps records from a topic that was recreated. */
export function ending(topic: string): KafkaError {
  return new KafkaError(`topic ${topic} was deleted and recreated, and brokers still owe answers about the old one`)
}

/** No metadata of a record's topic came in time; `cause` is what the last answer, or the last failure, said. */
export function unknownTopic(topic: string, cause: Error | undefined): DeliveryTimeoutError {
  const why = cause === undefined ? 'no broker could be asked' : describe(cause)
  return new DeliveryTimeoutError(`nothing was learnt of topic ${topic} within \`deliveryTimeoutMs\`: ${why}`, {
    cause,
  })
}

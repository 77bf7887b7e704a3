import type { Message, ProducerBatch, TopicMessages } from 'kafkajs'
import type { HeaderPair, Headers, ProducerRecord } from '../index.js'
import { KafkaJSNonRetriableError } from './errors.js'

/**
 * Returns the messages of a call by topic.
 *
 * @throws {KafkaJSNonRetriableError} as kafkajs, and for `acks` that are not those of an idempotent producer.
 */
export function readBatch({ acks = -1, topicMessages = [] }: ProducerBatch): readonly TopicMessages[] {
  if (topicMessages.some(({ topic }) => !topic)) throw new KafkaJSNonRetriableError('Invalid topic')
  if (acks !== -1) {
    throw new KafkaJSNonRetriableError(
      "Not requiring ack for all messages invalidates the idempotent producer's EoS guarantees," +
        ` and this one is always idempotent: acks is ${acks}; leave it out, or set -1`,
    )
  }
  for (const { topic, messages } of topicMessages) {
    if (!messages) {
      throw new KafkaJSNonRetriableError(`Invalid messages array [${messages}] for topic "${topic}"`)
    }
    for (const message of messages) {
      if (message.value !== undefined) continue
      const shown = JSON.stringify(message)
      throw new KafkaJSNonRetriableError(`Invalid message without value for topic "${topic}": ${shown}`)
    }
  }
  return topicMessages
}

/**
 * Returns the record of a message, with the message as its `metadata`.
 *
 * @param choosesPartition whether the partitioner decides about messages that name a partition, too.
 */
function recordOf(topic: string, message: Message, choosesPartition: boolean): ProducerRecord<Message> {
  const { key, value, partition, headers, timestamp } = message
  return {
    topic,
    key: key ?? undefined,
    value,
    partition: choosesPartition ? undefined : (partition ?? undefined),
    headers: headers == null ? undefined : headersOf(headers),
    timestamp: timestamp ? Number(timestamp) : undefined,
    metadata: message,
  }
}

/** A list is one header for each of its values; undefined is none. */
function headersOf(headers: NonNullable<Message['headers']>): Headers {
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined || Array.isArray(value)) return pairsOf(headers)
  }
  return headers as Headers
}

function pairsOf(headers: NonNullable<Message['headers']>): HeaderPair[] {
  return Object.entries(headers).flatMap(([name, value]): HeaderPair[] => {
    if (value === undefined) return []
    return Array.isArray(value) ? value.map((one): HeaderPair => [name, one]) : [[name, value]]
  })
}

/** The records of a call, one by one as the producer has memory for them; the messages stay with their owner until then. */
export class Records implements Iterable<ProducerRecord<Message>>, Iterator<ProducerRecord<Message>> {
  readonly #batch: readonly TopicMessages[]
  readonly #choosesPartition: boolean
  readonly #ended: () => void
  #topic = 0
  #message = 0

  /** @param ended called when the last record was taken, or no more are wanted. */
  constructor(batch: readonly TopicMessages[], choosesPartition: boolean, ended: () => void) {
    this.#batch = batch
    this.#choosesPartition = choosesPartition
    this.#ended = ended
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<ProducerRecord<Message>, undefined> {
    for (; this.#topic < this.#batch.length; this.#topic++) {
      const { topic, messages } = this.#batch[this.#topic]!
      if (this.#message < messages.length) {
        return { done: false, value: recordOf(topic, messages[this.#message++]!, this.#choosesPartition) }
      }
      this.#message = 0
    }
    this.#ended()
    return { done: true, value: undefined }
  }

  return(): IteratorResult<ProducerRecord<Message>, undefined> {
    this.#ended()
    return { done: true, value: undefined }
  }
}

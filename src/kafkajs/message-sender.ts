import type { ProducerBatch, ProducerRecord, RecordMetadata, TopicMessages } from 'kafkajs'
import type { BatchAck, Failed, Producer, Transaction } from '../index.js'
import { Records, readBatch } from './messages.js'
import type { TopicCompressions } from './topic-compression.js'
import { translate } from './translate-error.js'

/** What a producer and a transaction of kafkajs send with. */
export interface SenderOptions {
  /** Returns what sends at present. @throws the error that a call is refused with. */
  readonly target: () => Pick<Producer | Transaction, 'publishBatches'>
  readonly compressions: TopicCompressions
  /** Whether the partitioner decides about messages that name a partition, too. */
  readonly choosesPartition: boolean
}

/**
 * kafkajs's `send()` and `sendBatch()`. Each call is one stream of the producer; a call's records enter the producer behind those of the
 * calls before it, so that their order is kept, whether anybody waited or not.
 */
export class MessageSender {
  readonly #options: SenderOptions
  readonly #turns: (() => void)[] = []
  /** A call's records are being taken. */
  #busy = false
  #going = false
  /** How many calls have no result yet. */
  #open = 0
  readonly #waiting: (() => void)[] = []

  constructor(options: SenderOptions) {
    this.#options = options
  }

  async send({ topic, messages, ...how }: ProducerRecord): Promise<RecordMetadata[]> {
    return this.sendBatch({ ...how, topicMessages: [{ topic, messages }] })
  }

  async sendBatch(batch: ProducerBatch): Promise<RecordMetadata[]> {
    const topicMessages = readBatch(batch)
    const target = this.#options.target()
    this.#options.compressions.use(
      topicMessages.map(({ topic }) => topic),
      batch.compression,
    )
    if (topicMessages.every(({ messages }) => messages.length === 0)) return []
    this.#open++
    try {
      return await new Promise((resolve, reject) => {
        this.#turns.push(() => this.#publish(target, topicMessages, resolve, reject))
        this.#goOn()
      })
    } finally {
      if (--this.#open === 0) for (const resolve of this.#waiting.splice(0)) resolve()
    }
  }

  /** Resolves when every call so far has its result. */
  settled(): Promise<void> {
    return this.#open === 0 ? Promise.resolve() : new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Not re-entrant: a turn that ends at once is followed by the next one in this loop, however many there are. */
  #goOn(): void {
    if (this.#going) return
    this.#going = true
    while (!this.#busy && this.#turns.length > 0) {
      this.#busy = true
      this.#turns.shift()!()
    }
    this.#going = false
  }

  #publish(
    target: ReturnType<SenderOptions['target']>,
    topicMessages: readonly TopicMessages[],
    resolve: (result: RecordMetadata[]) => void,
    reject: (error: Error) => void,
  ): void {
    let taken = false
    const ended = (): void => {
      if (taken) return
      taken = true
      this.#busy = false
      this.#goOn()
    }
    const results = new Results(topicMessages)
    const records = new Records(topicMessages, this.#options.choosesPartition, ended)
    target.publishBatches(records).subscribe({
      next: ack => results.add(ack),
      error: error => {
        reject(translate(error))
        ended()
      },
      complete: () => {
        if (results.failed === undefined) resolve(results.metadata())
        else reject(failureOf(results.failed))
      },
    })
  }
}

/** Returns kafkajs's error, with what this library knows beyond it: whether the message may be stored. */
function failureOf({ error, persisted, attempts }: Failed): Error {
  const retries = { retryCount: Math.max(0, attempts - 1), retryTime: 0 }
  return Object.assign(translate(error, retries), { persisted })
}

/** What a call resolves to: one entry for each partition that it wrote to. */
class Results {
  readonly #topics: readonly string[]
  readonly #partitions = new Map<string, RecordMetadata>()
  /** Of the failures the first; one that may be stored goes first. */
  failed: Failed | undefined

  constructor(topicMessages: readonly TopicMessages[]) {
    this.#topics = topicMessages.map(({ topic }) => topic)
  }

  add(ack: BatchAck): void {
    if (ack.kind === 'failed') {
      this.#fail(ack)
      return
    }
    const { topic, partition } = ack
    const place = `${partition} ${topic}`
    // Batches of a partition are acked in their order.
    if (this.#partitions.has(place)) return
    this.#partitions.set(place, {
      topicName: topic,
      partition,
      errorCode: 0,
      baseOffset: `${ack.baseOffset}`,
      logAppendTime: `${ack.logAppendTime}`,
      logStartOffset: `${ack.logStartOffset}`,
    })
  }

  /** In the order of the call's topics, then of their partitions. */
  metadata(): RecordMetadata[] {
    const place = ({ topicName }: RecordMetadata): number => this.#topics.indexOf(topicName)
    return [...this.#partitions.values()].sort((a, b) => place(a) - place(b) || a.partition - b.partition)
  }

  #fail(acks: BatchAck): void {
    const [ack] = acks as Iterable<Failed>
    if (this.failed === undefined || (this.failed.persisted === 'no' && ack!.persisted === 'maybe')) this.failed = ack
  }
}

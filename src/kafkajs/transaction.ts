import type * as kafkajs from 'kafkajs'
import type { Transaction } from '../index.js'
import { KafkaJSNonRetriableError } from './errors.js'
import { MessageSender, type SenderOptions } from './message-sender.js'
import { translate } from './translate-error.js'

/** How a transaction stands, for the user: one that its own failure has aborted is active until the user ends it. */
type State = 'active' | 'ending' | 'ended' | 'failed'

/** kafkajs's transaction, on one of the producer's. */
export class KafkaTransaction implements kafkajs.Transaction {
  readonly #transaction: Transaction
  readonly #sender: MessageSender
  #state: State = 'active'

  constructor(transaction: Transaction, options: Omit<SenderOptions, 'target'>) {
    this.#transaction = transaction
    this.#sender = new MessageSender({ ...options, target: () => transaction })
  }

  // As functions, because kafkajs's can be taken off the object.
  readonly isActive = (): boolean => this.#state === 'active'

  readonly send = async (record: kafkajs.ProducerRecord): Promise<kafkajs.RecordMetadata[]> => {
    this.#guard()
    return this.#sender.send(record)
  }

  readonly sendBatch = async (batch: kafkajs.ProducerBatch): Promise<kafkajs.RecordMetadata[]> => {
    this.#guard()
    return this.#sender.sendBatch(batch)
  }

  readonly sendOffsets = async ({
    consumerGroupId,
    topics,
  }: kafkajs.Offsets & { consumerGroupId: string }): Promise<void> => {
    this.#guard()
    const offsets = topics.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset, metadata }: kafkajs.PartitionOffset & { metadata?: string | null }) => ({
        topic,
        partition,
        offset,
        metadata,
      })),
    )
    try {
      await this.#transaction.sendOffsets(consumerGroupId, offsets)
    } catch (error) {
      throw translate(error)
    }
  }

  readonly commit = async (): Promise<void> => {
    this.#guard()
    this.#state = 'ending'
    try {
      await this.#sender.settled()
      await this.#transaction.commit()
      this.#state = 'ended'
    } catch (error) {
      // Nothing of it is stored, or another producer has taken over.
      this.#state = 'failed'
      await this.#transaction.abort().catch(() => {})
      throw translate(error)
    }
  }

  readonly abort = async (): Promise<void> => {
    // After a commit that failed, as programs call it where they catch the error.
    if (this.#state === 'failed') return
    this.#guard()
    this.#state = 'ending'
    try {
      await this.#transaction.abort()
    } catch (error) {
      throw translate(error)
    } finally {
      this.#state = 'ended'
    }
  }

  #guard(): void {
    if (this.#state !== 'active') throw new KafkaJSNonRetriableError('Cannot continue to use transaction once ended')
  }
}

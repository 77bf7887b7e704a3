import type * as kafkajs from 'kafkajs'
import { defer, lastValueFrom, retry, throwError, timer } from 'rxjs'
import { AuthenticationError, createProducer, type Producer, type ProducerOptions } from '../index.js'
import { mergeRetry, producerOptions, type RetryPlan, retryPlan, transactionOptions } from './client-options.js'
import { KafkaJSError, KafkaJSNonRetriableError } from './errors.js'
import { Instrumentation } from './instrumentation.js'
import { MessageSender, type SenderOptions } from './message-sender.js'
import { partitioningBy } from './partitioners.js'
import { TopicCompressions } from './topic-compression.js'
import { KafkaTransaction } from './transaction.js'
import { translate } from './translate-error.js'

type Status = 'disconnected' | 'connected' | 'disconnecting'

/** kafkajs's producer, on one of this library's: two of them, if it has a `transactionalId` and sends outside transactions as well. */
export class KafkaProducer {
  readonly #logger: kafkajs.Logger
  readonly #instrumentation: Instrumentation
  readonly #plain: Renewable
  readonly #transactional: Renewable | undefined
  readonly #how: Omit<SenderOptions, 'target'>
  readonly #sender: MessageSender
  readonly #retries: RetryPlan
  #status: Status = 'disconnected'
  #transaction: KafkaTransaction | 'beginning' | undefined

  /** @throws {KafkaJSNonRetriableError} for options that contradict themselves, or that an idempotent producer cannot have. */
  constructor(client: kafkajs.KafkaConfig, config: kafkajs.ProducerConfig, logger: kafkajs.Logger) {
    this.#logger = logger.namespace('Producer')
    this.#retries = retryPlan(mergeRetry(client, config))
    const leaders = new Map<string, readonly number[]>()
    const compressions = new TopicCompressions(message => this.#logger.warn(message))
    const { partitioner, decidesAll } = partitioningBy(config.createPartitioner, topic => leaders.get(topic))
    this.#how = { compressions, choosesPartition: decidesAll }
    const common: ProducerOptions = {
      ...producerOptions(client, config, this.#logger),
      compression: compressions.choose,
      partitioner,
    }
    this.#plain = new Renewable(common, leaders)
    const transactional = transactionOptions(config)
    if (transactional.transactionalId !== undefined)
      this.#transactional = new Renewable({ ...common, ...transactional }, leaders)
    // Options are checked now, and nobody is connected to.
    void this.#main.current
    const owns = (producer: object): boolean => this.#plain.is(producer) || this.#transactional?.is(producer) === true
    this.#instrumentation = new Instrumentation(this.#logger, owns)
    this.#sender = new MessageSender({ ...this.#how, target: () => this.#connected(this.#plain) })
  }

  get events(): kafkajs.ProducerEvents {
    return this.#instrumentation.events
  }

  // As functions, because kafkajs's can be taken off the object.
  readonly on = ((name: string, listener: never) =>
    this.#instrumentation.on(name, listener)) as unknown as kafkajs.Producer['on']

  readonly logger = (): kafkajs.Logger => this.#logger

  /** Always true: there is no other producer here. */
  readonly isIdempotent = (): boolean => true

  readonly send = (record: kafkajs.ProducerRecord): Promise<kafkajs.RecordMetadata[]> => this.#sender.send(record)

  readonly sendBatch = (batch: kafkajs.ProducerBatch): Promise<kafkajs.RecordMetadata[]> =>
    this.#sender.sendBatch(batch)

  /** Tries again as `retry` says. */
  readonly connect = async (): Promise<void> => {
    if (this.#status !== 'connected') await this.#connect()
    this.#status = 'connected'
    this.#instrumentation.connected()
  }

  /** Delivers what was sent, then closes. */
  readonly disconnect = async (): Promise<void> => {
    this.#status = 'disconnecting'
    await this.#sender.settled()
    await Promise.all([this.#plain.close(), this.#transactional?.close()])
    this.#transaction = undefined
    this.#status = 'disconnected'
    this.#instrumentation.disconnected()
  }

  readonly transaction = async (): Promise<kafkajs.Transaction> => {
    if (this.#transactional === undefined) {
      throw new KafkaJSNonRetriableError('Must provide transactional id for transactional producer')
    }
    const producer = this.#connected(this.#transactional)
    const ongoing = this.#transaction
    if (ongoing === 'beginning' || ongoing?.isActive()) {
      throw new KafkaJSNonRetriableError(
        'There is already an ongoing transaction for this producer. Please end the transaction before beginning another.',
      )
    }
    this.#transaction = 'beginning'
    try {
      const transaction = new KafkaTransaction(await producer.beginTransaction(), this.#how)
      this.#transaction = transaction
      return transaction
    } catch (error) {
      this.#transaction = undefined
      throw translate(error)
    }
  }

  async #connect(): Promise<void> {
    const { retries, pauseMs } = this.#retries
    const delay = (error: Error, count: number) => {
      if (error instanceof AuthenticationError) return throwError(() => error)
      this.#logger.error(error.message, { retryCount: count - 1, retryTime: pauseMs(count) })
      return timer(pauseMs(count))
    }
    try {
      await lastValueFrom(defer(() => this.#main.current.connect()).pipe(retry({ count: retries, delay })))
    } catch (error) {
      await this.#main.close({ timeoutMs: 0 })
      throw translate(error, { retryCount: retries, retryTime: pauseMs(retries) })
    }
  }

  /** What `connect()` connects: with a `transactionalId`, so that a transaction which an earlier run left open is ended. */
  get #main(): Renewable {
    return this.#transactional ?? this.#plain
  }

  #connected(producer: Renewable): Producer {
    switch (this.#status) {
      case 'connected':
        return producer.current
      case 'disconnecting':
        throw new KafkaJSNonRetriableError(
          "The producer is disconnecting; therefore, it can't safely accept messages anymore",
        )
      case 'disconnected':
        throw new KafkaJSError('The producer is disconnected')
    }
  }
}

/**
 * A producer that is made when it is needed, and made anew after it was closed, as kafkajs can connect again. One that has ended by itself is
 * replaced, too, unless it has a `transactionalId`: if another one has taken over, it must not take over in turn.
 */
class Renewable {
  readonly #options: ProducerOptions
  readonly #leaders: Map<string, readonly number[]>
  #producer: Producer | undefined

  constructor(options: ProducerOptions, leaders: Map<string, readonly number[]>) {
    this.#options = options
    this.#leaders = leaders
  }

  /** @throws {KafkaJSNonRetriableError} for an option that breaks its rule. */
  get current(): Producer {
    this.#producer ??= this.#create()
    return this.#producer
  }

  is(producer: object): boolean {
    return producer === this.#producer
  }

  async close(options?: { readonly timeoutMs: number }): Promise<void> {
    const producer = this.#producer
    this.#producer = undefined
    await producer?.close(options)
  }

  #create(): Producer {
    try {
      const producer = createProducer(this.#options)
      producer.events$.subscribe(event => {
        if (event.kind === 'metadata') for (const { name, leaders } of event.topics) this.#leaders.set(name, leaders)
        else if (event.kind === 'fatal' && this.#options.transactionalId === undefined && this.is(producer))
          this.#producer = undefined
      })
      return producer
    } catch (error) {
      throw translate(error)
    }
  }
}

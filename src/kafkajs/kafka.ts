import type {
  Admin,
  AdminConfig,
  Consumer,
  ConsumerConfig,
  KafkaConfig,
  Kafka as KafkaJS,
  Logger,
  Producer,
  ProducerConfig,
} from 'kafkajs'
import { requireKafkajs } from './kafkajs-package.js'
import { createLogger } from './logger.js'
import { KafkaProducer } from './producer.js'

/**
 * kafkajs's client, whose producers are this library's: exactly once and in order, with four requests in flight per broker. Consumers and
 * admins are kafkajs's own, and need `npm install kafkajs`.
 *
 * @example
 * import { Kafka } from 'rx-kafka/kafkajs'
 *
 * const producer = new Kafka({ brokers: ['localhost:9092'] }).producer()
 * await producer.connect()
 * await producer.send({ topic: 'orders', messages: [{ key: 'c-1', value: 'an order' }] })
 * await producer.disconnect()
 */
export class Kafka {
  readonly #config: KafkaConfig
  readonly #logger: Logger
  #kafkajs: KafkaJS | undefined

  /** @param config as kafkajs's; what of it has no meaning here is listed in docs/kafkajs.md. */
  constructor(config: KafkaConfig) {
    this.#config = config
    this.#logger = createLogger(config)
  }

  /**
   * Returns a producer with kafkajs's methods. It connects by `connect()`.
   *
   * @throws {KafkaJSNonRetriableError} for an option that an idempotent producer cannot have, with what to change.
   */
  producer(config: ProducerConfig = {}): Producer {
    return new KafkaProducer(this.#config, config, this.#logger)
  }

  /**
   * Returns a consumer of kafkajs.
   *
   * @throws {KafkaJSNonRetriableError} with the `npm install` line, when kafkajs is not installed.
   */
  consumer(config: ConsumerConfig): Consumer {
    return this.#client('consumer()').consumer(config)
  }

  /**
   * Returns an admin of kafkajs.
   *
   * @throws {KafkaJSNonRetriableError} with the `npm install` line, when kafkajs is not installed.
   */
  admin(config?: AdminConfig): Admin {
    return this.#client('admin()').admin(config)
  }

  /** Returns the logger that option `logCreator` has made, or the default one. */
  logger(): Logger {
    return this.#logger
  }

  #client(wanted: string): KafkaJS {
    this.#kafkajs ??= new (requireKafkajs(wanted).Kafka)(this.#config)
    return this.#kafkajs
  }
}

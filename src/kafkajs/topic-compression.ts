import { type CompressionCodec, createProducer, type TopicCompression } from '../index.js'
import { CompressionTypes } from './constants.js'
import { KafkaJSNonRetriableError, KafkaJSNotImplemented } from './errors.js'
import { makeError } from './make-error.js'

const NAMES: ReadonlyMap<unknown, CompressionCodec> = new Map([
  [CompressionTypes.None, 'none'],
  [CompressionTypes.GZIP, 'gzip'],
  [CompressionTypes.Snappy, 'snappy'],
  [CompressionTypes.LZ4, 'lz4'],
  [CompressionTypes.ZSTD, 'zstd'],
])

/** Codecs that can be loaded. */
const usable = new Set<CompressionCodec>(['none'])

/**
 * The codec of each topic. kafkajs has one for each send, and a producer that joins the records of several sends in a batch has one for
 * each topic: that of the first send.
 */
export class TopicCompressions {
  readonly #codecs = new Map<string, CompressionCodec>()
  readonly #differ = new Set<string>()
  readonly #warn: (message: string) => void

  constructor(warn: (message: string) => void) {
    this.#warn = warn
  }

  /** The producer's option. */
  readonly choose: TopicCompression = topic => this.#codecs.get(topic) ?? 'none'

  /**
   * Notes the codec of a send.
   *
   * @throws {KafkaJSNonRetriableError} for an unknown type, {@link KafkaJSNotImplemented} when the package of the codec is missing.
   */
  use(topics: Iterable<string>, type: CompressionTypes = CompressionTypes.None): void {
    const codec = NAMES.get(type)
    if (codec === undefined) {
      throw new KafkaJSNonRetriableError(
        `compression is ${String(type)}, but it must be one of CompressionTypes: None (0), GZIP (1), Snappy (2), LZ4 (3), ZSTD (4)`,
      )
    }
    if (!usable.has(codec)) load(codec)
    for (const topic of topics) {
      const first = this.#codecs.get(topic)
      if (first === undefined) this.#codecs.set(topic, codec)
      else if (first !== codec) this.#tellOnce(topic, first, codec)
    }
  }

  #tellOnce(topic: string, first: CompressionCodec, codec: CompressionCodec): void {
    if (this.#differ.has(topic)) return
    this.#differ.add(topic)
    this.#warn(
      `A producer compresses a topic as its first send says: messages to ${topic} stay '${first}', not '${codec}'.` +
        ' Send with one `compression` for each topic, or with two producers.',
    )
  }
}

function load(codec: CompressionCodec): void {
  try {
    // Refuses a codec whose package is missing, and connects to nobody.
    createProducer({ brokers: ['localhost:1'], compression: codec })
  } catch (error) {
    throw makeError(KafkaJSNotImplemented, (error as Error).message, error)
  }
  usable.add(codec)
}

import { describe, InvalidArgumentError } from '../../errors.js'
import type { CodecName } from '../../protocol/compression/codec.js'
import { CODECS } from '../../protocol/compression/codecs.js'
import { Compressor } from '../../protocol/compression/compressor.js'
import { readOptions } from '../../read-options.js'
import { invalid } from './rules.js'

/** A codec of Kafka (`'gzip'`, `'snappy'`, `'lz4'` or `'zstd'`), or `'none'`. */
export type CompressionCodec = 'none' | CodecName

/** A codec, with its level where it has levels: gzip 1 to 9 (default 6), zstd 1 to 22 (default 3). */
export type Compression = CompressionCodec | { readonly codec: CompressionCodec; readonly level?: number }

/** Compression by topic; undefined is `'none'`. Called when a topic is first used. */
export type TopicCompression = (topic: string) => Compression | undefined

/** Returns a topic's compressor, undefined for no compression, or the error of records for this topic. */
export type CompressorOf = (topic: string) => Compressor | undefined | InvalidArgumentError

const NAMES = ['none', ...Object.keys(CODECS)]

const RULE = `must be ${NAMES.map(name => `'${name}'`).join(' or ')}, or { codec, level }`

/**
 * @throws {InvalidArgumentError} when the option breaks its rule, or the package of the codec cannot be loaded. A function that
 * returns such a value, or throws, fails the records of that topic instead.
 */
export function resolveCompression(given: Compression | TopicCompression | undefined): CompressorOf {
  if (typeof given === 'function') return byTopic(given)
  const compressor = compressorOf(given, RULE)
  return () => compressor
}

function byTopic(choose: TopicCompression): CompressorOf {
  return topic => {
    try {
      return compressorOf(choose(topic), `must return for topic ${topic} what it may be itself: it ${RULE}`)
    } catch (error) {
      if (error instanceof InvalidArgumentError) return error
      return new InvalidArgumentError(`option \`compression\` threw for topic ${topic}: ${describe(error)}`, {
        cause: error,
      })
    }
  }
}

function compressorOf(given: Compression | undefined, rule: string): Compressor | undefined {
  const read: unknown = typeof given === 'object' && given !== null ? readOptions(given) : { codec: given ?? 'none' }
  const { codec, level, ...others } = read as { codec: unknown; level?: unknown }
  if (typeof codec !== 'string' || !NAMES.includes(codec) || Object.keys(others).length > 0)
    throw invalid('compression', given, rule)
  const { levels } = codec === 'none' ? { levels: undefined } : CODECS[codec as CodecName]
  if (level !== undefined) {
    if (levels === undefined) throw invalid('compression.level', level, `can't be set: '${codec}' has no levels`)
    if (!Number.isInteger(level) || (level as number) < levels.min || (level as number) > levels.max)
      throw invalid('compression.level', level, `must be an integer from ${levels.min} to ${levels.max} for '${codec}'`)
  }
  return codec === 'none' ? undefined : new Compressor(CODECS[codec as CodecName], level as number | undefined)
}

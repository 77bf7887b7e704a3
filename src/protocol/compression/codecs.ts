import { MalformedMessageError } from '../../errors.js'
import type { Codec, CodecName } from './codec.js'
import { gzip } from './gzip.js'
import { lz4 } from './lz4.js'
import { snappy } from './snappy.js'
import { zstd } from './zstd.js'

/** The number of no codec in the attributes of a batch. */
export const NOT_COMPRESSED = 0

export const CODECS: Readonly<Record<CodecName, Codec>> = { gzip, snappy, lz4, zstd }

/** 128 MiB: more than any batch that a broker accepts, and small enough to allocate by mistake. */
const DEFAULT_MAX_SIZE = 128 * 1024 * 1024

/** Returns the codec with a number; undefined: there is none. */
export function codecOf(id: number): Codec | undefined {
  return Object.values(CODECS).find(codec => codec.id === id)
}

/**
 * Decompresses what brokers store. Id 0 returns the bytes themselves.
 *
 * @param maxSize bytes that may come of it; found out before they are allocated. Default 128 MiB.
 * @throws {MalformedMessageError} on damaged bytes, on more than `maxSize`, and on an unknown codec.
 * @throws {InvalidArgumentError} when the package of the codec cannot be loaded.
 */
export function decompress(id: number, bytes: Uint8Array, maxSize: number = DEFAULT_MAX_SIZE): Uint8Array {
  if (id === NOT_COMPRESSED) return bytes
  const codec = codecOf(id)
  if (codec === undefined) {
    const known = Object.values(CODECS).map(({ id, name }) => `${id} (${name})`)
    throw new MalformedMessageError(
      `the records are compressed with codec ${id}, but only 0 (none), ${known.join(', ')} can be read`,
    )
  }
  return codec.load().decompress(bytes, maxSize)
}

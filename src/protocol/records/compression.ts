import { createRequire } from 'node:module'
import { gunzipSync } from 'node:zlib'
import { describe, InvalidArgumentError, MalformedMessageError } from '../../errors.js'
import { Reader } from '../wire/reader.js'

/** What the records of a batch can be compressed with when written. */
export type Compression = 'none' | 'snappy'

/** The numbers that stand in a batch's attributes. */
export const CompressionId: {
  readonly NONE: 0
  readonly GZIP: 1
  readonly SNAPPY: 2
  readonly LZ4: 3
  readonly ZSTD: 4
} = { NONE: 0, GZIP: 1, SNAPPY: 2, LZ4: 3, ZSTD: 4 }

/** 128 MiB: more than any batch that a broker accepts, and small enough to allocate by mistake. */
const DEFAULT_MAX_SIZE = 128 * 1024 * 1024

/** The two calls that are used of the package `snappy`. */
export interface SnappyModule {
  compressSync(input: Uint8Array): Uint8Array
  uncompressSync(input: Uint8Array): Uint8Array | string
}

/**
 * Loads a snappy implementation when it is first needed, and once: programs that don't compress never pay for it, and run
 * where it can't be loaded.
 *
 * @throws {InvalidArgumentError} from the function returned, each time, where `load` throws.
 */
export function lazySnappy(load: () => SnappyModule): () => SnappyModule {
  let snappy: SnappyModule | undefined
  return () => {
    try {
      snappy ??= load()
    } catch (error) {
      throw new InvalidArgumentError(
        "snappy needs the package 'snappy', which could not be loaded:" +
          ` install it for this platform, or set the option \`compression\` to 'none' (${describe(error)})`,
        { cause: error },
      )
    }
    return snappy
  }
}

const loadSnappy = lazySnappy(() => createRequire(import.meta.url)('snappy') as SnappyModule)

/**
 * Loads what `codec` needs, so that a lack of it shows when the producer is made and not with its first batch.
 *
 * @throws {InvalidArgumentError} when it can't be loaded.
 */
export function prepareCompression(codec: Compression): void {
  if (codec === 'snappy') loadSnappy()
}

export function compressionId(codec: Compression): number {
  return codec === 'snappy' ? CompressionId.SNAPPY : CompressionId.NONE
}

/** Compresses; `'none'` gives back the bytes themselves. Snappy is written as one raw block, as librdkafka does. */
export function compress(codec: Compression, bytes: Uint8Array): Uint8Array {
  return codec === 'snappy' ? loadSnappy().compressSync(bytes) : bytes
}

/**
 * Decompresses what brokers store: gzip, and snappy both raw and in the framing of Java's client. Id 0 gives back the
 * bytes themselves.
 *
 * @param maxSize bytes that may come of it; found out before they are allocated. Default 128 MiB.
 * @throws {MalformedMessageError} on damaged bytes, on more than `maxSize`, and on lz4 and zstd, which are not supported.
 * @throws {InvalidArgumentError} when snappy can't be loaded.
 */
export function decompress(id: number, bytes: Uint8Array, maxSize: number = DEFAULT_MAX_SIZE): Uint8Array {
  switch (id) {
    case CompressionId.NONE:
      return bytes
    case CompressionId.GZIP:
      return gunzip(bytes, maxSize)
    case CompressionId.SNAPPY:
      return isFramed(bytes) ? uncompressFramed(bytes, maxSize) : uncompressBlock(bytes, maxSize)
    default:
      throw new MalformedMessageError(
        `the records are compressed with codec ${id}, but only 0 (none), 1 (gzip) and 2 (snappy) can be read`,
      )
  }
}

function gunzip(bytes: Uint8Array, maxSize: number): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxSize })
  } catch (error) {
    throw new MalformedMessageError(`gzip cannot read the records: ${describe(error)}`, { cause: error })
  }
}

/*
 * Java's snappy framing (xerial)
 *   Magic(0x82 "SNAPPY" 0x00) Version(INT32) CompatibleVersion(INT32) [Size(INT32) Block(Size bytes)]
 *
 * A raw block begins with its uncompressed length as an unsigned varint. One that begins with the magic's first two
 * bytes would be 10,626 bytes long and go on with a copy of bytes that don't exist yet, so the two can't be mistaken.
 */
const FRAME_MAGIC = Buffer.from([0x82, ...Buffer.from('SNAPPY'), 0x00])
const FRAME_HEADER_SIZE = 16

/** The longest copy, 64 bytes, takes 3 bytes: a block cannot expand more than this many times. */
const MAX_EXPANSION = 22

function isFramed(bytes: Uint8Array): boolean {
  return bytes.length >= FRAME_HEADER_SIZE && FRAME_MAGIC.equals(bytes.subarray(0, FRAME_MAGIC.length))
}

function uncompressFramed(bytes: Uint8Array, maxSize: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const blocks: Uint8Array[] = []
  let left = maxSize
  for (let position = FRAME_HEADER_SIZE; position < bytes.length; ) {
    const size = bytes.length - position >= 4 ? view.getInt32(position) : -1
    position += 4
    if (size < 0 || size > bytes.length - position) {
      throw new MalformedMessageError(
        size < 0
          ? 'the size of a snappy block is cut short, or negative'
          : `a snappy block announces ${size} bytes, but only ${bytes.length - position} follow`,
      )
    }
    const block = uncompressBlock(bytes.subarray(position, position + size), left)
    blocks.push(block)
    left -= block.length
    position += size
  }
  return Buffer.concat(blocks)
}

function uncompressBlock(block: Uint8Array, maxSize: number): Uint8Array {
  const length = new Reader(block).unsignedVarint()
  if (length > maxSize)
    throw new MalformedMessageError(`snappy announces ${length} bytes of records, but at most ${maxSize} are accepted`)
  if (length > block.length * MAX_EXPANSION) {
    throw new MalformedMessageError(
      `snappy announces ${length} bytes of records in a block of ${block.length}, more than it can hold`,
    )
  }
  const snappy = loadSnappy()
  try {
    // It returns a string only on request.
    return snappy.uncompressSync(block) as Uint8Array
  } catch (error) {
    throw new MalformedMessageError(`snappy cannot read the records: ${describe(error)}`, { cause: error })
  }
}

import { MalformedMessageError } from '../../errors.js'
import { loadPackage } from '../../load-package.js'
import { Reader } from '../wire/reader.js'
import { type Codec, type Compressing, lazy, readBy } from './codec.js'

/** What is used of the package `snappy`. */
interface SnappyPackage {
  compressSync(bytes: Uint8Array): Uint8Array
  compress(bytes: Uint8Array): Promise<Uint8Array>
  uncompressSync(bytes: Uint8Array): Uint8Array | string
}

const PACKAGE = 'snappy'

/** Writes one raw block, as librdkafka does; reads raw blocks and the framing of Java's client. */
const load = lazy('snappy', PACKAGE, (): Compressing => {
  const snappy = loadPackage(PACKAGE) as SnappyPackage
  return {
    compressSync: bytes => snappy.compressSync(bytes),
    compress: bytes => snappy.compress(bytes),
    decompress: (bytes, maxSize) =>
      isFramed(bytes) ? uncompressFramed(snappy, bytes, maxSize) : uncompressBlock(snappy, bytes, maxSize),
  }
})

export const snappy: Codec = {
  name: 'snappy',
  id: 2,
  levels: undefined,
  offLoopFrom: () => Number.POSITIVE_INFINITY,
  load,
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

function uncompressFramed(snappy: SnappyPackage, bytes: Uint8Array, maxSize: number): Uint8Array {
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
    const block = uncompressBlock(snappy, bytes.subarray(position, position + size), left)
    blocks.push(block)
    left -= block.length
    position += size
  }
  return Buffer.concat(blocks)
}

function uncompressBlock(snappy: SnappyPackage, block: Uint8Array, maxSize: number): Uint8Array {
  const length = new Reader(block).unsignedVarint()
  if (length > maxSize)
    throw new MalformedMessageError(`snappy announces ${length} bytes of records, but at most ${maxSize} are accepted`)
  if (length > block.length * MAX_EXPANSION) {
    throw new MalformedMessageError(
      `snappy announces ${length} bytes of records in a block of ${block.length}, more than it can hold`,
    )
  }
  // It returns a string only on request.
  return readBy('snappy', () => snappy.uncompressSync(block) as Uint8Array)
}

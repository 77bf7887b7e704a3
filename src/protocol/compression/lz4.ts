import { loadPackage } from '../../load-package.js'
import { type Codec, type Compressing, checkSize, lazy, readBy } from './codec.js'

/** What is used of the package `lz4-napi`. Kafka's brokers read LZ4 frames of independent blocks, which it writes. */
interface Lz4Package {
  compressFrameSync(bytes: Uint8Array): Uint8Array
  compressFrame(bytes: Uint8Array): Promise<Uint8Array>
  decompressFrameSync(bytes: Uint8Array): Uint8Array
}

const PACKAGE = 'lz4-napi'

const load = lazy('lz4', PACKAGE, (): Compressing => {
  const lz4 = loadPackage(PACKAGE) as Lz4Package
  return {
    compressSync: bytes => lz4.compressFrameSync(bytes),
    compress: bytes => lz4.compressFrame(bytes),
    decompress(bytes, maxSize) {
      checkSize('lz4', largestSize(bytes), maxSize, LARGEST_BLOCK)
      return readBy('lz4', () => lz4.decompressFrameSync(bytes))
    },
  }
})

/*
 * An LZ4 frame
 *   Magic(4) FLG(1) BD(1) [ContentSize(8)] [DictId(4)] HC(1)  [BlockSize(4) Block [BlockChecksum(4)]]  EndMark(4) [ContentChecksum(4)]
 *
 * FLG: bit 4 block checksums, bit 3 content size, bit 0 dictionary id. BD: bits 4 to 6, the largest block: 4 to 7 for 64 KiB to 4 MiB.
 */
const MAGIC = 0x184d2204
const BLOCK_STORED = 0x80000000
const LARGEST_BLOCK = 4_194_304

/** The longest match, 255 bytes, takes a byte: a block cannot expand more than this many times. */
const MAX_EXPANSION = 255

/** Returns how many bytes a frame may decompress to, from its blocks' headers. */
function largestSize(bytes: Uint8Array): number {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (frame.length < 7 || frame.readUInt32LE(0) !== MAGIC) return 0 // not a frame: decompressing says so
  const flags = frame[4]!
  const largestBlock = 65_536 << (2 * (((frame[5]! >> 4) & 7) - 4))
  let total = 0
  let position = 7 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0)
  while (position + 4 <= frame.length) {
    const head = frame.readUInt32LE(position)
    if (head === 0) break
    const size = head % BLOCK_STORED
    total += head >= BLOCK_STORED ? size : Math.min(size * MAX_EXPANSION, largestBlock)
    position += 4 + size + (flags & 0x10 ? 4 : 0)
  }
  return total
}

export const lz4: Codec = { name: 'lz4', id: 3, levels: undefined, offLoopFrom: () => Number.POSITIVE_INFINITY, load }

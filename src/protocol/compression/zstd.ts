import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { loadPackage } from '../../load-package.js'
import { type Codec, type Compressing, checkSize, lazy, readBy } from './codec.js'

/** What `node:zlib` has from Node 22.15 and 23.8 on. */
interface ZlibZstd {
  readonly constants: { readonly ZSTD_c_compressionLevel: number }
  zstdCompressSync(bytes: Uint8Array, options: object): Uint8Array
  zstdCompress(bytes: Uint8Array, options: object, done: (error: Error | null, bytes: Uint8Array) => void): void
  zstdDecompressSync(bytes: Uint8Array, options: object): Uint8Array
}

/** What is used of the package `@toondepauw/node-zstd`, for an older Node. */
interface ZstdPackage {
  readonly Encoder: new (
    level: number,
  ) => {
    encode(bytes: Uint8Array): Promise<Uint8Array>
    encodeSync(bytes: Uint8Array): Uint8Array
  }
  readonly Decoder: new () => { decodeSync(bytes: Uint8Array): Uint8Array }
}

const PACKAGE = '@toondepauw/node-zstd'

/** Returns zstd of `zlib`, or undefined where this Node has none. */
export function zstdOfNode(module: object): Compressing | undefined {
  if (!('zstdCompressSync' in module)) return undefined
  const node = module as ZlibZstd
  const compress = promisify(node.zstdCompress)
  const options = (level: number): object => ({ params: { [node.constants.ZSTD_c_compressionLevel]: level } })
  return {
    compressSync: (bytes, level) => node.zstdCompressSync(bytes, options(level)),
    compress: (bytes, level) => compress(bytes, options(level)),
    decompress: (bytes, maxSize) => readBy('zstd', () => node.zstdDecompressSync(bytes, { maxOutputLength: maxSize })),
  }
}

/** Returns zstd of the package. */
export function zstdOfPackage({ Encoder, Decoder }: ZstdPackage): Compressing {
  const encoders = new Map<number, InstanceType<ZstdPackage['Encoder']>>()
  const encoder = (level: number): InstanceType<ZstdPackage['Encoder']> => {
    const known = encoders.get(level) ?? new Encoder(level)
    encoders.set(level, known)
    return known
  }
  return {
    compressSync: (bytes, level) => encoder(level).encodeSync(bytes),
    compress: (bytes, level) => encoder(level).encode(bytes),
    decompress(bytes, maxSize) {
      checkSize('zstd', largestSize(bytes), maxSize, LARGEST_BLOCK)
      return readBy('zstd', () => new Decoder().decodeSync(bytes))
    },
  }
}

/*
 * zstd (RFC 8878, 3.1.1)
 *   Frame            Magic(4) Descriptor(1) [Window(1)] [DictId(0, 1, 2, 4)] [ContentSize(0, 1, 2, 4, 8)]  Block …  [Checksum(4)]
 *   Skippable frame  Magic(4) Size(4) Size bytes
 *   Block            Header(3): bit 0 the last one, bits 1 and 2 the type (0 stored, 1 one byte repeated, 2 compressed), then its size
 */
const MAGIC = 0xfd2fb528
const LARGEST_BLOCK = 131_072

/** Returns how many bytes frames may decompress to, from their blocks' headers: a frame need not say. */
function largestSize(bytes: Uint8Array): number {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let total = 0
  let position = 0
  while (position + 8 <= data.length) {
    if (data.readUInt32LE(position) !== MAGIC) {
      position += 8 + data.readUInt32LE(position + 4)
      continue
    }
    const descriptor = data[position + 4]!
    const single = (descriptor >> 5) & 1
    position += 6 - single + [0, 1, 2, 4][descriptor & 3]! + [single, 2, 4, 8][descriptor >> 6]!
    for (let last = false; !last && position + 3 <= data.length; ) {
      const header = data.readUIntLE(position, 3)
      const size = header >> 3
      const type = (header >> 1) & 3
      last = (header & 1) === 1
      total += type === 2 ? LARGEST_BLOCK : size
      position += 3 + (type === 1 ? 1 : size)
    }
    if (descriptor & 4) position += 4
  }
  return total
}

const ofPackage = lazy('zstd', PACKAGE, () => zstdOfPackage(loadPackage(PACKAGE) as ZstdPackage))

const ofNode = zstdOfNode(zlib)

export const zstd: Codec = {
  name: 'zstd',
  id: 4,
  levels: { min: 1, max: 22, usual: 3 },
  offLoopFrom: level => (level < 6 ? 65_536 : 16_384),
  load: () => ofNode ?? ofPackage(),
}

import { promisify } from 'node:util'
import zlib, { gunzipSync, gzipSync } from 'node:zlib'
import { type Codec, type Compressing, readBy } from './codec.js'

const gzipAsync = promisify(zlib.gzip)

const compressing: Compressing = {
  compressSync: (bytes, level) => gzipSync(bytes, { level }),
  compress: (bytes, level) => gzipAsync(bytes, { level }),
  decompress: (bytes, maxSize) => readBy('gzip', () => gunzipSync(bytes, { maxOutputLength: maxSize })),
}

export const gzip: Codec = {
  name: 'gzip',
  id: 1,
  levels: { min: 1, max: 9, usual: 6 },
  offLoopFrom: level => (level < 4 ? 65_536 : 16_384),
  load: () => compressing,
}

import { gunzipSync, gzip as gzipAsync, gzipSync } from 'node:zlib'
import { describe, MalformedMessageError } from '../../errors.js'
import type { Codec, Compressing } from './codec.js'

const compressing: Compressing = {
  compressSync: (bytes, level) => gzipSync(bytes, { level }),
  compress: (bytes, level) =>
    new Promise((resolve, reject) =>
      gzipAsync(bytes, { level }, (error, compressed) => (error === null ? resolve(compressed) : reject(error))),
    ),
  decompress(bytes, maxSize) {
    try {
      return gunzipSync(bytes, { maxOutputLength: maxSize })
    } catch (error) {
      throw new MalformedMessageError(`gzip cannot read the records: ${describe(error)}`, { cause: error })
    }
  },
}

export const gzip: Codec = {
  name: 'gzip',
  id: 1,
  levels: { min: 1, max: 9, usual: 6 },
  offLoopFrom: level => (level < 4 ? 65_536 : 16_384),
  load: () => compressing,
}

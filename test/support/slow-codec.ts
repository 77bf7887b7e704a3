import type { SchedulerLike } from 'rxjs'
import { CODECS } from '../../src/protocol/compression/codecs.js'

/** The longest that a compression takes, in ms. */
export const LONGEST_COMPRESSION = 60

/** What RxJS chains to a promise: a report of errors in its subscriber, which VirtualTime makes itself. */
// biome-ignore lint/suspicious/noThenProperty: see below
const NEVER = { then() {} }

/**
 * Calls `make` with a gzip that compresses whatever has 100 bytes in virtual time instead of in libuv's pool, in any order, and fails now
 * and then. A thread may read its input at any time until it ends, so the input must be the same then.
 */
export function withSlowGzip<T>(scheduler: SchedulerLike, random: () => number, make: () => T): T {
  const { gzip } = CODECS
  const { load, offLoopFrom } = gzip
  const real = load()
  const compress = (bytes: Uint8Array, level: number): PromiseLike<Uint8Array> => ({
    // biome-ignore lint/suspicious/noThenProperty: a promise would settle outside of virtual time
    then(resolve, reject) {
      const input = Buffer.from(bytes)
      scheduler.schedule(
        () => {
          if (!input.equals(bytes)) throw new Error('the records changed while they were compressed')
          if (random() < 0.1) reject?.(new Error('out of memory'))
          else resolve?.(real.compressSync(bytes, level))
        },
        Math.floor(random() * LONGEST_COMPRESSION),
      )
      return NEVER as never
    },
  })
  Object.assign(gzip, { offLoopFrom: () => 100, load: () => ({ ...real, compress }) })
  try {
    return make()
  } finally {
    Object.assign(gzip, { load, offLoopFrom })
  }
}

import type { Buffers } from '../../protocol/records/record-batch-builder.js'

/** Below this a buffer is not worth keeping. */
const SMALLEST = 512

/**
 * Buffers of batches that have ended, for the batches to come. Fresh memory is paid for page by page when it is first
 * written to, and again by the garbage collector: for large records that is more than all the rest.
 */
export class BufferPool implements Buffers {
  readonly #limit: number
  /** By size; sizes are powers of two. */
  readonly #free = new Map<number, Buffer[]>()
  #bytes = 0

  /** @param limit bytes to keep, at the most. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** A buffer of at least so many bytes; what is in it means nothing. */
  take(bytes: number): Buffer {
    const size = Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(bytes)))
    const buffer = this.#free.get(size)?.pop()
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size)
    this.#bytes -= size
    return buffer
  }

  /** Nobody uses the buffer any more. */
  give(buffer: Buffer): void {
    const size = buffer.length
    if (this.#bytes + size > this.#limit || size < SMALLEST || !Number.isInteger(Math.log2(size))) return
    this.#bytes += size
    const free = this.#free.get(size)
    if (free === undefined) this.#free.set(size, [buffer])
    else free.push(buffer)
  }
}

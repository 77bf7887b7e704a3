import type { Buffers } from '../../protocol/records/record-batch-builder.js'

/** Smaller buffers are not worth keeping. */
const SMALLEST = 512

/**
 * Buffers of settled batches, for later batches. Fresh memory costs a page fault a page when it is first written to, and again at
 * garbage collection: for large records that is more than everything else.
 */
export class BufferPool implements Buffers {
  readonly #limit: number
  /** By size; sizes are powers of two. */
  readonly #free = new Map<number, Buffer[]>()
  #bytes = 0

  /** @param limit most bytes to keep. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Returns a buffer of at least `bytes`, with arbitrary content. */
  take(bytes: number): Buffer {
    const size = Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(bytes)))
    const buffer = this.#free.get(size)?.pop()
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size)
    this.#bytes -= size
    return buffer
  }

  /** Takes back a buffer that nothing uses any more. */
  give(buffer: Buffer): void {
    const size = buffer.length
    if (this.#bytes + size > this.#limit || size < SMALLEST || !Number.isInteger(Math.log2(size))) return
    this.#bytes += size
    const free = this.#free.get(size)
    if (free === undefined) this.#free.set(size, [buffer])
    else free.push(buffer)
  }
}

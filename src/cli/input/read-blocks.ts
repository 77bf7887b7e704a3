import { Buffer } from 'node:buffer'
import { InputError } from '../errors.js'
import { Block, type LastEnd } from './block.js'
import type { Bytes } from './bytes.js'

/** Bytes that are read at once: more makes nothing faster, and a block's lines stay in memory until all of them are acked. */
const BLOCK_SIZE = 262_144

/** A longer line is no line: no broker would take it, and without an end it would fill the memory. */
const LONGEST_LINE = 67_108_864

/** Blocks that are smaller by so much get bytes of their own, so that a slow input does not hold a large buffer for every line. */
const SMALL = 16

export interface ReadOptions {
  /** Where the input begins to be read. Default 0. */
  readonly from?: number
  readonly lastEnd: LastEnd
  /** Ends the reading: lines that were read whole are still given, the beginning of one is not. */
  readonly stop: AbortSignal
  /** The name of the input, for messages. */
  readonly name: string
  readonly blockSize?: number
  readonly longestLine?: number
}

/** Reads bytes as blocks of whole lines. Reads the next bytes only when they are asked for, and closes the bytes at the end. */
export async function* readBlocks(bytes: Bytes, options: ReadOptions): AsyncGenerator<Block> {
  const { from = 0, lastEnd, stop, name: input, blockSize = BLOCK_SIZE, longestLine = LONGEST_LINE } = options
  const pool = new BufferPool(blockSize)
  let offset = from
  let buffer = pool.take()
  /** Bytes of `buffer` that are read, and in no block yet. */
  let length = 0
  try {
    while (!stop.aborted) {
      if (buffer.length - length < blockSize / 2) buffer = larger(buffer, length)
      const count = await bytes.read(buffer.subarray(length))
      if (stop.aborted) return
      if (count === 0) {
        if (length > 0) yield new Block(input, buffer.subarray(0, length), offset)
        return
      }
      const end = lastEnd(buffer.subarray(0, length + count), length)
      length += count
      if (end === 0) {
        if (length > longestLine) throw new InputError(tooLong(input, offset, longestLine))
        continue
      }
      const whole = buffer.subarray(0, end)
      const begin = offset
      offset += end
      length -= end
      if (end < blockSize / SMALL) {
        yield new Block(input, Buffer.from(whole), begin)
        buffer.copyWithin(0, end, end + length)
      } else {
        const next = length < blockSize / 2 ? pool.take() : Buffer.allocUnsafeSlow(2 * length)
        buffer.copy(next, 0, end, end + length)
        buffer = next
        yield new Block(input, whole, begin, pool.give)
      }
    }
  } finally {
    await bytes.close()
  }
}

function larger(buffer: Buffer, length: number): Buffer {
  const result = Buffer.allocUnsafeSlow(2 * buffer.length)
  buffer.copy(result, 0, 0, length)
  return result
}

/**
 * Buffers of one size, which blocks give back: new ones would each be mapped, filled with zeros and unmapped by the kernel, and make V8
 * mark its heap for memory that is not in it.
 */
class BufferPool {
  readonly #size: number
  readonly #free: Buffer[] = []

  constructor(size: number) {
    this.#size = size
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#size)
  }

  /** Takes the memory of a block back. A larger one was for a longer line. */
  readonly give = ({ bytes: { buffer } }: Block): void => {
    if (buffer.byteLength === this.#size) this.#free.push(Buffer.from(buffer as ArrayBuffer))
  }
}

function tooLong(name: string, offset: number, longest: number): string {
  return `${name}: the line at byte ${offset} has no end within ${longest} bytes; is --delimiter what ends its lines?`
}

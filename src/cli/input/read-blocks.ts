import { Buffer } from 'node:buffer'
import { InputError } from '../errors.js'
import type { Block, LastEnd } from './block.js'
import type { Bytes } from './bytes.js'

/** Bytes that are read at once: more makes nothing faster, and a block's lines stay in memory until all of them are acked. */
export const BLOCK_SIZE = 262_144

/** A longer line is no line: no broker would take it, and without an end it would fill the memory. */
const LONGEST_LINE = 67_108_864

/** Blocks that are smaller get bytes of their own, so that a slow input does not hold a large buffer for every line. */
const SMALL = BLOCK_SIZE / 16

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
  const { from = 0, lastEnd, stop, name, blockSize = BLOCK_SIZE, longestLine = LONGEST_LINE } = options
  let offset = from
  let buffer: Buffer = Buffer.allocUnsafeSlow(blockSize)
  /** Bytes of `buffer` that are read, and in no block yet. */
  let length = 0
  try {
    while (!stop.aborted) {
      if (buffer.length - length < blockSize / 2) buffer = larger(buffer, length, length + blockSize)
      const count = await bytes.read(buffer.subarray(length))
      if (stop.aborted) return
      if (count === 0) {
        if (length > 0) yield { input: name, bytes: buffer.subarray(0, length), offset, end: offset + length }
        return
      }
      const end = lastEnd(buffer.subarray(0, length + count), length)
      length += count
      if (end === 0) {
        if (length > longestLine) throw new InputError(tooLong(name, offset, longestLine))
        continue
      }
      const begun = buffer.subarray(end, length)
      const block = buffer.subarray(0, end)
      if (end < SMALL) {
        yield { input: name, bytes: Buffer.from(block), offset, end: offset + end }
        buffer.copyWithin(0, end, length)
      } else {
        const next = larger(begun, begun.length, begun.length + blockSize)
        yield { input: name, bytes: block, offset, end: offset + end }
        buffer = next
      }
      offset += end
      length -= end
    }
  } finally {
    await bytes.close()
  }
}

function larger(buffer: Buffer, length: number, size: number): Buffer {
  const result = Buffer.allocUnsafeSlow(size)
  buffer.copy(result, 0, 0, length)
  return result
}

function tooLong(name: string, offset: number, longest: number): string {
  return `${name}: the line at byte ${offset} has no end within ${longest} bytes; is --delimiter what ends its lines?`
}

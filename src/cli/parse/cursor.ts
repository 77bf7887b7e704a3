import { Buffer } from 'node:buffer'
import { Block } from '../input/block.js'

const RETURN = 0x0d
const NEWLINE = 0x0a
const NO_BLOCK = new Block('', Buffer.alloc(0), 0)

/** Goes from line to line through the blocks of one input, and counts them. Skips empty lines. Allocates nothing for a line. */
export class Cursor {
  /** Where the line begins in its block. */
  start = 0
  /** Where it ends, before its delimiter. A `\r` before `\n` belongs to the delimiter. */
  end = 0
  /** The number of the line in the input, from 1. */
  number: number
  block: Block = NO_BLOCK
  #next = 0
  readonly #size: number
  /** One byte is found faster than several. */
  readonly #delimiter: number | Buffer
  readonly #dropsReturn: boolean

  /** @param lines of the input before the first block. */
  constructor(delimiter: Buffer, lines: number) {
    this.number = lines
    this.#size = delimiter.length
    this.#delimiter = delimiter.length === 1 ? delimiter[0]! : delimiter
    this.#dropsReturn = this.#delimiter === NEWLINE
  }

  enter(block: Block): void {
    this.block = block
    this.#next = 0
  }

  /** Goes to the next line that is not empty; false at the end of the block. */
  advance(): boolean {
    const { bytes } = this.block
    while (this.#next < bytes.length) {
      const start = this.#next
      const found = bytes.indexOf(this.#delimiter, start)
      let end = found === -1 ? bytes.length : found
      this.#next = end + this.#size
      this.number++
      if (this.#dropsReturn && end > start && bytes[end - 1] === RETURN) end--
      if (end === start) continue
      this.start = start
      this.end = end
      return true
    }
    return false
  }
}

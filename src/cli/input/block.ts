import type { Buffer } from 'node:buffer'

/**
 * Whole lines of one input, as they were read together: the unit that goes from stage to stage. A class, so that all blocks have one shape:
 * code that reads them for every line is not compiled again for each.
 */
export class Block {
  /** The name of the input, for messages. */
  readonly input: string
  /** The lines, each with its delimiter; only the last line of an input may be without. */
  readonly bytes: Buffer
  /** Where `bytes` begins in its input. */
  readonly offset: number
  readonly #release: ((block: Block) => void) | undefined

  constructor(input: string, bytes: Buffer, offset: number, release?: (block: Block) => void) {
    this.input = input
    this.bytes = bytes
    this.offset = offset
    this.#release = release
  }

  /** Where the next block begins: every line before it is in this block or an earlier one. */
  get end(): number {
    return this.offset + this.bytes.length
  }

  /** Returns the memory of `bytes`, which must not be used any more. Optional: memory that is not returned is collected. */
  release(): void {
    this.#release?.(this)
  }
}

/**
 * Finds where the last whole line in `bytes` ends, behind its delimiter; 0 if there is none.
 *
 * @param from what is before it was searched before, and holds no end of a line.
 */
export type LastEnd = (bytes: Buffer, from: number) => number

/** Lines end at a delimiter. */
export function delimited(delimiter: Buffer): LastEnd {
  return (bytes, from) => {
    // A delimiter of several bytes may have begun in what was searched before.
    const found = bytes.subarray(Math.max(0, from - delimiter.length + 1)).lastIndexOf(delimiter)
    return found === -1 ? 0 : Math.max(0, from - delimiter.length + 1) + found + delimiter.length
  }
}

const QUOTE = 0x22
const NEWLINE = 0x0a

/**
 * Returns where the row of CSV that begins at `start` ends, behind its line break; -1 if it has no end. A line break inside quotes is part
 * of a field, and quotes are quotes only where a field begins with one (RFC 4180).
 *
 * @param separator the last byte of what separates fields.
 */
export function rowEnd(bytes: Buffer, start: number, separator: number): number {
  let fieldBegins = true
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE && fieldBegins) {
      at = closingQuote(bytes, at + 1)
      if (at === -1) return -1
    } else if (byte === NEWLINE) return at + 1
    fieldBegins = byte === separator
  }
  return -1
}

/** A quote inside quotes is doubled. */
function closingQuote(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(QUOTE, from)
  while (at !== -1 && bytes[at + 1] === QUOTE) at = bytes.indexOf(QUOTE, at + 2)
  return at
}

/** Rows of CSV, see {@link rowEnd}. */
export function csvRows(separator: Buffer): LastEnd {
  const last = separator.at(-1)!
  return bytes => {
    let end = 0
    for (let next = rowEnd(bytes, 0, last); next !== -1; next = rowEnd(bytes, end, last)) end = next
    return end
  }
}

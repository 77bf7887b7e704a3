import { Buffer } from 'node:buffer'
import { closeSync, openSync, writeSync } from 'node:fs'
import { CommandError, EXIT, UsageError } from '../errors.js'
import type { Line } from '../parse/record.js'

/** Lines are collected up to so many bytes, and then written in one go. */
const CHUNK = 65_536

const RETURN = 0x0d
const NEWLINE = 0x0a

/** The file of `--failed`: lines that failed, byte by byte as they were read, so that they can be fed in again. */
export class FailedLines {
  readonly #path: string
  readonly #file: number
  readonly #delimiter: Buffer
  #waiting: Buffer[] = []
  #bytes = 0
  #hasHeader = false
  #error: CommandError | undefined

  constructor(path: string, delimiter: Buffer) {
    this.#path = path
    this.#delimiter = delimiter
    try {
      this.#file = openSync(path, 'w')
    } catch (error) {
      throw new UsageError(`--failed: ${path} can't be written: ${(error as Error).message}`)
    }
  }

  /** @param header the row with the names of the columns, which comes first. */
  add({ block, start, end }: Line, header: Buffer | undefined): void {
    if (header !== undefined && !this.#hasHeader) this.#push(header)
    this.#hasHeader = true
    // A carriage return before the line break belongs to the line as it was read.
    const rawEnd = block.bytes[end] === RETURN && this.#delimiter[0] === NEWLINE ? end + 1 : end
    // A copy: a block is larger than the few lines of it that fail.
    this.#push(Buffer.from(block.bytes.subarray(start, rawEnd)))
    if (this.#bytes > CHUNK) this.flush()
  }

  /** Why lines could not be written, and are lost. */
  get error(): CommandError | undefined {
    return this.#error
  }

  /** Synchronous, so that it also works while the process exits. */
  flush(): void {
    const bytes = Buffer.concat(this.#waiting)
    this.#waiting = []
    this.#bytes = 0
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at)
    } catch (error) {
      this.#error ??= new CommandError(
        `--failed: ${this.#path} can't be written: ${(error as Error).message}`,
        EXIT.failed,
      )
    }
  }

  close(): void {
    this.flush()
    closeSync(this.#file)
  }

  #push(line: Buffer): void {
    this.#waiting.push(line, this.#delimiter)
    this.#bytes += line.length + this.#delimiter.length
  }
}

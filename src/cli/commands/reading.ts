import type { Failed } from '../../index.js'
import type { Block } from '../input/block.js'
import type { Input } from '../input/open-input.js'
import { CsvParser } from '../parse/csv.js'
import type { Parsing } from '../parse/parser.js'
import type { InputRecord, Parser } from '../parse/record.js'
import type { Failures } from '../report/failures.js'
import type { Tally } from '../report/tally.js'
import type { Delivered } from '../send/block-stream.js'
import type { Bookmark } from '../send/bookmark.js'
import type { SendObserver } from '../send/send-blocks.js'

export interface Limits {
  /** Records to send; undefined: all. */
  readonly limit: number | undefined
  /** Whether the first line that fails ends it. */
  readonly strict: boolean
}

/** Reads inputs one after the other, and counts what becomes of their lines. */
export class Reading implements SendObserver {
  readonly #inputs: readonly Input[]
  readonly #parsing: Parsing
  readonly #tally: Tally
  readonly #failures: Failures
  readonly #strict: boolean
  /** Records that may still be sent. */
  #left: number
  readonly #stop = new AbortController()
  /** Blocks of all inputs, to be read once. */
  readonly blocks: AsyncGenerator<Block> = this.#read()
  #parser: Parser | undefined
  #last: Block | undefined
  #ended = false
  #begun: Pick<Bookmark, 'offset' | 'lines'> = { offset: 0, lines: 0 }

  constructor(inputs: readonly Input[], parsing: Parsing, tally: Tally, failures: Failures, limits: Limits) {
    this.#inputs = inputs
    this.#parsing = parsing
    this.#tally = tally
    this.#failures = failures
    this.#strict = limits.strict
    this.#left = limits.limit ?? Number.POSITIVE_INFINITY
  }

  /** The name of the first input. */
  get inputName(): string {
    return this.#inputs[0]!.name
  }

  /** Lines of the input that are read. */
  get lines(): number {
    return this.#parser?.lines ?? this.#begun.lines
  }

  /** Whether no further record is sent, also of the block that was read last. */
  get ended(): boolean {
    return this.#ended
  }

  /** Goes on behind what an import has stored, with a single input. */
  beginAt(bookmark: Pick<Bookmark, 'offset' | 'lines'>): void {
    this.#begun = bookmark
    this.#tally.readBytes = bookmark.offset
  }

  /** Aborts when nothing more is read. */
  get stopped(): AbortSignal {
    return this.#stop.signal
  }

  /** Reads no further block; records of blocks that were read are still sent. */
  stop(): void {
    this.#stop.abort()
  }

  /** Reads no further block, and closes the input, also where blocks are left in it. Resolves once it is closed. */
  async close(): Promise<void> {
    this.stop()
    await this.blocks.return(undefined)
  }

  enter(block: Block): void {
    this.#tally.entered(block)
    // Every input has its own header and its own count of lines; so has a file that follows another one under its name.
    const goesOn = this.#last?.input === block.input && this.#last.end === block.offset
    if (!goesOn || this.#parser === undefined) {
      this.#parser = this.#parsing.parser((line, error) => {
        this.#failures.malformed(line, error, this.#header())
        return this.#goesOn()
      }, this.#begun.lines)
    }
    this.#last = block
    this.#parser.enter(block)
  }

  take(most: number): InputRecord[] {
    if (this.#ended) return []
    const records = this.#parser!.take(Math.min(most, this.#left))
    this.#left -= records.length
    if (this.#left === 0) this.#end()
    return records
  }

  failed(ack: Failed): void {
    this.#tally.refused(ack)
    this.#failures.refused(ack.record as InputRecord, ack, this.#header())
    this.#goesOn()
  }

  delivered(what: Delivered): void {
    this.#tally.delivered(what)
  }

  async *#read(): AsyncGenerator<Block> {
    for (const input of this.#inputs) {
      if (this.#stop.signal.aborted) return
      yield* input.blocks(this.#parsing.lastEnd, this.#stop.signal, this.#begun.offset)
    }
  }

  /** @returns whether a failure does not end it. */
  #goesOn(): boolean {
    const ends = this.#strict || this.#failures.error !== undefined
    if (ends) this.#end()
    return !ends
  }

  /** Sends no further record, also of the block that was read last. */
  #end(): void {
    this.#ended = true
    this.stop()
  }

  #header(): Buffer | undefined {
    return this.#parser instanceof CsvParser ? this.#parser.header : undefined
  }
}

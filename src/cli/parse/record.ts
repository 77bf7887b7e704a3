import type { HeaderPair, ProducerRecord, RecordData } from '../../index.js'
import type { Block } from '../input/block.js'

/** Where a record was written in the input: a line, a row, or several lines of one row. */
export interface Line {
  readonly block: Block
  /** Where it begins in the bytes of its block. */
  readonly start: number
  /** Where it ends there, before its delimiter. */
  readonly end: number
  /** The number of its (first) line in the input, from 1. */
  readonly number: number
}

/** The fields of a record that an input gives. */
export interface Fields {
  readonly topic: string
  readonly key: RecordData | undefined
  /** Undefined: the bytes of the line as they are. */
  readonly value: RecordData | undefined
  readonly headers: readonly HeaderPair[] | undefined
  readonly partition: number | undefined
  readonly timestamp: number | undefined
}

/**
 * A record, and the line that it was made of: one small object, because a million of them live until they are acked. So the bytes of the
 * line are not kept: the producer reads each field once, when it takes the record.
 */
export class InputRecord implements ProducerRecord, Line {
  readonly block: Block
  readonly start: number
  readonly end: number
  readonly number: number
  /** Whether the producer has taken it, and owes it an ack. */
  taken = false
  /** One for all records, if they differ in nothing but their lines. */
  readonly #fields: Fields

  constructor(fields: Fields, line: Line) {
    this.#fields = fields
    this.block = line.block
    this.start = line.start
    this.end = line.end
    this.number = line.number
  }

  get topic(): string {
    this.taken = true
    return this.#fields.topic
  }

  get key(): RecordData | undefined {
    return this.#fields.key
  }

  get value(): RecordData {
    const { value } = this.#fields
    return value === undefined ? this.block.bytes.subarray(this.start, this.end) : value
  }

  get headers(): readonly HeaderPair[] | undefined {
    return this.#fields.headers
  }

  get partition(): number | undefined {
    return this.#fields.partition
  }

  get timestamp(): number | undefined {
    return this.#fields.timestamp
  }
}

/** Why a line is no record; the message ends a sentence that begins with the line. */
export class LineError extends Error {}

/** Turns the blocks of one input into records, in order. */
export interface Parser {
  /** Lines of the input that are read. */
  readonly lines: number
  /** Goes on to the next block. */
  enter(block: Block): void
  /** Returns the next records of the block, at most so many; none at its end. */
  take(most: number): InputRecord[]
}

/** Is told of lines that are no records. Returns whether to go on: if not, `take()` returns what is before the line. */
export type OnMalformed = (line: Line, error: LineError) => boolean

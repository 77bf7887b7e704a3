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
  readonly value: RecordData
  readonly headers: readonly HeaderPair[] | undefined
  readonly partition: number | undefined
  readonly timestamp: number | undefined
}

/** A record, and the line that it was made of: one object, because a million of them pass. */
export class InputRecord implements ProducerRecord, Fields, Line {
  readonly topic: string
  readonly key: RecordData | undefined
  readonly value: RecordData
  readonly headers: readonly HeaderPair[] | undefined
  readonly partition: number | undefined
  readonly timestamp: number | undefined
  readonly block: Block
  readonly start: number
  readonly end: number
  readonly number: number

  constructor(fields: Fields, value: RecordData, line: Line) {
    this.topic = fields.topic
    this.key = fields.key
    this.value = value
    this.headers = fields.headers
    this.partition = fields.partition
    this.timestamp = fields.timestamp
    this.block = line.block
    this.start = line.start
    this.end = line.end
    this.number = line.number
  }
}

/** Why a line is no record; the message ends a sentence that begins with the line. */
export class LineError extends Error {}

/** Turns the blocks of one input into records, in order. */
export interface Parser {
  /** Reads the records of the next block. Lines that are no records go to the callback that the parser was made with. */
  records(block: Block): Iterable<InputRecord>
}

export type OnMalformed = (line: Line, error: LineError) => void

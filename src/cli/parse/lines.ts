import type { Buffer } from 'node:buffer'
import { Cursor } from './cursor.js'
import { InputRecord, LineError, type OnMalformed, type Parser } from './record.js'
import { fieldsOf, lookupIn, type Selectors } from './template.js'

/** Every line is a record, and its bytes are the value as they are: the fast lane, which parses and decodes nothing. */
export function plainLines(selectors: Selectors, delimiter: Buffer, lines: number): Parser {
  const cursor = new Cursor(delimiter, lines)
  const fields = fieldsOf(selectors, lookupIn(undefined, undefined))
  return {
    get lines() {
      return cursor.number
    },
    enter: block => cursor.enter(block),
    take(most) {
      const records: InputRecord[] = []
      while (records.length < most && cursor.advance()) records.push(new InputRecord(fields, cursor))
      return records
    },
  }
}

/**
 * Every line holds data that fields are selected from.
 *
 * @param read returns a line's data; may throw a {@link LineError}.
 * @param lines of the input before the first block.
 */
export function selectedLines(
  selectors: Selectors,
  delimiter: Buffer,
  read: (line: Buffer) => unknown,
  onMalformed: OnMalformed,
  lines: number,
): Parser {
  const cursor = new Cursor(delimiter, lines)
  return {
    get lines() {
      return cursor.number
    },
    enter: block => cursor.enter(block),
    take(most) {
      const records: InputRecord[] = []
      while (records.length < most && cursor.advance()) {
        const { block, start, end, number } = cursor
        const line = block.bytes.subarray(start, end)
        try {
          records.push(new InputRecord(fieldsOf(selectors, lookupIn(read(line), line)), cursor))
        } catch (error) {
          if (!(error instanceof LineError)) throw error
          if (!onMalformed({ block, start, end, number }, error)) break
        }
      }
      return records
    },
  }
}

/** Plain text has no fields. */
export function noData(): undefined {
  return undefined
}

/** Splits a line at the first `delimiter` into `.key` and `.value`. */
export function keyAndValue(delimiter: Buffer): (line: Buffer) => unknown {
  return line => {
    const at = line.indexOf(delimiter)
    if (at === -1) throw new LineError('it has no key: there is no --key-delimiter in it')
    return { key: line.subarray(0, at), value: line.subarray(at + delimiter.length) }
  }
}

export function json(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString())
  } catch (error) {
    throw new LineError(`it is not valid JSON: ${(error as Error).message}`)
  }
}

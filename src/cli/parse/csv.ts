import { Buffer } from 'node:buffer'
import type { Options } from 'csv-parse'
import { UsageError } from '../errors.js'
import { type Block, rowEnd } from '../input/block.js'
import { nearest } from '../nearest.js'
import { InputRecord, type Line, LineError, type OnMalformed, type Parser } from './record.js'
import { fieldsOf, lookupIn, type Selectors } from './template.js'

export interface CsvOptions {
  readonly separator: string
  /** The names of the columns; undefined: the first row has them. */
  readonly columns: readonly string[] | undefined
}

type ParseRows = (bytes: Buffer, options: Options) => string[][]

/**
 * Loads the package `csv-parse`, an optional peer.
 *
 * @throws {UsageError} with the line that installs it.
 */
export async function loadCsv(): Promise<ParseRows> {
  try {
    const { parse } = await import('csv-parse/sync')
    return (bytes, options) => parse(bytes, options) as string[][]
  } catch {
    throw new UsageError('CSV is read by the package `csv-parse`, which is not installed: npm install csv-parse')
  }
}

/** Every row is a record; a path is the name of a column. */
export class CsvParser implements Parser {
  readonly #parse: ParseRows
  readonly #selectors: Selectors
  readonly #onMalformed: OnMalformed
  readonly #options: Options
  readonly #separator: number
  #columns: readonly string[] | undefined
  /** Of the block: its rows, what is in them, and the row that comes next. */
  #rows: readonly Line[] = []
  #cells: readonly (readonly string[])[] | undefined
  #next = 0
  /** Lines that are read. */
  #lines = 0
  /** The row with the names of the columns as it was written, once it is read. */
  header: Buffer | undefined

  constructor(parse: ParseRows, selectors: Selectors, { separator, columns }: CsvOptions, onMalformed: OnMalformed) {
    this.#parse = parse
    this.#selectors = selectors
    this.#onMalformed = onMalformed
    this.#options = { delimiter: separator, bom: true, relax_column_count: true, skip_empty_lines: true }
    this.#separator = Buffer.from(separator).at(-1)!
    if (columns !== undefined) this.#name(columns)
  }

  get lines(): number {
    return this.#lines
  }

  enter(block: Block): void {
    this.#rows = this.#split(block)
    this.#cells = this.#cellsOf(block.bytes, this.#rows.length)
    this.#next = 0
  }

  take(most: number): InputRecord[] {
    const records: InputRecord[] = []
    while (records.length < most && this.#next < this.#rows.length) {
      const row = this.#rows[this.#next]!
      const cells = this.#cells?.[this.#next]
      this.#next++
      try {
        const record = this.#record(row, cells ?? this.#cellsAlone(row))
        if (record !== undefined) records.push(record)
      } catch (error) {
        if (!(error instanceof LineError)) throw error
        if (!this.#onMalformed(row, error)) break
      }
    }
    return records
  }

  #record(row: Line, cells: readonly string[]): InputRecord | undefined {
    if (this.#columns === undefined) {
      this.header = row.block.bytes.subarray(row.start, row.end)
      this.#name(cells)
      return undefined
    }
    if (cells.length !== this.#columns.length)
      throw new LineError(`it has ${cells.length} columns instead of ${this.#columns.length}`)
    const data = Object.fromEntries(this.#columns.map((name, i) => [name, cells[i]!]))
    const fields = fieldsOf(this.#selectors, lookupIn(data, row.block.bytes.subarray(row.start, row.end)))
    return new InputRecord(fields, row)
  }

  /** All rows at once; undefined if one of them is malformed: the package does not say which bytes it is in. */
  #cellsOf(bytes: Buffer, count: number): string[][] | undefined {
    try {
      const cells = this.#parse(bytes, this.#options)
      return cells.length === count ? cells : undefined
    } catch {
      return undefined
    }
  }

  #cellsAlone({ block, start, end }: Line): string[] {
    try {
      return this.#parse(block.bytes.subarray(start, end), this.#options)[0] ?? []
    } catch (error) {
      throw new LineError(`it is not valid CSV: ${(error as Error).message.replace(/ at line \d+/, '')}`)
    }
  }

  /** The rows that are not empty. */
  #split(block: Block): Line[] {
    const { bytes } = block
    const rows: Line[] = []
    for (let start = 0, next: number; start < bytes.length; start = next) {
      const found = rowEnd(bytes, start, this.#separator)
      next = found === -1 ? bytes.length : found
      const end = contentEnd(bytes, start, next)
      const number = this.#lines + 1
      for (let at = bytes.indexOf(NEWLINE, start); at !== -1 && at < next; at = bytes.indexOf(NEWLINE, at + 1))
        this.#lines++
      if (end > start) rows.push({ block, start, end, number })
    }
    return rows
  }

  #name(columns: readonly string[]): void {
    const twice = columns.find((name, i) => columns.indexOf(name) < i)
    if (twice !== undefined)
      throw new UsageError(`two columns of the CSV have the name '${twice}'; name them with --columns`)
    const { topic, key, value, headers, partition, timestamp } = this.#selectors
    for (const selector of [topic, key, value, partition, timestamp, ...headers.map(({ selector }) => selector)]) {
      if (selector?.kind !== 'path' || selector.steps.length === 0) continue
      const [step] = selector.steps
      if (selector.steps.length === 1 && columns.includes(String(step))) continue
      throw new UsageError(`there is no column ${selector.text}; ${nearest('columns', String(step), columns)}`)
    }
    this.#columns = columns
  }
}

const NEWLINE = 0x0a
const RETURN = 0x0d

function contentEnd(bytes: Buffer, start: number, next: number): number {
  let end = next
  if (end > start && bytes[end - 1] === NEWLINE) end--
  if (end > start && bytes[end - 1] === RETURN) end--
  return end
}

import { Buffer } from 'node:buffer'
import { UsageError } from '../errors.js'
import { csvRows, delimited, type LastEnd } from '../input/block.js'
import { CsvParser, loadCsv } from './csv.js'
import { json, keyAndValue, noData, plainLines, selectedLines } from './lines.js'
import type { OnMalformed, Parser } from './record.js'
import type { Selector } from './selector.js'
import { checkConstants, isWhole, type Selectors } from './template.js'

export const FORMATS = ['lines', 'ndjson', 'csv'] as const

/** How lines become records. */
export interface Format {
  /** Undefined: `ndjson` if a field is selected by a path, else `lines`. */
  readonly name: (typeof FORMATS)[number] | undefined
  /** What ends a line. */
  readonly delimiter: string
  /** What separates a key from the value behind it, in plain lines. */
  readonly keyDelimiter: string | undefined
  readonly separator: string
  readonly columns: readonly string[] | undefined
}

/** Fields as the user gave them; undefined: the format decides. */
export type GivenSelectors = Omit<Selectors, 'value'> & { readonly value: Selector | undefined }

export interface Parsing {
  /** Where blocks may be cut. */
  readonly lastEnd: LastEnd
  /** What ends a line that is written out again. */
  readonly delimiter: Buffer
  /**
   * A parser for one input.
   *
   * @param lines of the input before the first block; only of lines, not of CSV.
   */
  parser(onMalformed: OnMalformed, lines: number): Parser
}

/** @throws {UsageError} when selectors and format contradict each other. */
export async function readFormat(format: Format, given: GivenSelectors): Promise<Parsing> {
  const { name = guess(format, given), keyDelimiter } = format
  if (keyDelimiter !== undefined && name !== 'lines')
    throw new UsageError(`--key-delimiter is for plain lines, not for ${name}`)
  if (format.columns !== undefined && name !== 'csv') throw new UsageError('--columns are for --csv')
  checkConstants({ ...given, value: WHOLE_LINE })
  switch (name) {
    case 'csv':
      return csv(format, { ...given, value: given.value ?? WHOLE_DATA })
    case 'ndjson':
      return byLine(format, given, (selectors, delimiter, onMalformed, lines) =>
        selectedLines(selectors, delimiter, json, onMalformed, lines),
      )
    case 'lines':
      return plain(format, given)
  }
}

const WHOLE_LINE: Selector = { kind: 'line' }
const WHOLE_DATA: Selector = { kind: 'path', text: 'the row', steps: [] }
const KEY: Selector = { kind: 'path', text: '.key', steps: ['key'] }
const VALUE: Selector = { kind: 'path', text: '.value', steps: ['value'] }

function guess({ keyDelimiter }: Format, given: GivenSelectors): 'lines' | 'ndjson' {
  return keyDelimiter === undefined && all(given).some(({ kind }) => kind === 'path') ? 'ndjson' : 'lines'
}

function all({ topic, key, value, headers, partition, timestamp }: GivenSelectors): Selector[] {
  const selectors = [topic, key, value, partition, timestamp, ...headers.map(({ selector }) => selector)]
  return selectors.filter(selector => selector !== undefined)
}

async function csv(format: Format, selectors: Selectors): Promise<Parsing> {
  const parse = await loadCsv()
  return {
    lastEnd: csvRows(Buffer.from(format.separator)),
    delimiter: Buffer.from('\n'),
    parser: onMalformed => new CsvParser(parse, selectors, format, onMalformed),
  }
}

function plain(format: Format, given: GivenSelectors): Parsing {
  const { keyDelimiter } = format
  if (keyDelimiter !== undefined) {
    if (given.key !== undefined) throw new UsageError("--key can't be set beside --key-delimiter, which gives the key")
    const split = keyAndValue(Buffer.from(keyDelimiter))
    return byLine(
      format,
      { ...given, key: KEY, value: given.value ?? VALUE },
      (selectors, delimiter, onMalformed, lines) => selectedLines(selectors, delimiter, split, onMalformed, lines),
    )
  }
  const path = all(given).find(({ kind }) => kind === 'path')
  if (path?.kind === 'path') throw new UsageError(`plain lines have no ${path.text}; use --format ndjson or --csv`)
  const fixed = all({ ...given, value: undefined }).every(({ kind }) => kind === 'constant')
  const asItIs = fixed && isWhole(given.value ?? WHOLE_LINE, given.nullText)
  return byLine(format, given, (selectors, delimiter, onMalformed, lines) =>
    asItIs ? plainLines(selectors, delimiter, lines) : selectedLines(selectors, delimiter, noData, onMalformed, lines),
  )
}

function byLine(
  format: Format,
  given: GivenSelectors,
  make: (selectors: Selectors, delimiter: Buffer, onMalformed: OnMalformed, lines: number) => Parser,
): Parsing {
  const selectors = { ...given, value: given.value ?? WHOLE_LINE }
  const delimiter = Buffer.from(format.delimiter)
  return {
    lastEnd: delimited(delimiter),
    delimiter,
    parser: (onMalformed, lines) => make(selectors, delimiter, onMalformed, lines),
  }
}

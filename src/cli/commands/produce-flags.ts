import { UsageError } from '../errors.js'
import type { Flags } from '../flags/read-flags.js'
import type { Format, GivenSelectors } from '../parse/parser.js'
import { readSelector, type Selector } from '../parse/selector.js'

/** @throws {UsageError} */
export function formatOf(flags: Flags): Format {
  const csv = flags.isSet('csv')
  const name = flags.text('format') as Format['name']
  if (csv && name !== undefined && name !== 'csv') throw new UsageError(`--csv contradicts --format ${name}`)
  const separator = flags.text('csv-separator')
  if (separator !== undefined && !csv && name !== 'csv') throw new UsageError('--csv-separator is for --csv')
  const keyDelimiter = flags.text('key-delimiter')
  return {
    name: csv ? 'csv' : name,
    delimiter: unescaped('--delimiter', flags.text('delimiter') ?? '\\n'),
    keyDelimiter: keyDelimiter === undefined ? undefined : unescaped('--key-delimiter', keyDelimiter),
    separator: unescaped('--csv-separator', separator ?? ','),
    columns: flags.text('columns')?.split(','),
  }
}

/** @throws {UsageError} */
export function selectorsOf(flags: Flags): GivenSelectors {
  const topic = select(flags, 'topic')
  if (topic === undefined) throw new UsageError('no topic: --topic NAME says where the records go')
  return {
    topic,
    key: select(flags, 'key'),
    value: select(flags, 'value'),
    headers: flags.all('header').map(headerOf),
    partition: select(flags, 'partition'),
    timestamp: select(flags, 'timestamp'),
    nullText: flags.text('null'),
  }
}

function select(flags: Flags, name: string): Selector | undefined {
  const text = flags.text(name)
  return text === undefined ? undefined : readSelector(`--${name}`, text)
}

function headerOf(text: string): GivenSelectors['headers'][number] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--header is '${text}', but it must be NAME=PATH or NAME=TEXT`)
  return { name: text.slice(0, at), selector: readSelector('--header', text.slice(at + 1)) }
}

const LETTERS: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0', '\\': '\\' }

function unescaped(flag: string, text: string): string {
  const plain = text.replace(/\\(?:x([0-9a-fA-F]{2})|(.?))/gs, (all, code?: string, letter?: string) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16))
    const plain = LETTERS[letter!]
    if (plain === undefined)
      throw new UsageError(`${flag} has ${all}, and only \\n, \\t, \\r, \\0, \\\\ and \\xHH are known`)
    return plain
  })
  if (plain === '') throw new UsageError(`${flag} is empty`)
  return plain
}

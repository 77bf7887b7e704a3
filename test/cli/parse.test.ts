import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Block } from '../../src/cli/input/block.js'
import type { CsvParser } from '../../src/cli/parse/csv.js'
import { type Format, type GivenSelectors, readFormat } from '../../src/cli/parse/parser.js'
import type { InputRecord, Parser } from '../../src/cli/parse/record.js'
import { readSelector } from '../../src/cli/parse/selector.js'

const select = (text: string) => readSelector('--x', text)
const FORMAT: Format = { name: undefined, delimiter: '\n', keyDelimiter: undefined, separator: ',', columns: undefined }
const TO_T: GivenSelectors = {
  topic: select('t'),
  key: undefined,
  value: undefined,
  headers: [],
  partition: undefined,
  timestamp: undefined,
  nullText: undefined,
}

/** What the blocks of an input become: records, and malformed lines with their numbers. */
async function parse(
  blocks: string | readonly string[],
  format: Partial<Format>,
  selectors: Partial<GivenSelectors> = {},
) {
  const parsing = await readFormat({ ...FORMAT, ...format }, { ...TO_T, ...selectors })
  const malformed: string[] = []
  const parser = parsing.parser(({ block, start, end, number }, { message }) => {
    malformed.push(`${number} '${block.bytes.subarray(start, end)}': ${message}`)
    return true
  }, 0)
  const records: Record<string, unknown>[] = []
  const raw: string[] = []
  let offset = 0
  for (const text of typeof blocks === 'string' ? [blocks] : blocks) {
    const bytes = Buffer.from(text)
    const block = new Block('in', bytes, offset)
    offset = block.end
    for (const { topic, key, value, headers, partition, timestamp, start, end, number } of takeAll(parser, block)) {
      raw.push(`${number} ${bytes.subarray(start, end)}`)
      const text = (data: unknown) => (data instanceof Buffer ? `${data}` : data)
      const all = {
        topic,
        key: text(key),
        value: text(value),
        headers: headers?.map(([n, v]) => [n, text(v)]),
        partition,
        timestamp,
      }
      records.push(Object.fromEntries(Object.entries(all).filter(([, field]) => field !== undefined)))
    }
  }
  return { records, malformed, raw, parser }
}

function takeAll(parser: Parser, block: Block): InputRecord[] {
  parser.enter(block)
  const records: InputRecord[] = []
  for (let taken = parser.take(2); taken.length > 0; taken = parser.take(2)) records.push(...taken)
  return records
}

test('plain lines: their bytes are the values; empty ones are skipped, and counted', async () => {
  const { records, raw } = await parse(['one\r\n\ntwo\n', 'thr€e'], {})
  assert.deepEqual(
    records,
    ['one', 'two', 'thr€e'].map(value => ({ topic: 't', value })),
  )
  assert.deepEqual(raw, ['1 one', '3 two', '4 thr€e'])
})

test('only a line break loses a carriage return before it', async () => {
  const { records } = await parse('a\r;b;', { delimiter: ';' })
  assert.deepEqual(
    records.map(({ value }) => value),
    ['a\r', 'b'],
  )
})

test('constants and the whole line', async () => {
  const headers = [
    { name: 'source', selector: select('test') },
    { name: 'all', selector: select('.') },
  ]
  const { records } = await parse(
    'x\nNULL\n',
    {},
    {
      ...{
        key: select('\\.k'),
        partition: select('3'),
        timestamp: select('2026-01-31T12:00:00Z'),
        nullText: 'NULL',
        headers,
      },
    },
  )
  const common = { topic: 't', key: '.k', partition: 3, timestamp: Date.UTC(2026, 0, 31, 12) }
  assert.deepEqual(records, [
    {
      ...common,
      value: 'x',
      headers: [
        ['source', 'test'],
        ['all', 'x'],
      ],
    },
    {
      ...common,
      value: null,
      headers: [
        ['source', 'test'],
        ['all', null],
      ],
    },
  ])
})

test('a key before the value; a line without is malformed', async () => {
  const { records, malformed } = await parse('a::1::2\nb\n::\n', { keyDelimiter: '::' }, { nullText: '' })
  assert.deepEqual(records, [
    { topic: 't', key: 'a', value: '1::2' },
    { topic: 't', key: null, value: null },
  ])
  assert.deepEqual(malformed, ["2 'b': it has no key: there is no --key-delimiter in it"])
})

test('paths into JSON', async () => {
  const line = {
    type: 'orders',
    id: 7,
    ok: true,
    none: null,
    at: '2026-01-31',
    p: '2',
    a: { 'b c': ['x', { d: 1.5 }] },
  }
  const { records, malformed } = await parse(
    `${JSON.stringify(line)}\n`,
    {},
    {
      topic: select('.type'),
      key: select('.id'),
      value: select('.a."b c"[1]'),
      partition: select('.p'),
      timestamp: select('.at'),
      headers: ['.ok', '.none', '.missing', '.constructor', '.a["b c"][0]', '.a.b'].map(path => ({
        name: path,
        selector: select(path),
      })),
    },
  )
  assert.deepEqual(malformed, [])
  assert.deepEqual(records, [
    {
      ...{ topic: 'orders', key: '7', value: '{"d":1.5}', partition: 2, timestamp: Date.UTC(2026, 0, 31) },
      headers: [
        ['.ok', 'true'],
        ['.none', null],
        ['.a["b c"][0]', 'x'],
      ],
    },
  ])
})

test('without --value, the value of a line of JSON is the line as it is', async () => {
  const { records } = await parse('{ "a" : 1 }\r\n', {}, { key: select('.a') })
  assert.deepEqual(records, [{ topic: 't', key: '1', value: '{ "a" : 1 }' }])
})

test('lines that are no records say why, with their number, and others go on', async () => {
  const text = [
    '{"v":1}',
    '',
    '{"v":',
    '{"w":1}',
    '{"v":2,"p":"x"}',
    '{"v":12345678901234567890}',
    '{"v":{"a":[12345678901234567890]}}',
    '{"v":3,"t":-1}',
    'null',
    '{"v":4}',
  ]
  const { records, malformed } = await parse(
    [text.slice(0, 4).join('\n'), text.slice(4).join('\n')],
    {},
    {
      value: select('.v'),
      partition: select('.p'),
      timestamp: select('.t'),
    },
  )
  assert.deepEqual(
    records.map(({ value }) => value),
    ['1', '4'],
  )
  assert.match(malformed[0]!, /^3 '\{"v":': it is not valid JSON: /)
  assert.deepEqual(
    malformed.slice(1).map(text => text.replace(/'.*': /, '')),
    [
      '4 .v is missing, but the value must be there',
      '5 .p is "x", but a partition must be an integer from 0',
      '6 .v has an integer beyond 2^53, which would be rounded',
      '7 .v has an integer beyond 2^53, which would be rounded',
      '8 .t is -1, but a timestamp must be milliseconds since 1970 or a date such as 2026-01-31T12:00:00Z',
      '9 .v is missing, but the value must be there',
    ],
  )
})

test('CSV: columns by name, rows of several lines, a header; the value is the row as JSON', async () => {
  const { records, raw, malformed, parser } = await parse(
    ['\ufeffid,"the name"\r\n1,"a ""b""\nc"\r\n\r\n', '2,€\n3\n'],
    { name: 'csv' },
    {
      key: select('.id'),
      headers: [{ name: 'n', selector: select('."the name"') }],
    },
  )
  assert.deepEqual(records, [
    { topic: 't', key: '1', value: '{"id":"1","the name":"a \\"b\\"\\nc"}', headers: [['n', 'a "b"\nc']] },
    { topic: 't', key: '2', value: '{"id":"2","the name":"€"}', headers: [['n', '€']] },
  ])
  assert.deepEqual(raw, ['2 1,"a ""b""\nc"', '5 2,€'])
  assert.deepEqual(malformed, ["6 '3': it has 1 columns instead of 2"])
  assert.equal(`${(parser as CsvParser).header}`, '\ufeffid,"the name"')
})

test('CSV: a malformed row is found among others, and costs only itself', async () => {
  const { records, malformed } = await parse(
    '1,a\n2,b"x\n"3"x,c\n4,d\n5,"open\n',
    { name: 'csv', columns: ['id', 'v'] },
    {
      value: select('.v'),
    },
  )
  assert.deepEqual(
    records.map(({ value }) => value),
    ['a', 'd'],
  )
  assert.deepEqual(
    malformed.map(text => text.split(' ')[0]),
    ['2', '3', '5'],
  )
  assert.match(malformed[0]!, /it is not valid CSV: /)
})

test('what contradicts itself is refused at once', async () => {
  const refused = (format: Partial<Format>, selectors: Partial<GivenSelectors>, message: RegExp) =>
    assert.rejects(parse('', format, selectors), { message, exitCode: 2 })
  await refused({ name: 'lines' }, { key: select('.a') }, /^plain lines have no \.a; use --format ndjson or --csv$/)
  await refused({ keyDelimiter: ':' }, { key: select('a') }, /^--key can't be set beside --key-delimiter/)
  await refused({ name: 'csv', keyDelimiter: ':' }, {}, /^--key-delimiter is for plain lines, not for csv$/)
  await refused({ columns: ['a'] }, {}, /^--columns are for --csv$/)
  await refused({}, { partition: select('x') }, /^'x' is "x", but a partition must be an integer from 0$/)
  await refused({}, { timestamp: select('yesterday') }, /but a timestamp must be/)
  for (const text of ['.a.', '.a b', '..', '.a[x]', '.a"'])
    assert.throws(() => select(text), { exitCode: 2, message: /is no path/ }, text)
})

test('a column that is not there is named with the one that was meant', async () => {
  await assert.rejects(parse('customer,id\n1,2\n', { name: 'csv' }, { key: select('.custmer') }), {
    message: 'there is no column .custmer; did you mean customer?',
    exitCode: 2,
  })
  await assert.rejects(parse('a,a\n1,2\n', { name: 'csv' }), {
    message: /two columns of the CSV have the name 'a'/,
    exitCode: 2,
  })
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sectionOf } from '../../docs/site/markdown.js'
import { root } from './blocks.js'

/** How far a figure of a page may be from the results: those of another run may differ, and the sentence still holds. */
const ALLOWED = 1.5

const read = (file: string): string => readFileSync(join(root, file), 'utf8')

/** The rows of a section's tables by their first cell: the other cells. */
function rowsOf(file: string, section: string): ReadonlyMap<string, readonly string[]> {
  const rows = [...sectionOf(read(file), section).matchAll(/^\| (.*) \|$/gm)].map(([, row]) =>
    row!.split(' | ').map(cell => cell.trim()),
  )
  return new Map(rows.map(([name, ...cells]) => [name!, cells]))
}

/** `4,270 k (4,002 k–4,537 k)`, `1,194,000` and `0.35 µs` as numbers. */
function numberOf(text: string): number {
  const [, digits, thousands] = /^([\d,.]+)( k)?/.exec(text) ?? []
  assert.ok(digits !== undefined, `${text} is no number`)
  return Number(digits.replaceAll(',', '')) * (thousands === undefined ? 1 : 1_000)
}

function assertNear(shown: string, measured: string, what: string): void {
  const ratio = numberOf(shown) / numberOf(measured)
  assert.ok(ratio < ALLOWED && ratio > 1 / ALLOWED, `${what}: the page says ${shown}, and the results ${measured}`)
}

const PEERS = 'test/bench/results/peers.md'
const NAMES: Readonly<Record<string, string>> = {
  'rx-kafka, `maxInFlight: 4`': 'rx-kafka sendBatches()',
  'rx-kafka, `maxInFlight: 5`': 'rx-kafka sendBatches(), maxInFlight 5',
  'rx-kafka, `sendBatches()`': 'rx-kafka sendBatches()',
  'rx-kafka, `send()`': 'rx-kafka send()',
  "Java's producer": 'Java ProducerPerformance',
  '@platformatic/kafka': '@platformatic/kafka, Node 24',
}

for (const [section, results] of [
  ['The window', 'Equal batches: 100 B records, answers after 10 ms, batches of 16 KiB'],
  ['Full speed', '100 B records, no delay, batches of 1 MiB at most'],
] as const) {
  test(`docs/benchmarks.md, ${section}: its figures are those of the results`, () => {
    const measured = rowsOf(PEERS, results)
    let rows = 0
    for (const [name, cells] of rowsOf('docs/benchmarks.md', section)) {
      if (name === 'producer' || name.startsWith('---') || name.startsWith('|')) continue
      const row = measured.get(NAMES[name] ?? name)
      assert.ok(row !== undefined, `the results have no ${name}`)
      assertNear(cells.at(-2)!, row[0]!, `${name}, records per second`)
      assertNear(cells.at(-1)!, row[1]!, `${name}, CPU`)
      rows++
    }
    assert.ok(rows >= 7, `${rows}`)
  })
}

test('docs/tuning.md: its figures are those of the results', () => {
  const window = rowsOf('docs/tuning.md', '`maxInFlight`')
  const one = rowsOf(PEERS, 'Window 4 against 1: 100 B records, answers after 10 ms, batches of 16 KiB')
  const small = rowsOf(PEERS, 'Equal batches: 100 B records, answers after 10 ms, batches of 16 KiB')
  const large = rowsOf(PEERS, 'Equal batches: 100 B records, answers after 10 ms, batches of 128 KiB')
  for (const n of ['1', '4'])
    assertNear(window.get(n)![0]!, one.get(`rx-kafka sendBatches(), maxInFlight ${n}`)![0]!, n)
  assertNear(window.get('5')![0]!, small.get('rx-kafka sendBatches(), maxInFlight 5')![0]!, '5')

  const batches = rowsOf('docs/tuning.md', '`batchSize` and `maxRequestSize`')
  for (const [name, measured] of [
    ['16 KiB', small],
    ['128 KiB', large],
  ] as const)
    for (const i of [0, 1]) assertNear(batches.get(name)![i]!, measured.get('rx-kafka sendBatches()')![i]!, name)

  const codecs = rowsOf('docs/tuning.md', '`compression`')
  for (const [name, label] of [
    ['none', 'none'],
    ['lz4', 'lz4'],
    ['snappy', 'snappy'],
    ['zstd', 'zstd, level 3'],
    ['gzip', 'gzip, level 6'],
  ]) {
    const row = rowsOf('test/bench/results/codecs.md', `${name}, JSON of 1 KB, as much as goes`)
    const [megabytes, , cpu] = row.get('rx-kafka sendBatches(), Node 24')!
    assertNear(codecs.get(label!)![0]!, megabytes!, `${name}, MB/s`)
    assertNear(codecs.get(label!)![1]!, cpu!, `${name}, CPU`)
  }
})

/** The table of `npm run bench:transactions` when a program fails. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Round, toMarkdown } from './transactions/report.js'

const figures = (rate: number, ...times: number[]): Round => ({
  ...{ records: 10, transactions: 1, rate, cpuMicros: 0.5, times },
})
const failed: Round = { failed: 'InvalidTxnStateException: a | b' }

/** The cells of the only row below a heading. */
function row(markdown: string, heading: string): string[] {
  const lines = markdown.slice(markdown.indexOf(heading)).split('\n')
  return lines[4]!
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map(cell => cell.trim())
}

function report(transactions: readonly Round[], plain: readonly Round[], small: readonly Round[]): string {
  return toMarkdown({
    kafka: '4.4.0',
    rounds: transactions.length,
    throughput: new Map([['large', [{ name: 'java', transactions, plain }]]]),
    latency: [{ name: 'java', rounds: new Map([[1, small]]) }],
  })
}

test('a program that fails in every round has the reason for a cell, and the others have their figures', () => {
  const markdown = report([failed], [figures(4_000)], [failed])
  const why = 'failed: InvalidTxnStateException: a \\| b'
  assert.deepEqual(row(markdown, '## large'), ['java', why, '4 k (4 k–4 k)', '', '', '0.50'])
  assert.deepEqual(row(markdown, '## One small'), ['java', why, ''])
})

test('a program that fails in some rounds has figures of the others, and ratios of rounds in which both were measured', () => {
  const markdown = report(
    [failed, figures(1_000), figures(3_000)],
    [figures(9_000), figures(2_000), failed],
    [figures(0, 1, 2, 3), failed, figures(0, 4)],
  )
  const [, with_, without, ratio] = row(markdown, '## large')
  assert.match(with_!, /^\d k \(1 k–3 k\); 1 of 3 rounds failed: Invalid/)
  assert.match(without!, /^\d k \(2 k–9 k\); 1 of 3 rounds failed: Invalid/)
  assert.equal(ratio, '0.50')
  assert.deepEqual(row(markdown, '## One small'), [
    'java',
    '3.0; 1 of 3 rounds failed: InvalidTxnStateException: a \\| b',
    '4.0',
  ])
})

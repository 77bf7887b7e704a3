import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Counters } from '../../src/producer/metrics/counters.js'
import { Latencies } from '../../src/producer/metrics/latencies.js'

const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

test('rates and averages describe the slice of 30 s at hand and the one before; totals everything', () => {
  const counters = new Counters(['n', 'sum'], ['high'], 0)
  const count = (now: number, n: number, sum: number): void => {
    counters.tick(now)
    counters.totals.n += n
    counters.totals.sum += sum
    counters.peak('high', sum)
  }
  assert.equal(counters.rate('n', 0), 0)
  count(0, 10, 50)
  count(10_000, 10, 10)
  assert.equal(counters.rate('n', 10_000), 2)
  assert.equal(counters.average('sum', 'n'), 3)
  count(30_000, 1, 7)
  assert.equal(counters.rate('n', 30_000), 0.7)
  assert.equal(counters.max('high'), 50)
  // The first slice is over.
  count(70_000, 9, 13)
  assert.equal(counters.rate('n', 70_000), 10 / 40)
  assert.equal(counters.average('sum', 'n'), 2)
  assert.equal(counters.max('high'), 13)
  // Idle for more than a slice.
  counters.tick(150_000)
  assert.equal(counters.rate('n', 150_000), 0)
  assert.equal(counters.average('sum', 'n'), 0)
  assert.equal(counters.max('high'), 0)
  assert.deepEqual(counters.totals, { n: 30, sum: 80 })
})

test('latencies are percentiles of the last 30 to 60 s, in ms, exact to 1 %', () => {
  const latencies = new Latencies(0)
  assert.deepEqual(latencies.read(0), { p50: 0, p95: 0, p99: 0, max: 0 })
  for (let ms = 1; ms <= 100; ms++) latencies.record(ms, 1_000)
  const near = (actual: number, expected: number): void =>
    assert.ok(Math.abs(actual - expected) <= expected / 100, `${actual}, expected ${expected}`)
  const { p50, p95, p99, max } = latencies.read(1_000)
  near(p50, 50)
  near(p95, 95)
  near(p99, 99)
  near(max, 100)
  latencies.record(0, 31_000)
  latencies.record(1e12, 31_000)
  near(latencies.read(31_000).p50, 50)
  near(latencies.read(31_000).max, 3_600_000)
  // Only those two are left, then none.
  near(latencies.read(61_000).p50, 0.001)
  near(latencies.read(61_000).max, 3_600_000)
  assert.deepEqual(latencies.read(91_000), { p50: 0, p95: 0, p99: 0, max: 0 })
})

test('docs/metrics.md has a row for every metric, and none for what does not exist', () => {
  const source = text('src/producer/metrics/producer-metrics.ts')
  const page = text('docs/metrics.md')
  for (const name of ['ProducerMetrics', 'BrokerMetrics', 'PartitionMetrics']) {
    const body = new RegExp(`^export interface ${name} \\{$(.*?)^\\}$`, 'ms').exec(source)![1]!
    const section = new RegExp(`^## \`${name}\`$(.*?)(?=^## |$(?![^]))`, 'ms').exec(page)?.[1] ?? ''
    const fields = [...body.matchAll(/readonly (\w+):/g)].map(([, field]) => field)
    const rows = [...section.matchAll(/^\| `(\w+)`/gm)].map(([, field]) => field)
    assert.deepEqual(rows, fields, name)
    assert.ok(fields.length > 5)
  }
})

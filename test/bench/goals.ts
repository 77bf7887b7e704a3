/**
 * `npm run bench:goals`: everything that the producer's speed is held to, in one table. Runs each benchmark, for an hour or two on an idle
 * machine, and writes `test/bench/results/goals.md`.
 *
 *     npm run bench:goals -- --report        only the table, of what the benchmarks have written before
 *     npm run bench:goals -- --only kafka    only these, and the table of all
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { table } from './peers/report.js'
import type { Line } from './peers/targets.js'

/** The commit before metrics, logger and interceptors came. */
const WITHOUT_METRICS = '1ff7c17'
/** The benchmark that writes each file of results, as it is called with `npm run`. */
const BENCHES: Readonly<Record<string, readonly string[]>> = {
  peers: ['bench:peers'],
  codecs: ['bench:codecs'],
  kafka: ['bench:kafka'],
  latency: ['bench:latency-peers'],
  scaling: ['bench:scaling'],
  before: ['bench:before', '--', WITHOUT_METRICS],
}

const { values: options } = parseArgs({
  options: { report: { type: 'boolean', default: false }, only: { type: 'string' } },
})
const results = fileURLToPath(new URL('results/', import.meta.url))
const only = options.only?.split(',') ?? Object.keys(BENCHES)

const rows: string[][] = []
for (const [name, command] of Object.entries(BENCHES)) {
  // A benchmark that has failed has said so in what it wrote.
  if (!options.report && only.includes(name)) spawnSync('npm', ['run', '-s', ...command], { stdio: 'inherit' })
  const file = join(results, `${name}.json`)
  const what = `\`npm run ${command.join(' ')}\``
  if (!existsSync(file)) {
    rows.push(['', '', '', 'not measured', what])
    continue
  }
  const { targets } = JSON.parse(readFileSync(file, 'utf8')) as { targets: readonly Line[] }
  const date = statSync(file).mtime.toISOString().slice(0, 10)
  for (const line of targets) rows.push([line.what, line.target, line.figure, line.verdict, `${what}, ${date}`])
}
const markdown = `# What the producer's speed is held to

\`npm run bench:goals\`. Ratios, each of the same round, and their median.

${table(['what', 'target', 'figure', '', 'by'], rows)}
`
console.log(markdown)
writeFileSync(join(results, 'goals.md'), markdown)

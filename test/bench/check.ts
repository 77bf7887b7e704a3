/**
 * `npm run bench:check`: has a stage become slower? Each one's cost is a ratio to a calibration in the same moment, so that
 * the baseline, which is committed, holds on other machines too. Ends with 1 if a stage's ratio is above its bound.
 *
 *     npm run bench:check -- --update      takes what is measured as the new baseline
 *     npm run bench:check -- --seconds 6   how long each of the three processes measures
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Measured, median, type Stage } from './measure.js'

/** How far above its baseline a stage may be. Under load from elsewhere ratios came to 1.3 times their medians. */
const BOUND = 2
/** One process in ten optimises some stage otherwise, for two to three times the cost: the median of three does not see it. */
const PROCESSES = 3
/** In the project, where npm runs this: not beside the compiled file. */
const BASELINE = 'test/bench/baseline.json'

type Report = Pick<Stage, 'name' | 'unit' | 'bound'> & Pick<Measured, 'ns' | 'ratio'>

const { values } = parseArgs({
  options: { update: { type: 'boolean', default: false }, seconds: { type: 'string', default: '14' } },
})

const reports: Report[][] = []
for (let i = 0; i < PROCESSES; i++) {
  const child = fork(new URL('stages-process.js', import.meta.url), [values.seconds])
  const [report] = (await once(child, 'message')) as [Report[]]
  reports.push(report)
}
const measured = reports[0]!.map((one, i) => {
  const of = (what: 'ns' | 'ratio'): number => short(median(reports.map(report => report[i]![what])))
  return { ...one, ns: of('ns'), ratio: of('ratio') }
})

if (values.update) {
  const ratios = measured.map(({ name, ratio }) => [name, ratio])
  writeFileSync(BASELINE, `${JSON.stringify(Object.fromEntries(ratios), undefined, 2)}\n`)
}
const baseline = JSON.parse(readFileSync(BASELINE, 'utf8')) as Record<string, number>

const rows = measured.map(({ name, unit, bound = BOUND, ns, ratio }) => {
  const base = baseline[name] ?? Number.NaN
  const limit = short(base * bound)
  return { stage: name, 'ns a': unit, ns, ratio, baseline: base, bound: limit, ok: ratio <= limit }
})
console.table(rows)

const failures = rows
  .filter(({ ok }) => !ok)
  .map(({ stage, ratio, baseline: base }) =>
    Number.isNaN(base) ? `${stage}: not in baseline.json` : `${stage}: ${(ratio / base).toFixed(1)} times its baseline`,
  )
const gone = Object.keys(baseline).filter(name => !rows.some(({ stage }) => stage === name))
failures.push(...gone.map(name => `${name}: in baseline.json, and no stage any more`))
for (const failure of failures) console.error(failure)
if (failures.length > 0) process.exitCode = 1

function short(value: number): number {
  return Number(value.toPrecision(3))
}

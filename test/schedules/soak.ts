/**
 * `npm run test:soak -- [--suite NAME] [--schedules N] [--seed S] [--workers W] [--no-shrink]`: random schedules, as many as asked for.
 * `npm run test:soak -- [--suite NAME] --replay FILE`: one schedule, from JSON, with all that happens in it.
 *
 * The suites are `producer`, which is the default, and `transactions`.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { describe, explain, shown } from './explain.js'
import { runMany } from './many.js'
import type { SuiteName } from './suite.js'
import { SUITES } from './suites.js'

const { values } = parseArgs({
  options: {
    suite: { type: 'string', default: 'producer' },
    schedules: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '0' },
    workers: { type: 'string', default: String(availableParallelism()) },
    shrink: { type: 'boolean', default: true },
    replay: { type: 'string' },
  },
  allowNegative: true,
})

if (!Object.hasOwn(SUITES, values.suite))
  throw new Error(`--suite is ${values.suite}, but it must be one of ${Object.keys(SUITES).join(', ')}`)
const suite = SUITES[values.suite as SuiteName]
if (values.replay === undefined) await soak()
else await replay(values.replay)

async function soak(): Promise<void> {
  const [schedules, seed, workers] = [values.schedules, values.seed, values.workers].map(Number) as [
    number,
    number,
    number,
  ]
  const startedAt = performance.now()
  let toldAt = startedAt
  const progress = (done: number): void => {
    const now = performance.now()
    if (now - toldAt < 10_000) return
    toldAt = now
    console.log(`${done} of ${schedules} schedules, ${Math.round((1000 * done) / (now - startedAt))} a second`)
  }
  const { coverage, failures } = await runMany({ suite: suite.name, seed, schedules, workers, progress })
  console.table(coverage)
  if (failures.length === 0) {
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    console.log(`seeds ${seed} to ${seed + schedules - 1}: nothing wrong, in ${seconds} s`)
    return
  }
  process.exitCode = 1
  console.error(values.shrink ? await explain(failures[0]!, suite) : describe(failures[0]!))
}

async function replay(file: string): Promise<void> {
  const schedule = JSON.parse(readFileSync(file, 'utf8'))
  for (const line of await suite.replay(schedule)) console.log(line)
  const { found } = await suite.judge(schedule)
  console.log(found.length === 0 ? 'nothing wrong' : ['what is wrong:', ...shown(found)].join('\n'))
  process.exitCode = found.length === 0 ? 0 : 1
}

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Ended, node } from './process.js'

export type CheckName = 'schedules' | 'model' | 'units' | 'scenarios' | 'dashboard'

/** Those that a mutation has to get past, unless it names its own: what looks for itself comes before what was written down. */
export const ALL: readonly CheckName[] = ['schedules', 'model', 'units', 'scenarios']

/** How a check went red. */
export interface Red {
  readonly check: CheckName
  /** The first test that failed, or what the oracle found. */
  readonly what: string
  /** How many schedules it took. */
  readonly schedules?: number
}

const FOLDERS: Readonly<Record<Exclude<CheckName, 'schedules'>, readonly string[]>> = {
  model: ['test/model'],
  units: ['test/producer', 'test/transport'],
  scenarios: ['test/scenarios', 'test/scenarios/matrix', 'test/opentelemetry'],
  dashboard: ['test/dashboard'],
}

/** Runs a check in a copy of the repository; undefined: it is green. */
export async function check(name: CheckName, root: string, schedules: number): Promise<Red | undefined> {
  return name === 'schedules' ? runSchedules(root, schedules) : runTests(name, root)
}

async function runSchedules(root: string, schedules: number): Promise<Red | undefined> {
  const args = ['test/schedules/soak.ts', '--no-shrink', '--seed', '0', '--schedules', String(schedules)]
  const ended = await node(root, ['--import', 'tsx', ...args], () => false)
  if (ended.code === 0) return undefined
  const at = ended.lines.findIndex(line => SEED.test(line))
  if (at === -1) return { check: 'schedules', what: hung(ended) }
  return {
    check: 'schedules',
    what: ended.lines[at + 1]!.trim(),
    schedules: Number(SEED.exec(ended.lines[at]!)![1]) + 1,
  }
}

async function runTests(name: Exclude<CheckName, 'schedules'>, root: string): Promise<Red | undefined> {
  const files = FOLDERS[name].flatMap(folder =>
    readdirSync(join(root, folder))
      .filter(file => file.endsWith('.test.ts'))
      .map(file => join(folder, file)),
  )
  const args = ['--import', 'tsx', '--test', '--test-reporter=tap', ...files]
  const ended = await node(root, args, line => NOT_OK.test(line))
  if (ended.code === 0) return undefined
  const red = ended.lines.find(line => NOT_OK.test(line))
  if (red === undefined) return { check: name, what: hung(ended) }
  return { check: name, what: NOT_OK.exec(red)![1]!.replaceAll('\\', '') }
}

const SEED = /^seed (\d+):$/

/** Of the subtests of a test, those that failed come before it. */
const NOT_OK = /^ *not ok \d+ - (.*)/

/** A check that ends without telling what is wrong has not been run: no mutation is caught by that. */
function hung(ended: Ended): string {
  if (!ended.hung) throw new Error(`a check could not be run:\n${ended.lines.slice(-20).join('\n')}`)
  return 'hung'
}

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Ended, node } from './process.js'

export type CheckName =
  | 'schedules'
  | 'model'
  | 'units'
  | 'scenarios'
  | 'transactions'
  | 'cli'
  | 'dashboard'
  | 'transaction schedules'

/** Those that a mutation has to get past, unless it names its own: what looks for itself comes before what was written down. */
export const ALL: readonly CheckName[] = ['schedules', 'model', 'units', 'scenarios', 'cli']

/** Those of mutations of transactions, the quick one first. */
export const TRANSACTIONAL: readonly CheckName[] = ['transactions', 'transaction schedules']

/** How a check went red. */
export interface Red {
  readonly check: CheckName
  /** The first test that failed, or what the oracle found. */
  readonly what: string
  /** How many schedules it took. */
  readonly schedules?: number
}

/** Checks that are random schedules, with the suite of each. */
const SUITES: ReadonlyMap<CheckName, string> = new Map([
  ['schedules', 'producer'],
  ['transaction schedules', 'transactions'],
])

export function isOfSchedules(name: CheckName): boolean {
  return SUITES.has(name)
}

const FOLDERS: Readonly<Partial<Record<CheckName, readonly string[]>>> = {
  model: ['test/model'],
  units: ['test/producer', 'test/transport'],
  scenarios: ['test/scenarios', 'test/scenarios/matrix', 'test/opentelemetry'],
  transactions: ['test/scenarios/transactions'],
  cli: ['test/cli'],
  dashboard: ['test/dashboard'],
}

/** Runs a check in a copy of the repository; undefined: it is green. */
export async function check(name: CheckName, root: string, schedules: number): Promise<Red | undefined> {
  const suite = SUITES.get(name)
  return suite === undefined ? runTests(name, root) : runSchedules(name, suite, root, schedules)
}

async function runSchedules(
  check: CheckName,
  suite: string,
  root: string,
  schedules: number,
): Promise<Red | undefined> {
  const range = ['--seed', '0', '--schedules', String(schedules)]
  const args = ['test/schedules/soak.ts', '--no-shrink', '--suite', suite, ...range]
  const ended = await node(root, ['--import', 'tsx', ...args], () => false)
  if (ended.code === 0) return undefined
  const at = ended.lines.findIndex(line => SEED.test(line))
  if (at === -1) return { check, what: hung(ended) }
  return {
    check,
    what: ended.lines[at + 1]!.trim(),
    schedules: Number(SEED.exec(ended.lines[at]!)![1]) + 1,
  }
}

async function runTests(name: CheckName, root: string): Promise<Red | undefined> {
  const files = FOLDERS[name]!.flatMap(folder =>
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

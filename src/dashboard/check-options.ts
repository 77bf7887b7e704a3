import { InvalidArgumentError } from '../errors.js'
import { readOptions } from '../read-options.js'
import type { DashboardAction, DashboardOptions } from './action.js'

export type ResolvedOptions = Required<Omit<DashboardOptions, 'notes$'>> & Pick<DashboardOptions, 'notes$'>

const RULES: {
  readonly [K in keyof Required<DashboardOptions>]: readonly [ok: (value: unknown) => boolean, rule: string]
} = {
  port: [
    value => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535,
    'an integer from 0 to 65535',
  ],
  host: [value => typeof value === 'string' && value !== '', 'a host name or an address'],
  actions: [
    value => Array.isArray(value) && value.every(isAction),
    'an array of objects with a `label` and a function `run`',
  ],
  notes$: [value => has(value, 'subscribe', 'function'), 'an Observable'],
}

/** @throws {InvalidArgumentError} for an option that is unknown or wrong. */
export function checkDashboardOptions(given: DashboardOptions): ResolvedOptions {
  const wrong = (what: string): InvalidArgumentError => new InvalidArgumentError(`serveDashboard(): ${what}`)
  if (typeof given !== 'object' || given === null) throw wrong('the options must be an object')
  const options = readOptions(given)
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(RULES, name) ? RULES[name as keyof DashboardOptions] : undefined
    if (rule === undefined) throw wrong(`there is no option \`${name}\`, only ${Object.keys(RULES).join(', ')}`)
    if (value !== undefined && !rule[0](value)) throw wrong(`\`${name}\` must be ${rule[1]}`)
  }
  const { port = 0, host = '127.0.0.1', actions = [], notes$ } = options
  return { port, host, actions: [...actions], ...(notes$ && { notes$ }) }
}

function isAction(value: unknown): value is DashboardAction {
  return has(value, 'label', 'string') && has(value, 'run', 'function')
}

function has(value: unknown, name: string, type: string): boolean {
  return typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[name] === type
}

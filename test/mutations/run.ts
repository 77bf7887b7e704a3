/**
 * `npm run test:mutations -- [--only TEXT] [--schedules N]`: breaks the product on purpose, one mutation at a time, and tells
 * which check goes red, and after how many random schedules. A mutation that no check sees is a test that is missing.
 */
import { parseArgs } from 'node:util'
import { ALL, check, type Red } from './checks.js'
import type { Mutation } from './mutation.js'
import { MUTATIONS } from './mutations.js'
import { endRunning } from './process.js'
import { MutationError, Scratch } from './scratch.js'

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, schedules: { type: 'string', default: '500' } },
})
const schedules = Number(values.schedules)
if (!Number.isInteger(schedules) || schedules < 1)
  throw new Error(`--schedules is ${values.schedules}, but it must be an integer from 1`)
const chosen = MUTATIONS.filter(({ rule, name }) => `${rule}: ${name}`.includes(values.only))
if (chosen.length === 0) throw new Error(`--only is ${values.only}, but no mutation's rule and name contain that`)

/** Of the product as it is: enough to see that red means something. */
const UNBROKEN_SCHEDULES = 100

const scratch = new Scratch()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    endRunning()
    scratch.remove()
    process.exit(1)
  })
}

try {
  await checkUnbroken()
  await breakAll()
} finally {
  scratch.remove()
}

async function checkUnbroken(): Promise<void> {
  for (const name of new Set(chosen.flatMap(({ checks = ALL }) => checks))) {
    const red = await check(name, scratch.root, UNBROKEN_SCHEDULES)
    if (red !== undefined) throw new Error(`the product must be green before it is broken, but ${describe(red)}`)
  }
  console.log('unbroken, everything is green')
}

async function breakAll(): Promise<void> {
  const startedAt = performance.now()
  const table = ['| rule | mutation | schedules | caught by |', '|---|---|---|---|']
  let caught = 0
  for (const [i, mutation] of chosen.entries()) {
    const { rule, name } = mutation
    const found = await catchOne(mutation)
    if (typeof found !== 'string') caught++
    const by = typeof found === 'string' ? `NOTHING: ${found}` : describe(found)
    const needed = schedulesNeeded(mutation, found)
    table.push(`| ${rule} | ${name} | ${needed} | ${by.replaceAll('|', '\\|')} |`)
    console.log(`${i + 1} of ${chosen.length}: ${rule}: ${name}: ${by} (schedules: ${needed})`)
  }
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1)
  console.log(`\n${table.join('\n')}\n\n${caught} of ${chosen.length} mutations were caught, in ${minutes} minutes`)
  if (caught < chosen.length) process.exitCode = 1
}

/** What goes red; or why nothing does. */
async function catchOne(mutation: Mutation): Promise<Red | string> {
  try {
    return await scratch.broken(mutation, async () => {
      for (const name of mutation.checks ?? ALL) {
        const red = await check(name, scratch.root, schedules)
        if (red !== undefined) return red
      }
      return 'it survived'
    })
  } catch (error) {
    if (error instanceof MutationError) return error.message
    throw error
  }
}

function schedulesNeeded({ checks = ALL }: Mutation, found: Red | string): string {
  if (!checks.includes('schedules')) return 'not tried'
  if (typeof found === 'string' || found.check !== 'schedules') return `none of ${schedules}`
  return found.schedules === undefined ? 'not known' : String(found.schedules)
}

function describe({ check, what }: Red): string {
  return `${check}: ${what}`
}

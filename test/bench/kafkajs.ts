/**
 * `npm run bench:kafkajs`: the same programs with kafkajs and with rx-kafka/kafkajs: how much they send while brokers answer after 10 ms,
 * and what each loses, stores twice or reorders when something goes wrong. Writes both tables into docs/kafkajs.md.
 *
 *     npm run bench:kafkajs -- --rounds 5 --runs 3 --only throughput
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Damage, MESSAGES, SCENARIOS } from '../kafkajs/damage.js'
import { startBroker } from './broker.js'
import type { Job } from './kafkajs-program.js'
import { median } from './measure.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    runs: { type: 'string', default: '3' },
    only: { type: 'string' },
  },
})
const ROUNDS = Number(values.rounds)
const RUNS = Number(values.runs)
/** No program takes longer, unless it goes on in vain. */
const LONGEST_S = 15

const DELAY_MS = 10

type Import = Pick<Job, 'api' | 'config'> & { readonly name: string }

const IMPORTS: readonly Import[] = [
  { name: 'kafkajs', api: 'kafkajs', config: {} },
  { name: 'kafkajs, `idempotent: true`', api: 'kafkajs', config: { idempotent: true } },
  { name: 'rx-kafka/kafkajs', api: 'rx-kafka', config: {} },
]

const program = fileURLToPath(new URL('kafkajs-program.js', import.meta.url))

/** Runs a program to its end; returns what it printed, or how it ended otherwise. */
async function run<T>(job: Job): Promise<T | 'crashed' | 'late'> {
  const child = spawn(process.execPath, [program, JSON.stringify(job)], { stdio: ['ignore', 'pipe', 'ignore'] })
  let printed = ''
  child.stdout.on('data', chunk => {
    printed += chunk
  })
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, LONGEST_S * 1000)
  const [code] = await once(child, 'close')
  clearTimeout(timer)
  if (late) return 'late'
  return code === 0 ? JSON.parse(printed) : 'crashed'
}

const LOADS = [
  { what: 'one message for each call, one call after the other', atOnce: 1, count: 1 },
  { what: 'one message for each call, 200 calls at a time', atOnce: 200, count: 1 },
  { what: '1,000 messages for each call, one call after the other', atOnce: 1, count: 1_000 },
  { what: '1,000 messages for each call, eight calls at a time', atOnce: 8, count: 1_000 },
] as const

async function rates(): Promise<string[]> {
  const broker = await startBroker({ replyDelayMs: DELAY_MS })
  const rows: string[] = []
  for (const { what, atOnce, count } of LOADS) {
    const found = IMPORTS.map((): number[] => [])
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, { api, config }] of IMPORTS.entries()) {
        await broker.reset()
        const brokers = broker.addresses
        const task = { kind: 'rate', brokers, atOnce, count, warmUpMs: 1_000, measuredMs: 2_000 } as const
        const rate = await run<number>({ api, config, task })
        if (typeof rate !== 'number') throw new Error(`${api} ${rate}: ${what}`)
        found[i]!.push(rate)
      }
    }
    const medians = found.map(median)
    const best = Math.max(...medians.slice(0, -1))
    const cells = [what, ...medians.map(shown), `${(medians.at(-1)! / best).toFixed(1)}`]
    rows.push(row(cells))
    console.log(rows.at(-1))
  }
  await broker.stop()
  return [row(['messages/s', ...IMPORTS.map(({ name }) => name), 'times the better kafkajs']), rule(5), ...rows]
}

const shown = (rate: number): string => Math.round(rate).toLocaleString('en')
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const rule = (columns: number): string => `|${'---|'.repeat(columns)}`

async function damages(): Promise<string[]> {
  const columns = IMPORTS.flatMap(one => [1, 4].map(atOnce => ({ ...one, atOnce })))
  const rows: string[] = []
  for (const [scenario, { what }] of SCENARIOS.entries()) {
    const cells: string[] = []
    for (const { api, config, atOnce } of columns) {
      const found: (Damage | 'crashed' | 'late')[] = []
      for (let i = 0; i < RUNS; i++)
        found.push(await run<Damage>({ api, config, task: { kind: 'damage', scenario, atOnce } }))
      cells.push(summary(found))
    }
    rows.push(row([what, ...cells]))
    console.log(rows.at(-1))
  }
  const heads = columns.map(({ name, atOnce }) => `${name}, ${atOnce === 1 ? 'one at a time' : 'four at a time'}`)
  return [row(['what goes wrong', ...heads]), rule(columns.length + 1), ...rows]
}

const END = { crashed: 'the process crashed', late: `not done after ${LONGEST_S} s` } as const

/** What happened in all runs together. */
function summary(found: readonly (Damage | 'crashed' | 'late')[]): string {
  const told = Object.entries({ lost: 'lost', twice: 'twice', reordered: 'out of order', failed: 'rejected' })
    .map(([key, name]) => [
      found.reduce((sum, one) => sum + (typeof one === 'string' ? 0 : one[key as keyof Damage]), 0),
      name,
    ])
    .filter(([count]) => count !== 0)
    .map(([count, name]) => `${count} ${name}`)
  for (const end of ['crashed', 'late'] as const) {
    const count = found.filter(one => one === end).length
    if (count > 0) told.push(`**${END[end]}**${count < found.length ? ` (${count} of ${found.length} runs)` : ''}`)
  }
  return told.length === 0 ? '–' : told.join(', ')
}

const docs = fileURLToPath(new URL('../../../../../../docs/kafkajs.md', import.meta.url))

/** Puts a table where the document has the markers of its name. */
function write(name: string, lines: readonly string[]): void {
  const text = readFileSync(docs, 'utf8')
  const place = new RegExp(`(<!-- ${name}: .*? -->\n)[^]*?(<!-- end of ${name} -->)`)
  if (!place.test(text)) throw new Error(`docs/kafkajs.md has no place for ${name}`)
  writeFileSync(
    docs,
    text.replace(place, (_, begin, end) => `${begin}\n${lines.join('\n')}\n\n${end}`),
  )
}

if (values.only !== 'faults') {
  const machine = `Node ${process.versions.node}; medians of ${ROUNDS} rounds in turns, ${DELAY_MS} ms from a request to its answer, messages of 100 bytes.`
  write('throughput', [...(await rates()), '', machine])
}
if (values.only !== 'throughput') {
  const of = `Of ${MESSAGES * RUNS} messages each: ${RUNS} runs with ${MESSAGES}. –: every message is acked, and stored once and in order.`
  write('faults', [...(await damages()), '', of])
}

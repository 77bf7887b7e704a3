/**
 * `npm run bench:cli`: a file of lines through `rx-kafka produce`, beside `sendBatches()` of the same lines in memory, and `kcat -P -l`
 * of the same file. Whole processes, from their start to their end, in turns, against a counting broker in another process.
 *
 *     npm run bench:cli -- --rounds 9 --lines 1000000 --size 100
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Broker, startBroker } from './broker.js'
import { median } from './measure.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    lines: { type: 'string', default: '1000000' },
    size: { type: 'string', default: '100' },
  },
})
const ROUNDS = Number(values.rounds)
const LINES = Number(values.lines)
const SIZE = Number(values.size)

/** What the command must reach of `sendBatches()`. */
const LEAST = 0.8

const folder = mkdtempSync(join(tmpdir(), 'rx-kafka-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'lines.ndjson')

function line(i: number): string {
  const begin = `{"id":${i},"customer":"c-${i % 1000}","text":"`
  return `${begin.padEnd(SIZE - 2, 'x')}"}`
}

function writeLines(): void {
  const out = openSync(file, 'w')
  for (let i = 0; i < LINES; i += 10_000)
    writeSync(out, Array.from({ length: Math.min(10_000, LINES - i) }, (_, j) => `${line(i + j)}\n`).join(''))
  closeSync(out)
}

const memory = fileURLToPath(new URL('cli-send-batches.js', import.meta.url))
/** As users get it. In the project, where npm runs this: not beside the compiled file. */
const dist = resolve('dist')
const command = join(dist, 'cli.cjs')

const MEMORY = 'sendBatches() of the lines in memory'
const COMMAND = 'rx-kafka produce FILE'
const KCAT = 'kcat -P -l FILE'

type Program = (brokers: string) => readonly [program: string, ...args: string[]]

const PROGRAMS: Readonly<Record<string, Program>> = {
  [MEMORY]: brokers => [process.execPath, memory, dist, brokers, `${LINES}`, file],
  [COMMAND]: brokers => [process.execPath, command, 'produce', '-q', '-b', brokers, '-t', 't', file],
  'rx-kafka produce < FILE': brokers => [
    ...(['sh', '-c', 'exec "$0" "$1" produce -q -b "$2" -t t < "$3"'] as const),
    ...[process.execPath, command, brokers, file],
  ],
  'rx-kafka produce -k .customer FILE': brokers => [
    ...([process.execPath, command, 'produce', '-q', '-b', brokers, '-t', 't'] as const),
    ...['-k', '.customer', file],
  ],
  [KCAT]: brokers => ['kcat', '-P', '-b', brokers, '-t', 't', '-l', file],
  // The guarantee that rx-kafka gives.
  'kcat -P -X enable.idempotence=true -l FILE': brokers => [
    ...(['kcat', '-P', '-b', brokers, '-t', 't', '-X', 'enable.idempotence=true', '-l', file] as const),
  ],
}

interface Run {
  /** From the start of the process to its end. */
  readonly seconds: number
  /** The middle half of the lines: neither the start of the process nor its end. */
  readonly running: number
  /** User and system time of that half. */
  readonly cpu: number
}

async function run(broker: Broker, [program, ...args]: ReturnType<Program>): Promise<Run> {
  const before = (await broker.status()).records
  const start = performance.now()
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  const exit = once(child, 'exit')
  const { seconds, cpuSeconds } = await broker.watch(child.pid!, before + LINES / 4, LINES / 2)
  const [code] = await exit
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`)
  return { seconds: (performance.now() - start) / 1000, running: seconds, cpu: cpuSeconds }
}

writeLines()
const hasKcat = spawnSync('kcat', ['-V']).status === 0
const programs = Object.entries(PROGRAMS).filter(([name]) => hasKcat || !name.startsWith('kcat'))
const broker = await startBroker({ partitions: 3 })
const runs = new Map(programs.map(([name]) => [name, [] as Run[]]))
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, program] of programs) {
    await broker.reset()
    const one = await run(broker, program(broker.addresses.join(',')))
    const { records, violations } = await broker.status()
    if (records !== LINES) throw new Error(`${name}: the broker counted ${records} of ${LINES} records: ${violations}`)
    // The first round warms the caches of the disk and of the broker.
    if (round > 0) runs.get(name)!.push(one)
  }
}
await broker.stop()

/** How many times as fast as another program, in the same round. */
function ratio(name: string, other: string, of: keyof Run): number {
  const others = runs.get(other)!
  return Number(median(runs.get(name)!.map((one, i) => others[i]![of] / one[of])).toFixed(2))
}

console.log(`${LINES} lines of ${SIZE} B, medians of ${ROUNDS} rounds; ratios are those of the same round
seconds, and "whole": from the start of the process to its end; "running": the middle half of the lines`)
console.table(
  [...runs].map(([program, all]) => ({
    program,
    seconds: Number(median(all.map(({ seconds }) => seconds)).toFixed(2)),
    'running lines/s': Math.round(LINES / 2 / median(all.map(({ running }) => running))),
    'CPU us/line': Number((median(all.map(({ cpu }) => cpu)) / (LINES / 2e6)).toFixed(2)),
    'whole to sendBatches()': ratio(program, MEMORY, 'seconds'),
    'running to it': ratio(program, MEMORY, 'running'),
    ...(hasKcat && {
      'whole to kcat': ratio(program, KCAT, 'seconds'),
      'running to kcat': ratio(program, KCAT, 'running'),
    }),
  })),
)
const share = ratio(COMMAND, MEMORY, 'seconds')
if (share < LEAST) console.error(`the command reaches ${share} of sendBatches(), and must reach ${LEAST}`)
process.exitCode = share < LEAST ? 1 : 0

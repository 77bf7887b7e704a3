/**
 * `npm run bench:cli`: a file of lines through `rx-kafka produce`, beside `sendBatches()` of the same lines from memory, and `kcat -P -l`
 * of the same file. Whole processes, from their start to their end, in turns, against a counting broker in another process.
 *
 *     npm run bench:cli -- --rounds 9 --lines 1000000 --size 100
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startBroker } from './broker.js'
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

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const command = script('../../src/cli/main.js')

type Program = (brokers: string) => readonly [program: string, ...args: string[]]

const PROGRAMS: Readonly<Record<string, Program>> = {
  'sendBatches() from memory': brokers => [
    process.execPath,
    script('cli-send-batches.js'),
    brokers,
    `${LINES}`,
    `${SIZE}`,
  ],
  'rx-kafka produce FILE': brokers => [process.execPath, command, 'produce', '-q', '-b', brokers, '-t', 't', file],
  'rx-kafka produce < FILE': brokers => [
    ...(['sh', '-c', '"$0" "$1" produce -q -b "$2" -t t < "$3"'] as const),
    ...[process.execPath, command, brokers, file],
  ],
  'rx-kafka produce -k .customer FILE': brokers => [
    ...([process.execPath, command, 'produce', '-q', '-b', brokers, '-t', 't'] as const),
    ...['-k', '.customer', file],
  ],
  'kcat -P -l FILE': brokers => ['kcat', '-P', '-b', brokers, '-t', 't', '-l', file],
}

async function seconds([program, ...args]: ReturnType<Program>): Promise<number> {
  const start = performance.now()
  const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`)
  return (performance.now() - start) / 1000
}

writeLines()
const hasKcat = spawnSync('kcat', ['-V']).status === 0
const programs = Object.entries(PROGRAMS).filter(([name]) => hasKcat || !name.startsWith('kcat'))
const broker = await startBroker({ partitions: 3 })
const times = new Map(programs.map(([name]) => [name, [] as number[]]))
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, program] of programs) {
    await broker.reset()
    const took = await seconds(program(broker.addresses.join(',')))
    const { records, violations } = await broker.status()
    if (records !== LINES) throw new Error(`${name}: the broker counted ${records} of ${LINES} records: ${violations}`)
    // The first round warms the caches of the disk and of the broker.
    if (round > 0) times.get(name)!.push(took)
  }
}
await broker.stop()

const base = times.get('sendBatches() from memory')!
const produced = times.get('rx-kafka produce FILE')!
const ratio = (of: readonly number[], to: readonly number[]): number => median(of.map((time, i) => to[i]! / time))
console.log(
  `${LINES} lines of ${SIZE} B, medians of ${ROUNDS} rounds, with the start of each process; ratios within a round`,
)
console.table(
  [...times].map(([program, all]) => ({
    program,
    seconds: Number(median(all).toFixed(2)),
    'lines/s': Math.round(LINES / median(all)),
    'of sendBatches()': Number(ratio(all, base).toFixed(2)),
  })),
)
const share = ratio(produced, base)
if (share < LEAST) console.error(`the command reaches ${share.toFixed(2)} of sendBatches(), and must reach ${LEAST}`)
const kcat = times.get('kcat -P -l FILE')
const beside = kcat === undefined ? Number.POSITIVE_INFINITY : ratio(produced, kcat)
if (beside <= 1) console.error(`the command is slower than kcat: ${beside.toFixed(2)}`)
process.exitCode = share < LEAST || beside <= 1 ? 1 : 0

/**
 * `npm run bench:transactions`: rx-kafka, franz-go and Java's producer with transactions, each beside itself without, against one real
 * broker of Apache Kafka, in turns. Prints the figures and writes them to `test/bench/results`.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { MATRIX } from '../kafka/jars.js'
import { startKafka } from './bench-kafka.js'
import { type Figures, type Program, programs, type Settings } from './transactions/programs.js'
import { type Latency, type Round, type Throughput, toMarkdown } from './transactions/report.js'
import { SCENARIOS, SMALL } from './transactions/scenarios.js'

const NEWEST = MATRIX.at(-1)!
const { values: options } = parseArgs({
  options: {
    kafka: { type: 'string', default: NEWEST },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1.5' },
    /** Producers, of rx-kafka, franz-go, java, and rx-kafka with `windowCount()` ("windows"): these figures are not kept. */
    only: { type: 'string' },
  },
})
const rounds = Number(options.rounds)
const PARTITIONS = 3
const TOPIC = 'bench'

await using kafka = await startKafka(options.kafka)
await kafka.createTopic(TOPIC, PARTITIONS)
const only = options.only?.split(',') ?? ['rx-kafka', 'franz-go', 'java']
const chosen = programs(kafka.classPath).filter(({ id }) => only.includes(id))

async function written(): Promise<number> {
  const offsets = await kafka.admin(admin => admin.fetchTopicOffsets(TOPIC))
  return offsets.reduce((sum, { high }) => sum + Number(high), 0)
}

type Run = Pick<Settings, 'transactional' | 'perTransaction' | 'size' | 'commits'>

/** One program, one run. A program that fails, or wrote something else than it says, has that for its result. */
async function run(program: Program, load: Run): Promise<Round> {
  try {
    return await measure(program, load)
  } catch (error) {
    const failed = reasonOf(error)
    console.error(`\n  ${program.id} failed: ${failed}`)
    return { failed }
  }
}

/** @throws when the log has not got what the program says it wrote. */
async function measure({ name, batchBytes, warmUpMs, argv }: Program, load: Run): Promise<Figures> {
  const before = await written()
  const [command, ...args] = argv({
    ...{ brokers: kafka.brokers, topic: TOPIC, partitions: PARTITIONS, lingerMs: 5, bufferBytes: 64 << 20 },
    ...{ batchBytes, warmUpMs, measuredMs: Number(options.seconds) * 1_000, ...load },
  })
  // Not spawnSync(): the broker's log passes through this process.
  const { stdout } = await promisify(execFile)(command!, args, { timeout: 120_000, maxBuffer: 1 << 28 })
  const figures: Figures = JSON.parse(stdout.trim().split('\n').at(-1)!)
  const markers = (await written()) - before - figures.records
  if (markers < figures.transactions || markers > figures.transactions * PARTITIONS)
    throw new Error(
      `${name} wrote ${figures.records} records in ${figures.transactions} transactions, and ${markers} more`,
    )
  return figures
}

/** In one line: of a program that failed, the last error that it printed. */
function reasonOf(error: unknown): string {
  const { stderr = '', message, killed } = error as Error & { readonly stderr?: string; readonly killed?: boolean }
  if (killed) return 'it did not end within 120 s'
  const printed = stderr.split('\n').filter(line => /\b(Exception|Error|error|panic)\b|Exception:|Error:/.test(line))
  return (printed.at(-1) ?? message).trim().slice(0, 200)
}

async function measureThroughput(perTransaction: number, size: number): Promise<Throughput[]> {
  const results = chosen.map(program => ({
    ...{ program, name: program.name },
    ...{ transactions: [] as Round[], plain: [] as Round[] },
  }))
  for (let round = 1; round <= rounds; round++) {
    process.stdout.write(`  round ${round}:`)
    for (const { program, transactions, plain } of results) {
      transactions.push(await run(program, { transactional: true, perTransaction, size }))
      plain.push(await run(program, { transactional: false, perTransaction, size }))
      const [with_, without] = [transactions, plain].map(runs => inThousands(runs.at(-1)!))
      process.stdout.write(` ${program.id} ${with_}/${without}`)
    }
    console.log()
  }
  return results
}

function inThousands(round: Round): string {
  return 'failed' in round ? 'failed' : `${Math.round(round.rate / 1000)}k`
}

async function measureLatency(program: Program): Promise<Latency> {
  const all = new Map<number, Round[]>(SMALL.map(perTransaction => [perTransaction, []]))
  const commits = { warmUp: 200, measured: 200 }
  for (let round = 0; round < rounds; round++) {
    for (const [perTransaction, figures] of all)
      figures.push(await run(program, { transactional: true, perTransaction, size: 100, commits }))
  }
  return { name: program.name, rounds: all }
}

// The first one would pay for the broker's own warm-up.
for (const transactional of [true, false]) await run(chosen[0]!, { transactional, perTransaction: 10_000, size: 100 })
console.log('small transactions')
const latency: Latency[] = []
for (const program of chosen) latency.push(await measureLatency(program))
const throughput = new Map<string, Throughput[]>()
for (const { title, perTransaction, size } of SCENARIOS) {
  console.log(title)
  throughput.set(title, await measureThroughput(perTransaction, size))
  keep()
}

/** After each scenario: what has been measured is not lost when a later one fails. */
function keep(): void {
  const markdown = toMarkdown({ kafka: options.kafka, rounds, throughput, latency })
  const folder = options.only === undefined ? './results/' : './.cache/results/'
  const results = fileURLToPath(new URL(folder, import.meta.url))
  mkdirSync(results, { recursive: true })
  const file = join(results, options.kafka === NEWEST ? 'transactions.md' : `transactions-${options.kafka}.md`)
  writeFileSync(file, `${markdown}\n`)
  console.log(`\n${markdown}\nwritten to ${relative(process.cwd(), file)}`)
}

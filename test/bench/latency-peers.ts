/**
 * `npm run bench:latency-peers`: how long an ack takes with rx-kafka and with Java's producer, at half of the most that Java's writes, in
 * turns, against a counting broker in another process. Needs Java 17 and Maven. Writes the figures to `test/bench/results`.
 */
import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { fetchJars, jarsOf, VERSIONS } from '../kafka/jars.js'
import { startBroker } from './broker.js'
import { median } from './measure.js'
import { machine, table, targetSection, today } from './peers/report.js'
import { type Line, toLine } from './peers/targets.js'

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '3' } },
})
const rounds = Number(options.rounds)
const seconds = Number(options.seconds)
const JAVA_WARM_UP = 4
const LINGERS = [0, 5]
const PERCENTILES = ['p50', 'p99', 'p99.9', 'max']

const cache = fileURLToPath(new URL('.cache/', import.meta.url))
const jars = `${jarsOf(VERSIONS[0])}/*`
fetchJars(VERSIONS[0])
mkdirSync(cache, { recursive: true })
execFileSync('javac', ['-cp', jars, '-d', cache, fileURLToPath(new URL('latency/Latency.java', import.meta.url))])
const broker = await startBroker({ partitions: 3 })

interface Figures {
  readonly rate: number
  readonly percentiles: readonly number[]
}

interface Program {
  readonly id: string
  readonly name: string
  argv(linger: number, rate: number): readonly string[]
}

const PROGRAMS: readonly Program[] = [
  {
    ...{ id: 'rx-kafka', name: 'rx-kafka send()' },
    argv: (linger, rate) => [
      process.execPath,
      `${cache}build/test/bench/latency-process.js`,
      JSON.stringify({ brokers: broker.addresses, linger, rate, seconds }),
    ],
  },
  {
    ...{ id: 'java', name: "Java's producer" },
    argv: (linger, rate) => [
      ...['java', '-Xmx512m', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', '-cp', `${cache}:${jars}`, 'Latency', 't'],
      ...['100', String(rate), String(JAVA_WARM_UP), String(seconds), `bootstrap.servers=${broker.addresses.join()}`],
      ...['acks=all', `linger.ms=${linger}`, `batch.size=${256 << 10}`, `buffer.memory=${64 << 20}`],
    ],
  },
]

async function run(program: Program, linger: number, rate: number): Promise<Figures> {
  const [command, ...args] = program.argv(linger, rate)
  const { stdout } = await promisify(execFile)(command!, args, { timeout: 60_000 })
  return JSON.parse(stdout.trim().split('\n').at(-1)!)
}

const sections: string[] = []
const lines: Line[] = []
for (const linger of LINGERS) {
  const [most, javaMost] = [await run(PROGRAMS[0]!, linger, 0), await run(PROGRAMS[1]!, linger, 0)].map(
    ({ rate }) => rate,
  )
  const rate = Math.round(Math.min(most!, javaMost!) / 2)
  const measured = PROGRAMS.map(program => ({ program, runs: [] as (readonly number[])[] }))
  for (let round = 1; round <= rounds; round++) {
    for (const { program, runs } of measured) {
      const { percentiles } = await run(program, linger, rate)
      runs.push(percentiles)
      console.log(`linger ${linger}, round ${round}, ${program.id}: ${percentiles.map(ms => ms.toFixed(2)).join(' ')}`)
    }
  }
  const [mine, javas] = measured.map(({ runs }) => runs.map(percentiles => percentiles[1]!))
  const ratio = median(mine!.map((p99, i) => p99 / javas![i]!))
  lines.push(toLine(`p99 of the ack, linger ${linger} ms: rx-kafka send() to Java's producer`, 'at most', 1, ratio))
  const rows = measured.map(({ program, runs }) => [
    program.name,
    ...PERCENTILES.map((_, i) => median(runs.map(percentiles => percentiles[i]!)).toFixed(2)),
  ])
  const title = `## Linger ${linger} ms, ${Math.round(rate / 1000).toLocaleString('en')} k records/s`
  const limits = `rx-kafka writes at most ${Math.round(most! / 1000)} k, Java's producer ${Math.round(javaMost! / 1000)} k.`
  sections.push(`${title}\n\n${table(['ms', ...PERCENTILES], rows)}\n\n${limits}`)
}
await broker.stop()

const head =
  `${today()}, ${machine()}. \`npm run bench:latency-peers\`: medians of ${rounds} interleaved runs of ${seconds} s. Records of 100 B at half of the rate of the slower ` +
  'producer, whatever becomes of them; from the moment when each should have been sent to its ack (coordinated omission counts).'
const markdown = ['# Ack latency', head, ...sections, targetSection(lines)].join('\n\n')
console.log(`\n${markdown}`)
const results = fileURLToPath(new URL('results/', import.meta.url))
writeFileSync(`${results}latency.json`, `${JSON.stringify({ targets: lines }, null, 2)}\n`)
writeFileSync(`${results}latency.md`, `${markdown}\n`)

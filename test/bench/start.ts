/**
 * `npm run bench:start`: from the start of a process to its first ack, by rx-kafka and by kafkajs. Whole processes, in turns, against a
 * counting broker in another process.
 *
 *     npm run bench:start -- --rounds 10
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { startBroker } from './broker.js'
import { median } from './measure.js'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '10' } } })
const ROUNDS = Number(values.rounds)

/** What rx-kafka may take of the time of kafkajs, loaded in the same way. */
const MOST = 1

const PROGRAMS: Readonly<Record<string, { readonly file: string; readonly peer: string }>> = {
  'rx-kafka, require()': { file: 'require.cjs', peer: 'kafkajs, require()' },
  'rx-kafka, import': { file: 'import.mjs', peer: 'kafkajs, import' },
  'kafkajs, require()': { file: 'kafkajs.cjs', peer: 'kafkajs, require()' },
  'kafkajs, import': { file: 'kafkajs.mjs', peer: 'kafkajs, import' },
}

interface Run {
  /** From the start of the process to its end, in ms. */
  readonly whole: number
  /** From the process's own time origin to the ack, in ms. */
  readonly toAck: number
  /** User and system time up to the ack, in ms. */
  readonly cpu: number
}

/** From the build of this file, which is in .cache/build/test/bench. */
const folder = fileURLToPath(new URL('../../../../start/', import.meta.url))

async function run(file: string, broker: string): Promise<Run> {
  const start = performance.now()
  const { stdout } = await promisify(execFile)(process.execPath, [folder + file, broker], { timeout: 60_000 })
  const whole = performance.now() - start
  const { ms, user, system } = JSON.parse(stdout) as { ms: number; user: number; system: number }
  return { whole, toAck: ms, cpu: (user + system) / 1000 }
}

const broker = await startBroker({ partitions: 1 })
const runs = new Map(Object.keys(PROGRAMS).map(name => [name, [] as Run[]]))
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, { file }] of Object.entries(PROGRAMS)) {
    await broker.reset()
    const one = await run(file, broker.addresses[0]!)
    const { records, violations } = await broker.status()
    if (records !== 1) throw new Error(`${name}: the broker counted ${records} records instead of 1: ${violations}`)
    // The first round warms the caches of the disk and of the broker.
    if (round > 0) runs.get(name)!.push(one)
  }
}
await broker.stop()

const time = (name: string, of: keyof Run): number => median(runs.get(name)!.map(one => one[of]))

/** Of the medians: where other programs take the processors, a pair of neighbours says nothing. */
const ratio = (name: string, of: keyof Run): number =>
  Number((time(name, of) / time(PROGRAMS[name]!.peer, of)).toFixed(2))

const ms = (name: string, of: keyof Run): number => Number(time(name, of).toFixed(1))

console.log(`Node ${process.version}, medians of ${ROUNDS} processes, in ms, and their ratios`)
console.table(
  [...runs.keys()].map(program => ({
    program,
    'whole process': ms(program, 'whole'),
    'to kafkajs': ratio(program, 'whole'),
    'to the ack': ms(program, 'toAck'),
    'to kafkajs ': ratio(program, 'toAck'),
    'CPU time': ms(program, 'cpu'),
    'to kafkajs  ': ratio(program, 'cpu'),
  })),
)
for (const program of runs.keys()) {
  const share = ratio(program, 'whole')
  if (share <= MOST) continue
  console.error(`${program} takes ${share} of kafkajs's time, and may take ${MOST}`)
  process.exitCode = 1
}

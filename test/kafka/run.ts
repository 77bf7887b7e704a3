/**
 * `npm run test:kafka [FILE…]`: the tests on a real Apache Kafka, with a short version of some of those under faults.
 * `npm run test:kafka -- --matrix`: every version since Kafka 2.1; writes docs/kafka-versions.md.
 * `npm run test:chaos [FILE…]`: those under faults at full length; with `--random`, one run of random faults.
 *
 * Needs Java 17 and Maven, and says so if they are not there; gets the jars, the packages of test/bench, and kcat where it can.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getPackages } from '../bench/peers/setup.js'
import { fetchJars, MATRIX, VERSIONS } from './jars.js'

/** The longest take about two minutes. */
const FILE_LIMIT_MS = 900_000

const here = fileURLToPath(new URL('.', import.meta.url))

function version(command: string, ...args: string[]): string | undefined {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return status === 0 ? `${stdout}${stderr}` : undefined
}

function fail(message: string): never {
  console.error(`npm run test:kafka: ${message}`)
  process.exit(1)
}

const java = Number(/version "(\d+)/.exec(version('java', '-version') ?? '')?.[1] ?? 0)
if (java < 17)
  fail(
    `Java 17 or later is needed, ${java === 0 ? 'there is none' : `this is ${java}`} (Debian: openjdk-17-jdk-headless)`,
  )
if (version('javac', '-version') === undefined)
  fail('javac is needed: a JDK, not only a JRE (Debian: openjdk-17-jdk-headless)')
if (version('mvn', '-v') === undefined) fail('Maven is needed to get the jars of Apache Kafka (Debian: maven)')
if (version('kcat', '-V') === undefined) {
  console.log('kcat is not there: installing it')
  const installed = spawnSync('sh', ['-c', 'apt-get update -q && apt-get install -y -q kcat'], { encoding: 'utf8' })
  if (installed.status !== 0 || version('kcat', '-V') === undefined) {
    fail(`kcat is needed to read what was written (Debian: kcat); installing it failed: ${installed.stderr}`)
  }
}
const chaos = process.argv.includes('--chaos')
const matrix = process.argv.includes('--matrix')
const given = process.argv.slice(2).filter(name => name !== '--chaos' && name !== '--matrix')
const named = matrix ? [join(here, 'versions.kafka.ts')] : given
for (const kafka of matrix ? MATRIX : [...VERSIONS, MATRIX[0]!, MATRIX.at(-1)!]) fetchJars(kafka)
// One of them is the consumer of @platformatic/kafka.
getPackages()
const folders = chaos ? ['chaos'] : ['', 'chaos']
const all = folders.flatMap(folder => {
  const names = readdirSync(join(here, folder)).filter(
    name => name.endsWith('.kafka.ts') || (chaos && name.endsWith('.chaos.ts')),
  )
  return names.map(name => join(here, folder, name))
})
// A test that fails may leave timers and sockets behind, and one that waits for ever must not keep the others from the end.
const ends = ['--test-force-exit', ...(chaos || matrix ? [] : [`--test-timeout=${FILE_LIMIT_MS}`])]
const suite = ['--test', '--test-concurrency=1', '--test-reporter=spec', ...ends, ...(named.length > 0 ? named : all)]
const what = named.includes('--random') ? [join(here, 'chaos', 'random.ts'), ...named] : suite
const { status } = spawnSync(process.execPath, ['--import', 'tsx', ...what], {
  stdio: 'inherit',
  env: { ...process.env, ...(chaos && { RX_KAFKA_CHAOS: 'full' }), ...(matrix && { RX_KAFKA_MATRIX: 'whole' }) },
})
process.exit(status ?? 1)

/**
 * `npm run test:kafka [FILE…]`: the tests on a real Apache Kafka. Needs Java 17 and Maven, and says so if they are not
 * there; gets the jars, and kcat where it can.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchJars, VERSIONS } from './jars.js'

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
for (const kafka of VERSIONS) fetchJars(kafka)

const named = process.argv.slice(2)
const files =
  named.length > 0
    ? named
    : readdirSync(here)
        .filter(name => name.endsWith('.kafka.ts'))
        .map(name => join(here, name))
const options = ['--import', 'tsx', '--test', '--test-concurrency=1', '--test-reporter=spec']
const { status } = spawnSync(process.execPath, [...options, ...files], { stdio: 'inherit' })
process.exit(status ?? 1)

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const cache = join(here, '.cache')

/** The versions of Apache Kafka that are tested: the newest of each line that is supported. */
export const VERSIONS = ['4.1.2', '3.9.1'] as const
/** The newest before Kafka named bad records in its answers, and with ZooKeeper (old-kafka.ts). */
export const OLD_VERSION = '2.1.1'
/** The versions of the matrix (versions.kafka.ts), oldest first; those before 3.0 run with ZooKeeper. */
export const MATRIX: readonly string[] = [
  ...[OLD_VERSION, '2.4.1', '2.8.2', '3.0.2', '3.3.2', '3.6.2', VERSIONS[1], '4.0.1', VERSIONS[0], '4.4.0'],
]

export function needsZooKeeper(version: string): boolean {
  return version.startsWith('2.')
}

/** The class of Kafka's tool that reads segments, which has moved between 4.1 and 4.4. */
export function dumpToolOf(version: string): string {
  const [major, minor] = version.split('.').map(Number) as [number, number]
  const moved = major > 4 || (major === 4 && minor >= 4)
  return moved ? 'org.apache.kafka.tools.DumpLogSegments' : 'kafka.tools.DumpLogSegments'
}

/** Where the jars of a version are. */
export function jarsOf(version: string): string {
  return join(cache, version)
}

/** Gets the jars by Maven, once: a folder has its name only when it is complete. */
export function fetchJars(version: string): void {
  const jars = jarsOf(version)
  if (existsSync(jars)) return
  console.log(`getting the jars of Apache Kafka ${version}`)
  mkdirSync(cache, { recursive: true })
  const unfinished = mkdtempSync(join(cache, 'unfinished-'))
  const goal = ['dependency:copy-dependencies', `-Dkafka.version=${version}`, `-DoutputDirectory=${unfinished}`]
  const pom = join(here, needsZooKeeper(version) ? 'pom-zookeeper.xml' : 'pom.xml')
  const { status, stdout, stderr } = spawnSync('mvn', ['-q', '-B', '-f', pom, ...goal], {
    encoding: 'utf8',
  })
  if (status !== 0) {
    rmSync(unfinished, { recursive: true })
    throw new Error(`Maven could not get Apache Kafka ${version}:\n${stdout}${stderr}`)
  }
  renameSync(unfinished, jars)
}

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
export type KafkaVersion = (typeof VERSIONS)[number]
type AnyVersion = KafkaVersion | typeof OLD_VERSION

/** Where the jars of a version are. */
export function jarsOf(version: AnyVersion): string {
  return join(cache, version)
}

/** Gets the jars by Maven, once: a folder has its name only when it is complete. */
export function fetchJars(version: AnyVersion): void {
  const jars = jarsOf(version)
  if (existsSync(jars)) return
  console.log(`getting the jars of Apache Kafka ${version}`)
  mkdirSync(cache, { recursive: true })
  const unfinished = mkdtempSync(join(cache, 'unfinished-'))
  const goal = ['dependency:copy-dependencies', `-Dkafka.version=${version}`, `-DoutputDirectory=${unfinished}`]
  const pom = join(here, version === OLD_VERSION ? 'pom-zookeeper.xml' : 'pom.xml')
  const { status, stdout, stderr } = spawnSync('mvn', ['-q', '-B', '-f', pom, ...goal], {
    encoding: 'utf8',
  })
  if (status !== 0) {
    rmSync(unfinished, { recursive: true })
    throw new Error(`Maven could not get Apache Kafka ${version}:\n${stdout}${stderr}`)
  }
  renameSync(unfinished, jars)
}

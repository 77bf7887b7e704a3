/** The producers that write transactions: how each is started. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const cache = fileURLToPath(new URL('../.cache/', import.meta.url))

/** What a program is told. */
export interface Settings {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly partitions: number
  readonly transactional: boolean
  /** Records of a transaction. */
  readonly perTransaction: number
  /** Bytes of a record's value. */
  readonly size: number
  readonly batchBytes: number
  readonly lingerMs: number
  readonly bufferBytes: number
  readonly warmUpMs: number
  readonly measuredMs: number
  /** Measures how long so many transactions take, one after the other, instead of throughput. */
  readonly commits?: { readonly warmUp: number; readonly measured: number }
}

/** What a program prints. */
export interface Figures {
  /** Everything that it wrote. */
  readonly records: number
  readonly transactions: number
  /** Records a second, and CPU time of the process a record. */
  readonly rate: number
  readonly cpuMicros: number
  /** Of each transaction, in ms. */
  readonly times: readonly number[]
}

export interface Program {
  readonly id: string
  readonly name: string
  /** Bytes of its batches: what was measured to suit it best (see peers/catalog.ts). */
  readonly batchBytes: number
  /** The JVM's compiler takes its time. */
  readonly warmUpMs: number
  argv(settings: Settings): string[]
}

/** Builds what has to be built. */
export function programs(classPath: string): Program[] {
  mkdirSync(cache, { recursive: true })
  execFileSync('go', ['build', '-o', join(cache, 'franz-go-transactions'), '.'], { cwd: join(here, 'franz-go') })
  execFileSync('javac', ['-cp', classPath, '-d', cache, join(here, 'Transactions.java')])
  return [
    rxKafka('rx-kafka', 'rx-kafka', 'iterables'),
    rxKafka('windows', 'rx-kafka, windowCount()', 'windows'),
    {
      ...{ id: 'franz-go', name: 'franz-go', batchBytes: 1 << 20, warmUpMs: 1_000 },
      argv: settings => [join(cache, 'franz-go-transactions'), JSON.stringify(settings)],
    },
    {
      ...{ id: 'java', name: "Java's producer", batchBytes: 1 << 20, warmUpMs: 3_000 },
      argv: settings => [
        'java',
        '-Xmx512m',
        '-cp',
        `${cache}:${classPath}`,
        'Transactions',
        ...javaArguments(settings),
      ],
    },
  ]
}

function rxKafka(id: string, name: string, by: 'iterables' | 'windows'): Program {
  return {
    ...{ id, name, batchBytes: 256 << 10, warmUpMs: 1_500 },
    argv: settings => [process.execPath, join(here, 'rx-kafka.mjs'), JSON.stringify(settings), by],
  }
}

function javaArguments(settings: Settings): string[] {
  const { topic, transactional, perTransaction, size, warmUpMs, measuredMs, commits } = settings
  const limits = commits === undefined ? [warmUpMs, measuredMs, 'ms'] : [commits.warmUp, commits.measured, 'commits']
  const properties = [
    `bootstrap.servers=${settings.brokers.join()}`,
    'acks=all',
    `batch.size=${settings.batchBytes}`,
    `linger.ms=${settings.lingerMs}`,
    `buffer.memory=${settings.bufferBytes}`,
    `max.request.size=${settings.partitions * settings.batchBytes}`,
  ]
  return [topic, transactional, perTransaction, size, ...limits, ...properties].map(String)
}

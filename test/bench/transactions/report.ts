/** The figures as tables in Markdown. */
import { cpus, loadavg, totalmem } from 'node:os'
import { median } from '../peers/results.js'
import type { Figures } from './programs.js'

/** The rounds of one program: with transactions, and without. */
export interface Throughput {
  readonly name: string
  readonly transactions: readonly Figures[]
  readonly plain: readonly Figures[]
}

/** How long small transactions took, by the number of their records. */
export interface Latency {
  readonly name: string
  readonly times: ReadonlyMap<number, readonly number[]>
}

export interface Report {
  readonly kafka: string
  readonly rounds: number
  readonly throughput: ReadonlyMap<string, readonly Throughput[]>
  readonly latency: readonly Latency[]
}

export function toMarkdown({ kafka, rounds, throughput, latency }: Report): string {
  const gib = Math.round(totalmem() / 2 ** 30)
  return [
    `# Transactions, Apache Kafka ${kafka}`,
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model}), ${gib} GiB, Linux, Node ${process.version}. ` +
      `\`npm run bench:transactions\`: medians of ${rounds} rounds in which all take turns, lowest and highest in brackets; ratios are ` +
      `those of the same round, and their median. Load average at the end: ${loadavg()[0]!.toFixed(0)}. ` +
      'One broker, which shares the cores with the producer; 3 partitions, no keys, acks=all, ' +
      'linger 5 ms. Without transactions all is the same, rx-kafka sends with `sendBatches()`. Every record was counted in the log.',
    ...[...throughput].map(([title, results]) => `## ${title}\n\n${table(THROUGHPUT, results.map(throughputRow))}`),
    `## One small transaction after the other, ms from beginning to commit\n\n${latencyTable(latency)}`,
  ].join('\n\n')
}

const THROUGHPUT = ['producer', 'records/s', 'without transactions', 'ratio', 'CPU µs/record', 'without']

function throughputRow({ name, transactions, plain }: Throughput): string[] {
  const ratios = transactions.map(({ rate }, i) => rate / plain[i]!.rate)
  const cpu = (runs: readonly Figures[]): string => median(runs.map(({ cpuMicros }) => cpuMicros)).toFixed(2)
  return [name, spread(transactions), spread(plain), median(ratios).toFixed(2), cpu(transactions), cpu(plain)]
}

function spread(runs: readonly Figures[]): string {
  const rates = runs.map(({ rate }) => rate)
  return `${thousands(median(rates))} (${thousands(Math.min(...rates))}–${thousands(Math.max(...rates))})`
}

const thousands = (value: number): string => `${Math.round(value / 1000).toLocaleString('en')} k`

function latencyTable(latency: readonly Latency[]): string {
  const counts = [...latency[0]!.times.keys()]
  const heads = counts.flatMap(count => {
    const what = count === 1 ? '1 record' : `${count} records`
    return [`${what}, p50`, 'p99']
  })
  const rows = latency.map(({ name, times }) => [
    name,
    ...[...times.values()].flatMap(all => [percentile(all, 0.5), percentile(all, 0.99)]),
  ])
  return table(['producer', ...heads], rows)
}

function percentile(times: readonly number[], share: number): string {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * share)]!.toFixed(1)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

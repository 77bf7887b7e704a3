/** The figures as tables in Markdown. */
import { loadavg } from 'node:os'
import { machine, today } from '../peers/report.js'
import { median } from '../peers/results.js'
import type { Figures } from './programs.js'

/** What a round gave: figures, or why the program failed. */
export type Round = Figures | { readonly failed: string }

/** The rounds of one program: with transactions, and without. */
export interface Throughput {
  readonly name: string
  readonly transactions: readonly Round[]
  readonly plain: readonly Round[]
}

/** The rounds of small transactions, by the number of their records. */
export interface Latency {
  readonly name: string
  readonly rounds: ReadonlyMap<number, readonly Round[]>
}

export interface Report {
  readonly kafka: string
  readonly rounds: number
  readonly throughput: ReadonlyMap<string, readonly Throughput[]>
  readonly latency: readonly Latency[]
}

export function toMarkdown({ kafka, rounds, throughput, latency }: Report): string {
  return [
    `# Transactions, Apache Kafka ${kafka}`,
    `${today()}, ${machine()}. ` +
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
  const ratios = transactions.flatMap((one, i) => {
    const other = plain[i]
    return isMeasured(one) && isMeasured(other) ? [one.rate / other.rate] : []
  })
  const cpu = (rounds: readonly Round[]): string => of(rounds, ({ cpuMicros }) => cpuMicros).toFixed(2)
  return [
    ...[name, cell(transactions, spread), cell(plain, spread)],
    ...[ratios.length === 0 ? '' : median(ratios).toFixed(2), cell(transactions, cpu, ''), cell(plain, cpu, '')],
  ]
}

function spread(rounds: readonly Round[]): string {
  const rates = rounds.filter(isMeasured).map(({ rate }) => rate)
  return `${thousands(median(rates))} (${thousands(Math.min(...rates))}–${thousands(Math.max(...rates))})`
}

const thousands = (value: number): string => `${Math.round(value / 1000).toLocaleString('en')} k`

function latencyTable(latency: readonly Latency[]): string {
  const counts = [...latency[0]!.rounds.keys()]
  const heads = counts.flatMap(count => {
    const what = count === 1 ? '1 record' : `${count} records`
    return [`${what}, p50`, 'p99']
  })
  const rows = latency.map(({ name, rounds }) => [
    name,
    ...[...rounds.values()].flatMap(all => [cell(all, percentile(0.5)), cell(all, percentile(0.99), '')]),
  ])
  return table(['producer', ...heads], rows)
}

function percentile(share: number): (rounds: readonly Round[]) => string {
  return rounds => {
    const times = rounds.filter(isMeasured).flatMap(one => one.times)
    return times.toSorted((a, b) => a - b)[Math.floor(times.length * share)]!.toFixed(1)
  }
}

function isMeasured(round: Round | undefined): round is Figures {
  return round !== undefined && !('failed' in round)
}

function of(rounds: readonly Round[], field: (figures: Figures) => number): number {
  return median(rounds.filter(isMeasured).map(field))
}

/**
 * What the rounds gave that were measured, and how many were not.
 *
 * @param otherwise what stands there if none was; default: why.
 */
function cell(rounds: readonly Round[], text: (rounds: readonly Round[]) => string, otherwise?: string): string {
  const failures = rounds.flatMap(one => ('failed' in one ? [one.failed] : []))
  if (failures.length === 0) return text(rounds)
  const why = `failed: ${failures[0]!.replaceAll('|', '\\|')}`
  if (failures.length === rounds.length) return otherwise ?? why
  return otherwise === undefined
    ? `${text(rounds)}; ${failures.length} of ${rounds.length} rounds ${why}`
    : text(rounds)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Tables of the figures, in Markdown: what is printed is what is written. */
import { cpus, totalmem } from 'node:os'
import { cpuMicros, find, median, medianOf, type PeerResult, rate, ratio, type ScenarioResult } from './results.js'
import type { Line } from './targets.js'

export interface Report {
  readonly date: string
  readonly machine: string
  readonly runs: number
  readonly secondsARun: number
  readonly scenarios: readonly ScenarioResult[]
  readonly targets: readonly Line[]
}

export function makeReport(
  scenarios: readonly ScenarioResult[],
  targets: readonly Line[],
  runs: number,
  secondsARun: number,
): Report {
  return { date: today(), machine: machine(), runs, secondsARun, scenarios, targets }
}

/** The date of a report. */
export const today = (): string => new Date().toISOString().slice(0, 10)

/** What the figures of a report were taken on. */
export function machine(): string {
  const gib = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} cores (${cpus()[0]?.model}), ${gib} GiB, Linux, Node ${process.version}`
}

export function toMarkdown(report: Report): string {
  return [
    '# rx-kafka and other producers',
    `${report.date}, ${report.machine}. Medians of ${report.runs} interleaved runs of about ${report.secondsARun} s each, ` +
      'after a warm-up; lowest and highest in brackets; ratios are those of the same round, and their median. One broker in ' +
      'another process, 3 partitions, no keys, acks=all, idempotent; all values are the same string (Go, Java: bytes). CPU is ' +
      'user and system time of the whole process, cores how many it kept busy. Every record was counted at the broker, and every sequence checked.',
    ...report.scenarios.map(section),
    targetSection(report.targets),
  ].join('\n\n')
}

export const targetSection = (lines: readonly Line[]): string =>
  `## Targets\n\n${table(['what', 'target', 'figure', ''], lines.map(targetRow))}`

const targetRow = ({ what, target, figure, verdict }: Line): string[] => [what, target, figure, verdict]

const COLUMNS = [
  ...['producer', 'records/s', 'CPU µs/record', 'cores', 'to sendBatches()', 'to floor', 'peak RSS MB', 'GC %'],
  ...['batch KiB', 'batches/request', 'in flight mean/max'],
]

function section(result: ScenarioResult): string {
  const rows = result.peers.map(peer => row(result, peer))
  const configurations = result.peers.map(({ name, configuration }) => `- ${name}: ${configuration}`)
  const parts = [`## ${result.scenario.title}`, table(COLUMNS, rows), brokerLine(result), configurations.join('\n')]
  return parts.filter(part => part !== '').join('\n\n')
}

function row(result: ScenarioResult, peer: PeerResult): string[] {
  if (peer.runs.length === 0) return [peer.name, peer.notRun ?? '', ...COLUMNS.slice(2).map(() => '')]
  const rates = peer.runs.map(rate)
  const gc = peer.runs.flatMap(({ gcShare }) => gcShare ?? [])
  const to = (id: string): string => ratio(rate, peer, find(result, id))?.toFixed(2) ?? ''
  return [
    peer.name,
    `${thousands(median(rates))} (${thousands(Math.min(...rates))}–${thousands(Math.max(...rates))})`,
    medianOf(peer, cpuMicros).toFixed(2),
    medianOf(peer, run => run.cpuSeconds / run.seconds).toFixed(1),
    to('batches'),
    to('floor'),
    (medianOf(peer, run => run.peakRss) / 1e6).toFixed(0),
    gc.length === 0 ? '' : (100 * median(gc)).toFixed(1),
    (medianOf(peer, run => run.meanBatchBytes) / 1024).toFixed(1),
    medianOf(peer, run => run.batches / run.requests).toFixed(1),
    `${medianOf(peer, run => run.meanInFlight).toFixed(1)}/${medianOf(peer, run => run.maxInFlight)}`,
  ]
}

const CODEC_COLUMNS = [
  ...['producer', 'MB/s', 'records/s', 'CPU µs/record', 'cores', 'event loop p99 ms', 'ratio', 'batch KiB, compressed'],
  'in flight mean',
]

/** Codecs: megabytes are those of the values, before compression, and so is the ratio's. */
export function codecsToMarkdown(report: Report): string {
  return [
    '# Codecs',
    `${report.date}, ${report.machine}. \`npm run bench:codecs\`: medians of ${report.runs} interleaved runs of about ${report.secondsARun} s` +
      ' each, after a warm-up. One broker in another process, 3 partitions, acks=all, idempotent; values are JSON of an online shop. gzip' +
      ' has level 6, zstd level 3. CPU is that of the whole process, thread pool included. Every record was counted at the broker.',
    ...report.scenarios.map(
      result =>
        `## ${result.scenario.title}\n\n${table(
          CODEC_COLUMNS,
          result.peers.map(peer => codecRow(result, peer)),
        )}`,
    ),
    targetSection(report.targets),
  ].join('\n\n')
}

function codecRow({ scenario }: ScenarioResult, peer: PeerResult): string[] {
  if (peer.runs.length === 0) return [peer.name, peer.notRun ?? '', ...CODEC_COLUMNS.slice(2).map(() => '')]
  const loop = peer.runs.flatMap(({ loopP99 }) => loopP99 ?? [])
  return [
    peer.name,
    ((medianOf(peer, rate) * scenario.size) / 1e6).toFixed(0),
    thousands(medianOf(peer, rate)),
    medianOf(peer, cpuMicros).toFixed(2),
    medianOf(peer, run => run.cpuSeconds / run.seconds).toFixed(1),
    loop.length === 0 ? '' : median(loop).toFixed(1),
    medianOf(peer, run => (run.meanBatchBytes * run.batches) / (run.records * scenario.size)).toFixed(2),
    (medianOf(peer, run => run.meanBatchBytes) / 1024).toFixed(0),
    medianOf(peer, run => run.meanInFlight).toFixed(1),
  ]
}

const KAFKA_COLUMNS = [
  'producer',
  'records/s',
  'CPU µs/record',
  'cores',
  "brokers' cores",
  'to sendBatches()',
  'peak RSS MB',
]

/** @param version of Apache Kafka. */
export function kafkaToMarkdown(version: string, report: Report): string {
  return [
    `# Into Apache Kafka ${version}`,
    `${report.date}, ${report.machine}. \`npm run bench:kafka\`: medians of ${report.runs} interleaved runs of about ${report.secondsARun} s` +
      ' each, after a warm-up; lowest and highest in brackets; ratios are those of the same round, and their median. Producer and brokers' +
      ' share the cores. 3 partitions, no keys, acks=all, idempotent, linger 5 ms, batches of 256 KiB for all. CPU is user and system' +
      " time of the producer's process. Records are counted by the offsets that readers see.",
    ...report.scenarios.map(result => {
      const rows = result.peers.map(peer => kafkaRow(result, peer))
      const configurations = result.peers.map(({ name, configuration }) => `- ${name}: ${configuration}`)
      return [`## ${result.scenario.title}`, table(KAFKA_COLUMNS, rows), configurations.join('\n')].join('\n\n')
    }),
    targetSection(report.targets),
  ].join('\n\n')
}

function kafkaRow(result: ScenarioResult, peer: PeerResult): string[] {
  if (peer.runs.length === 0) return [peer.name, peer.notRun ?? '', ...KAFKA_COLUMNS.slice(2).map(() => '')]
  const rates = peer.runs.map(rate)
  return [
    peer.name,
    `${thousands(median(rates))} (${thousands(Math.min(...rates))}–${thousands(Math.max(...rates))})`,
    medianOf(peer, cpuMicros).toFixed(2),
    medianOf(peer, run => run.cpuSeconds / run.seconds).toFixed(1),
    medianOf(peer, run => run.brokerCpuSeconds / run.seconds).toFixed(1),
    ratio(rate, peer, find(result, 'batches'))?.toFixed(2) ?? '',
    (medianOf(peer, run => run.peakRss) / 1e6).toFixed(0),
  ]
}

const thousands = (value: number): string => `${Math.round(value / 1000).toLocaleString('en')} k`

/** How far the broker was from being the limit. */
function brokerLine(result: ScenarioResult): string {
  const floor = find(result, 'floor')
  if (floor === undefined || floor.runs.length === 0) return ''
  const busy = medianOf(floor, run => run.brokerCpuSeconds / run.seconds)
  const capacity = medianOf(floor, run => run.records / run.brokerCpuSeconds)
  return (
    `The broker used ${(100 * busy).toFixed(0)} % of one core under the floor producer, so at those batches it could take ` +
    `${(capacity / 1e6).toFixed(1)} M records a second.`
  )
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, 3, ...rows.map(row => row[i]!.length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`
  return [line(head), line(widths.map(width => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

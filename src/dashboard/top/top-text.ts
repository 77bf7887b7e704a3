import { printable } from '../../errors.js'
import type { BrokerMetrics, PartitionMetrics, ProducerMetrics } from '../../index.js'

/** Options of {@link topText}: the size of the terminal. */
export interface TopOptions {
  /** The longest line. Default 80. */
  readonly columns?: number
  /** The most lines: partitions beyond them are counted. Default 24. */
  readonly rows?: number
}

/**
 * Returns a producer's metrics as lines for a terminal. Nothing in it moves the cursor or changes a colour, whatever topics are called.
 *
 * @example console.log(topText(producer.metrics(), { columns: process.stdout.columns }))
 */
export function topText(metrics: ProducerMetrics, { columns = 80, rows = 24 }: TopOptions = {}): string {
  const head = [
    `records/s ${amount(metrics.recordSendRate)}   acked ${amount(metrics.recordAckTotal)}   failed ${amount(metrics.recordErrorTotal)}   sent again ${amount(metrics.recordRetryTotal)}`,
    `buffer    ${bar(metrics.bufferUsedBytes, metrics.bufferTotalBytes)} ${bytes(metrics.bufferUsedBytes)} of ${bytes(metrics.bufferTotalBytes)}${waitingText(metrics.waitingSources)}`,
    '',
    'broker     in flight       requests/s    response     p50      p99    throttled',
    ...metrics.brokers.map(brokerLine),
    '',
    'partition                     leader   state     waiting  in flight      buffer',
  ]
  const room = Math.max(0, rows - head.length)
  const sorted = metrics.partitions.toSorted((a, b) => urgency(b) - urgency(a))
  const shown = sorted.length <= room ? sorted : sorted.slice(0, Math.max(0, room - 1))
  const left = sorted.length - shown.length
  const lines = [...head, ...shown.map(partitionLine), ...(left > 0 ? [`and ${left} more partitions`] : [])]
  return lines
    .slice(0, rows)
    .map(line => cut(printable(line), columns))
    .join('\n')
}

function brokerLine(broker: BrokerMetrics): string {
  const { nodeId, requestsInFlight, maxInFlight, requestRate, throttleTimeTotal } = broker
  const slots = `${'■'.repeat(requestsInFlight)}${'·'.repeat(Math.max(0, maxInFlight - requestsInFlight))}`
  return [
    `${nodeId}`.padEnd(10),
    `${slots} ${requestsInFlight}/${maxInFlight}`.padEnd(14),
    requestRate.toFixed(1).padStart(11),
    ms(broker.requestLatencyAvg).padStart(12),
    ms(broker.requestLatencyP50).padStart(8),
    ms(broker.requestLatencyP99).padStart(8),
    (throttleTimeTotal === 0 ? '-' : ms(throttleTimeTotal)).padStart(11),
  ].join(' ')
}

const STATES: Readonly<Record<PartitionMetrics['state'], string>> = {
  open: 'open',
  probing: 'probing',
  draining: 'muted',
  paused: 'paused',
}

function partitionLine({ topic, partition, leader, state, ...rest }: PartitionMetrics): string {
  const name = `${printable(topic)}-${partition}`
  return [
    (name.length > 28 ? `…${name.slice(-27)}` : name).padEnd(28),
    (leader === -1 ? 'none' : `${leader}`).padStart(7),
    `  ${(STATES[state] ?? String(state)).padEnd(8)}`,
    `${rest.batchesWaiting}`.padStart(9),
    `${rest.batchesInFlight}`.padStart(10),
    bytes(rest.bufferUsedBytes).padStart(11),
  ].join(' ')
}

/** Partitions that do not get on come first, then those that hold most. */
function urgency({ state, leader, bufferUsedBytes }: PartitionMetrics): number {
  return (state === 'draining' || state === 'paused' || leader === -1 ? 1e15 : 0) + bufferUsedBytes
}

const waitingText = (sources: number): string => (sources === 0 ? '' : `, ${sources} sources wait`)

function bar(part: number, whole: number): string {
  const filled = Math.min(20, Math.round((20 * part) / Math.max(1, whole)))
  return `[${'#'.repeat(filled)}${' '.repeat(20 - filled)}]`
}

const amount = (value: number): string => Math.round(value).toLocaleString('en')

const ms = (value: number): string => (value < 10 ? `${value.toFixed(1)} ms` : `${amount(value)} ms`)

function bytes(value: number): string {
  if (value < 1000) return `${value} B`
  return value < 1e6 ? `${(value / 1000).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`
}

function cut(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`
}

import type { Partition } from '../model/partition.js'
import { ratio } from './counters.js'
import type { BrokerMeter, Meters } from './meters.js'
import type { BrokerMetrics, PartitionMetrics, ProducerMetrics } from './producer-metrics.js'

/** What a snapshot needs to see of the data path. */
export interface Measured {
  /** The partitions that hold batches; one may be there several times. */
  readonly holding: Iterable<Partition>
  readonly windows: Iterable<{ readonly nodeId: number; readonly inFlight: number }>
  readonly bufferedBytes: number
  readonly waitingSources: number
  readonly options: { readonly bufferMemory: number; readonly maxInFlight: number }
}

/** Returns what the meters have counted, and what the data path holds now. */
export function snapshot(meters: Meters, now: number, measured: Measured): ProducerMetrics {
  const { counters } = meters
  const { totals } = counters
  counters.tick(now)
  const { bufferMemory } = measured.options
  const windows = [...measured.windows]
  return {
    recordSendTotal: totals.records,
    recordSendRate: counters.rate('records', now),
    recordAckTotal: totals.ackedRecords,
    recordErrorTotal: totals.failedRecords,
    recordErrorRate: counters.rate('failedRecords', now),
    recordErrors: Object.fromEntries(meters.errors),
    recordRetryTotal: totals.retriedRecords,
    recordRetryRate: counters.rate('retriedRecords', now),
    recordQueueTimeAvg: counters.average('queueTimeMs', 'firstSends'),
    recordQueueTimeMax: counters.max('queueTimeMs'),
    batchTotal: totals.batches,
    batchSizeAvg: counters.average('bytes', 'batches'),
    batchSizeMax: counters.max('batchSize'),
    byteTotal: totals.bytes,
    byteRate: counters.rate('bytes', now),
    compressionRateAvg: counters.average('bytes', 'uncompressedBytes'),
    recordsPerRequestAvg: counters.average('records', 'requests'),
    requestTotal: totals.requests,
    requestRate: counters.rate('requests', now),
    requestsInFlight: windows.reduce((sum, { inFlight }) => sum + inFlight, 0),
    requestLatencyAvg: counters.average('latencyMs', 'responses'),
    requestLatencyMax: counters.max('latencyMs'),
    produceThrottleTimeAvg: counters.average('throttleMs', 'responses'),
    produceThrottleTimeMax: counters.max('throttleMs'),
    connectionCreationTotal: totals.connections,
    bufferTotalBytes: bufferMemory,
    bufferAvailableBytes: bufferMemory - measured.bufferedBytes,
    bufferUsedBytes: measured.bufferedBytes,
    waitingSources: measured.waitingSources,
    brokers: windows.map(window => brokerMetrics(window, meters, now, measured.options.maxInFlight)),
    partitions: partitionsOf(meters, measured).map(partitionMetrics),
  }
}

function brokerMetrics(
  { nodeId, inFlight }: { readonly nodeId: number; readonly inFlight: number },
  { brokers }: { readonly brokers: ReadonlyMap<number, BrokerMeter> },
  now: number,
  maxInFlight: number,
): BrokerMetrics {
  const meter = brokers.get(nodeId)
  meter?.counters.tick(now)
  const { p50, p95, p99, max } = meter?.latencies.read(now) ?? { p50: 0, p95: 0, p99: 0, max: 0 }
  const { requests = 0, throttleMs = 0, connections = 0 } = meter?.counters.totals ?? {}
  return {
    nodeId,
    requestsInFlight: inFlight,
    maxInFlight,
    requestTotal: requests,
    requestRate: meter?.counters.rate('requests', now) ?? 0,
    requestLatencyAvg: meter?.counters.average('latencyMs', 'responses') ?? 0,
    requestLatencyP50: p50,
    requestLatencyP95: p95,
    requestLatencyP99: p99,
    requestLatencyMax: max,
    throttleTimeTotal: throttleMs,
    reconnectTotal: Math.max(0, connections - 1),
  }
}

/** Returns the partitions in use, without a look at the others: there may be very many. */
function partitionsOf(meters: Meters, { holding }: Measured): Partition[] {
  meters.forgetRetired()
  return [...new Set([...meters.partitions, ...holding])]
}

function partitionMetrics(one: Partition): PartitionMetrics {
  const {
    batches = 0,
    records = 0,
    bytes = 0,
    uncompressedBytes = 0,
    firstSends = 0,
    queueTimeMs = 0,
  } = one.totals ?? {}
  return {
    topic: one.topic,
    partition: one.index,
    leader: one.leader,
    state: one.phase,
    batchesWaiting: one.waiting.length + one.unsettled.length,
    batchesInFlight: one.inFlight.length,
    bufferUsedBytes: one.bufferedBytes,
    recordSendTotal: records,
    byteTotal: bytes,
    recordQueueTimeAvg: ratio(queueTimeMs, firstSends),
    recordsPerBatchAvg: ratio(records, batches),
    compressionRateAvg: ratio(bytes, uncompressedBytes),
  }
}

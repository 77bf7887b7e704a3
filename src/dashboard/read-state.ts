import type { BrokerMetrics, PartitionMetrics, ProducerMetrics } from '../index.js'
import type { BrokerState, DashboardState, PartitionState, Sample } from './state.js'
import type { WindowWatch } from './window-watch.js'

/** Partitions that a page shows. */
const MOST_PARTITIONS = 60

/** What events have told of brokers. */
export interface BrokersSeen {
  readonly connected: ReadonlyMap<number, boolean>
  /** Until when each has asked the producer to pause. */
  readonly throttledUntil: ReadonlyMap<number, number>
}

/** Returns what pages show: counts from the metrics, requests from the watch. */
export function readState(
  metrics: ProducerMetrics,
  watch: WindowWatch,
  seen: BrokersSeen,
  sample: Sample,
  ended: string | undefined,
  now: number,
): DashboardState {
  const shown = mostTelling(metrics.partitions)
  return {
    clientId: watch.clientId,
    ended,
    sample,
    totals: {
      acked: metrics.recordAckTotal,
      failed: metrics.recordErrorTotal,
      retried: metrics.recordRetryTotal,
      bufferTotalBytes: metrics.bufferTotalBytes,
      waitingSources: metrics.waitingSources,
    },
    brokers: brokersOf(metrics, watch, seen, now),
    partitions: shown.map(one => partitionState(one, watch)),
    hiddenPartitions: metrics.partitions.length - shown.length,
  }
}

/** Those that wait or fail come first, then the largest. */
function mostTelling(partitions: readonly PartitionMetrics[]): PartitionMetrics[] {
  const isBusy = ({ state, batchesWaiting }: PartitionMetrics): number =>
    state !== 'open' && batchesWaiting > 0 ? 1 : 0
  return partitions
    .toSorted((a, b) => isBusy(b) - isBusy(a) || b.byteTotal - a.byteTotal)
    .slice(0, MOST_PARTITIONS)
    .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
}

function partitionState(metrics: PartitionMetrics, watch: WindowWatch): PartitionState {
  const { topic, partition, leader, state, batchesWaiting, batchesInFlight } = metrics
  const { returned, acked, lastOffset } = watch.partition(topic, partition)
  // Channels do not tell which of them have failed for good. Those were the first.
  if (returned.length > batchesWaiting) returned.splice(0, returned.length - batchesWaiting)
  return {
    topic,
    partition,
    leader,
    state,
    waiting: batchesWaiting,
    returned: [...returned],
    inFlight: batchesInFlight,
    acked,
    lastOffset,
  }
}

function brokersOf(metrics: ProducerMetrics, watch: WindowWatch, seen: BrokersSeen, now: number): BrokerState[] {
  const known = new Map<number, BrokerMetrics>(metrics.brokers.map(broker => [broker.nodeId, broker]))
  const leaders = metrics.partitions.map(({ leader }) => leader).filter(leader => leader >= 0)
  const ids = new Set([...known.keys(), ...watch.addresses.keys(), ...seen.connected.keys(), ...leaders])
  const inFlight = watch.inFlight()
  const maxInFlight = metrics.brokers[0]?.maxInFlight ?? 0
  return [...ids]
    .sort((a, b) => a - b)
    .map(nodeId => ({
      nodeId,
      address: watch.addresses.get(nodeId) ?? '',
      connected: seen.connected.get(nodeId) ?? false,
      maxInFlight: known.get(nodeId)?.maxInFlight ?? maxInFlight,
      latencyP50: known.get(nodeId)?.requestLatencyP50 ?? 0,
      latencyP99: known.get(nodeId)?.requestLatencyP99 ?? 0,
      throttledMs: Math.max(0, (seen.throttledUntil.get(nodeId) ?? 0) - now),
      requests: inFlight.get(nodeId) ?? [],
    }))
}

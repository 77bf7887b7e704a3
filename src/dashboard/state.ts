import type { PartitionMetrics } from '../index.js'

/** What a page shows at one moment. Plain JSON: ids and offsets are strings. */
export interface DashboardState {
  /** Empty before the first request. */
  readonly clientId: string
  /** Undefined while the producer runs; then why it does not. */
  readonly ended: string | undefined
  readonly sample: Sample
  readonly totals: Totals
  /** By node id. */
  readonly brokers: readonly BrokerState[]
  /** By topic and number. */
  readonly partitions: readonly PartitionState[]
  /** Partitions that are left out, because there are many. */
  readonly hiddenPartitions: number
}

/** One second's figures. */
export interface Sample {
  /** Counts seconds. */
  readonly second: number
  readonly recordsPerSecond: number
  /** Of the requests that were answered in this second, or the last one with answers, on average. */
  readonly latencyMs: number
  readonly bufferUsedBytes: number
}

export interface Totals {
  readonly acked: number
  readonly failed: number
  readonly retried: number
  readonly bufferTotalBytes: number
  readonly waitingSources: number
}

export interface BrokerState {
  readonly nodeId: number
  /** Empty before its first connection. */
  readonly address: string
  readonly connected: boolean
  readonly maxInFlight: number
  readonly latencyP50: number
  readonly latencyP99: number
  /** How long it has still asked the producer to pause (KIP-219). */
  readonly throttledMs: number
  /** In flight, oldest first. */
  readonly requests: readonly RequestState[]
}

export interface RequestState {
  readonly id: number
  readonly ageMs: number
  readonly bytes: number
  readonly batches: readonly BatchState[]
}

export interface BatchState {
  readonly topic: string
  readonly partition: number
  readonly epoch: number
  readonly firstSequence: number
  readonly lastSequence: number
  readonly bytes: number
  /** Which request carries it: 1 for the first. */
  readonly attempt: number
}

/** A batch that came back, and is settled when those before it are. */
export interface ReturnedBatch extends BatchState {
  /** It is stored, and its ack waits for batches before it; else it is sent again. */
  readonly stored: boolean
}

export interface PartitionState extends Pick<PartitionMetrics, 'topic' | 'partition' | 'leader' | 'state'> {
  /** Not sent yet, or to be sent again. */
  readonly waiting: number
  /** Those of them that were sent already, in sequence order. */
  readonly returned: readonly ReturnedBatch[]
  readonly inFlight: number
  /** Records that were acked since the dashboard watches. */
  readonly acked: number
  /** Of the last acked record; empty: not known. */
  readonly lastOffset: string
}

/** Something that happened, in one sentence. */
export interface Line {
  readonly id: number
  /** By the clock of this machine, in ms since 1970. */
  readonly at: number
  readonly text: string
  /** The rule of the window that it shows. */
  readonly rule: number | undefined
}

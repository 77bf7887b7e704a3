import type { SchedulerLike } from 'rxjs'
import { BrokerError } from '../../errors.js'
import type { Partition, PartitionBatch } from '../model/partition.js'
import { PartitionTotals } from '../model/partition-totals.js'
import type { SettledBatch } from '../model/settled-batch.js'
import { processScheduler } from '../time/process-scheduler.js'
import { Counters } from './counters.js'
import { Latencies } from './latencies.js'

const TOTALS = [
  'requests',
  'responses',
  'latencyMs',
  'throttleMs',
  'batches',
  'firstSends',
  'queueTimeMs',
  'records',
  'retriedRecords',
  'ackedRecords',
  'failedRecords',
  'bytes',
  'uncompressedBytes',
  'connections',
] as const
const PEAKS = ['latencyMs', 'throttleMs', 'batchSize', 'queueTimeMs'] as const
const BROKER_TOTALS = ['requests', 'responses', 'latencyMs', 'throttleMs', 'connections'] as const

/** What one broker was sent, and how it answered. */
export interface BrokerMeter {
  readonly counters: Counters<(typeof BROKER_TOTALS)[number]>
  readonly latencies: Latencies
}

/** Counts what the producer does: once a batch, a request, a connection or a failure. */
export class Meters {
  readonly counters: Counters<(typeof TOTALS)[number], (typeof PEAKS)[number]>
  /** Failed records, by the name of their error. */
  readonly errors: Map<string, number> = new Map()
  readonly brokers: Map<number, BrokerMeter> = new Map()
  /** Partitions that were sent to, in the order of their first request. */
  readonly partitions: Set<Partition> = new Set()
  readonly #scheduler: SchedulerLike

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler
    this.counters = new Counters(TOTALS, PEAKS, scheduler.now())
  }

  /** The time by the scheduler's clock, in ms; with fractions, as a fast broker needs them, by the process's clock. */
  clock(): number {
    return this.#scheduler === processScheduler ? performance.now() : this.#scheduler.now()
  }

  /** A request leaves for a broker. */
  sent(nodeId: number, parts: readonly PartitionBatch[]): void {
    const now = this.#now()
    const { counters } = this
    const { totals } = counters
    totals.requests++
    this.#broker(nodeId, now).counters.totals.requests++
    for (const { partition, batch } of parts) {
      const { count, size, uncompressedSize } = batch
      const own = partition.totals ?? this.#first(partition)
      totals.batches++
      totals.records += count
      totals.bytes += size
      totals.uncompressedBytes += uncompressedSize
      own.batches++
      own.records += count
      own.bytes += size
      own.uncompressedBytes += uncompressedSize
      counters.peak('batchSize', size)
      if (batch.attempts > 1) {
        totals.retriedRecords += count
        continue
      }
      const waited = now - batch.openedAt
      totals.firstSends++
      totals.queueTimeMs += waited
      own.firstSends++
      own.queueTimeMs += waited
      counters.peak('queueTimeMs', waited)
    }
  }

  /** A broker has answered a request. */
  answered(nodeId: number, latencyMs: number, throttleTimeMs: number): void {
    const now = this.#now()
    const broker = this.#broker(nodeId, now)
    for (const totals of [this.counters.totals, broker.counters.totals]) {
      totals.responses++
      totals.latencyMs += latencyMs
      totals.throttleMs += throttleTimeMs
    }
    this.counters.peak('latencyMs', latencyMs)
    this.counters.peak('throttleMs', throttleTimeMs)
    broker.latencies.record(latencyMs, now)
  }

  settled({ batch, outcome }: SettledBatch): void {
    this.#now()
    if (outcome.kind === 'acked') this.counters.totals.ackedRecords += batch.count
    else this.failed(outcome.error, batch.count)
  }

  /** Records failed, in a batch or before. */
  failed(error: Error, count = 1): void {
    this.#now()
    this.counters.totals.failedRecords += count
    const name = error instanceof BrokerError ? error.codeName : error.name
    this.errors.set(name, (this.errors.get(name) ?? 0) + count)
  }

  connected(nodeId: number): void {
    const broker = this.#broker(nodeId, this.#now())
    this.counters.totals.connections++
    broker.counters.totals.connections++
  }

  /** The broker has left the cluster. */
  left(nodeId: number): void {
    this.brokers.delete(nodeId)
  }

  /** Forgets the partitions of topics that were deleted. */
  forgetRetired(): void {
    for (const partition of this.partitions) {
      if (partition.retired && partition.isEmpty) this.partitions.delete(partition)
    }
  }

  /** The partition is sent to for the first time. */
  #first(partition: Partition): PartitionTotals {
    const totals = new PartitionTotals()
    partition.totals = totals
    this.partitions.add(partition)
    // Where topics are recreated all the time and nobody asks for a snapshot.
    if (this.partitions.size % 1_024 === 0) this.forgetRetired()
    return totals
  }

  #now(): number {
    const now = this.#scheduler.now()
    this.counters.tick(now)
    return now
  }

  #broker(nodeId: number, now: number): BrokerMeter {
    let broker = this.brokers.get(nodeId)
    if (broker === undefined) {
      broker = { counters: new Counters(BROKER_TOTALS, [], now), latencies: new Latencies(now) }
      this.brokers.set(nodeId, broker)
    }
    broker.counters.tick(now)
    return broker
  }
}

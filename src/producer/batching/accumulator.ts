import { Subject } from 'rxjs'
import type { BufferFullError, InvalidRecordError } from '../../errors.js'
import { BATCH_HEADER_SIZE } from '../../protocol/records/record-batch.js'
import { type HeaderPair, type RecordData, RecordLengths } from '../../protocol/records/record-batch-builder.js'
import type { AwaitingRecord } from '../model/awaiting-record.js'
import { Batch, RECORD_COST } from '../model/batch.js'
import type { WaitingOn } from '../model/events.js'
import { Obstacles, waitingOn } from '../model/obstacles.js'
import { Origin, originOf } from '../model/origin.js'
import type { Partition, PartitionBatch } from '../model/partition.js'
import type { ProducerRecord } from '../model/record.js'
import type { SettledBatch } from '../model/settled-batch.js'
import type { AckSink } from '../model/sinks.js'
import type { TakenRecord } from '../model/taken-record.js'
import { Topic } from '../model/topic.js'
import type { TransactionScope } from '../model/transaction-scope.js'
import type { ResolvedOptions } from '../options/options.js'
import { askPartitioner } from '../records/partitioner.js'
import { keepRecord, type RecordReader, readRecord } from '../records/read-record.js'
import { noPartition, tooLarge } from '../records/refusals.js'
import { Clock } from '../time/clock.js'
import { RecordsAwaitingMetadata } from './awaiting-metadata.js'
import { BufferMemory } from './buffer-memory.js'
import { BufferPool } from './buffer-pool.js'
import { Flushes } from './flushes.js'
import { Packing } from './packing.js'
import { PartitionChooser } from './partition-chooser.js'
import { ReadyPartitions } from './ready-partitions.js'
import { StalledShare } from './stalled-share.js'
import { Topics } from './topics.js'
import { UnsettledBatches } from './unsettled-batches.js'

/** Memory kept for later batches, in bytes: what a few brokers' windows hold. */
const POOL_LIMIT = 8 * 1024 * 1024

/** A record that was accepted before it is placed. */
interface Waited {
  /** The bytes that it counts for in `bufferMemory` already; undefined: none yet. */
  readonly counted: number | undefined
  /** When it was accepted, by the scheduler's clock; undefined: just now. */
  readonly acceptedAt: number | undefined
  /** Flags of {@link Origin}. */
  readonly origin: number
}

/** A transaction has records in a partition. */
export interface Placement {
  readonly transaction: TransactionScope
  readonly partition: Partition
}

/**
 * Encodes each record into the open batch of its partition when it is accepted, and gives out batches when a request has room for
 * them. Java's producer calls it `RecordAccumulator`.
 */
export class Accumulator implements RecordReader<AckSink, Error | undefined> {
  readonly topics: Topics
  readonly memory: BufferMemory
  readonly ready: ReadyPartitions = new ReadyPartitions()
  readonly batches: UnsettledBatches
  readonly packing: Packing
  readonly awaiting: RecordsAwaitingMetadata
  readonly obstacles: Obstacles
  /** Emits the transaction and the partition of every batch that is opened in one. */
  readonly placed$: Subject<Placement> = new Subject<Placement>()
  readonly #options: ResolvedOptions
  readonly #chooser: PartitionChooser
  readonly #lengths = new RecordLengths()
  readonly #clock: Clock
  readonly #pool = new BufferPool(POOL_LIMIT)
  readonly #flushes = new Flushes<Batch | AwaitingRecord>()
  readonly #stalledShare: StalledShare

  constructor(options: ResolvedOptions) {
    const { scheduler, random } = options
    this.#options = options
    this.memory = new BufferMemory(options, () => this.flushOpenBatches())
    this.topics = new Topics(options)
    this.packing = new Packing(this.topics)
    this.obstacles = new Obstacles(scheduler, nodeId => this.ready.has(nodeId))
    this.ready.ready$.subscribe(nodeId => this.obstacles.ready(nodeId))
    this.batches = new UnsettledBatches(options)
    this.batches.due$.subscribe(batch => this.ready.offer(this.partitionOf(batch)))
    this.awaiting = new RecordsAwaitingMetadata(options, this.topics, this.memory, this.#flushes)
    this.#clock = new Clock(scheduler)
    const filled = (batch: Batch): void => this.batches.makeDue(batch)
    this.#chooser = new PartitionChooser(Math.floor(random() * 0x10000), this.obstacles, filled)
    this.#stalledShare = new StalledShare(options, this.memory, this.obstacles, this.topics)
  }

  /** Accepts a record, or returns why not. */
  accept(record: ProducerRecord, sink: AckSink): Error | undefined {
    return readRecord(record, this, sink)
  }

  /**
   * Accepts a record that was read before.
   *
   * @param acceptedAt when that was, by the scheduler's clock: its delivery timeout runs since then. Undefined: now.
   */
  acceptTaken(taken: TakenRecord, sink: AckSink, acceptedAt: number | undefined): Error | undefined {
    const known = this.topics.get(taken.topic)
    const asked = known === undefined || !known.isOpen ? taken : askPartitioner(this.#options.partitioner, taken, known)
    if (asked instanceof Error) return asked
    const { record, topic, key, value, headers, partition, timestamp } = asked
    const origin = originOf(taken, this.#options.partitioner !== undefined)
    return this.take(record, topic, key, value, headers, partition, timestamp, sink, {
      taken: asked,
      acceptedAt,
      origin,
    })
  }

  /** Accepts the fields that were read of a record. Part of {@link accept}, which every record passes. */
  take(
    record: ProducerRecord,
    topicName: string,
    key: RecordData | undefined,
    value: RecordData,
    headers: readonly HeaderPair[] | undefined,
    partition: number | undefined,
    givenTimestamp: number | undefined,
    sink: AckSink,
    kept?: { readonly taken: TakenRecord; readonly acceptedAt: number | undefined; readonly origin: number },
  ): Error | undefined {
    const { maxRequestSize, bufferMemory, partitioner } = this.#options
    if (partitioner !== undefined && kept === undefined) {
      // User code: it may change the bytes, and send records.
      const taken = keepRecord(record, topicName, key, value, headers, partition, givenTimestamp)
      return this.acceptTaken(taken, sink, undefined)
    }
    this.#lengths.measure(key, value, headers)
    const bytes = BATCH_HEADER_SIZE + this.#lengths.max
    const held = bytes + RECORD_COST
    if (bytes > maxRequestSize) return tooLarge(bytes, maxRequestSize)
    if (this.memory.bytes + held > bufferMemory) return this.memory.refuse(held)

    const topic = this.topics.use(topicName)
    if (!(topic instanceof Topic)) return topic
    const timestamp = givenTimestamp ?? this.#clock.now()
    if (topic.isOpen) {
      const waited = kept && { counted: undefined, acceptedAt: kept.acceptedAt, origin: kept.origin }
      const placed = this.#place(topic, record, key, value, headers, partition, timestamp, sink, waited)
      return placed instanceof Batch ? undefined : placed
    }
    const refusal = this.#stalledShare.refuse(sink, held, topic, undefined)
    if (refusal !== undefined) return refusal
    this.awaiting.add(topic, {
      taken: kept?.taken ?? keepRecord(record, topicName, key, value, headers, partition, timestamp),
      timestamp,
      sink,
      acceptedAt: kept?.acceptedAt ?? this.#options.scheduler.now(),
      bytes: held,
    })
    this.topics.needMetadata(topic)
    return undefined
  }

  /** Places the records that awaited the topic's metadata. Records that arrive meanwhile, from a partitioner or an ack handler, go behind them. */
  placeAwaiting(topic: Topic): void {
    for (const waiting of topic.awaiting) {
      const { taken, timestamp, sink, acceptedAt, bytes } = waiting
      const asked = askPartitioner(this.#options.partitioner, taken, topic)
      // The partitioner may have closed the producer.
      if (!topic.awaiting.has(waiting)) continue
      const { record, key, value, headers } = taken
      const waited = { counted: bytes, acceptedAt, origin: originOf(taken, this.#options.partitioner !== undefined) }
      this.#lengths.measure(key, value, headers)
      const placed =
        asked instanceof Error
          ? asked
          : this.#place(topic, record, key, value, headers, asked.partition, timestamp, sink, waited)
      this.awaiting.remove(topic, waiting)
      if (placed instanceof Error) this.awaiting.fail(waiting, placed)
      else if (this.#flushes.moved(waiting, placed)) this.batches.makeDue(placed)
    }
    // In batches they take less: a source that waits for buffer memory may go on.
    this.memory.released$.next()
  }

  /** Sends partially filled batches now, ignoring `linger`. */
  flushOpenBatches(): void {
    this.batches.makeAllDue()
  }

  /** When each of the oldest records was accepted: the oldest one in a batch, and the oldest one that awaits metadata. */
  *oldest(): Iterable<number | undefined> {
    yield this.batches.oldest
    yield this.awaiting.oldest
  }

  /** The partitions that have batches without an outcome, once for each batch. */
  *holding(): Iterable<Partition> {
    for (const batch of this.batches) yield this.partitionOf(batch)
  }

  /** Resolves when every record accepted so far has its terminal event. */
  flush(): Promise<void> {
    this.flushOpenBatches()
    const awaiting = [...this.topics].flatMap(topic => [...topic.awaiting])
    return this.#flushes.begin([...this.batches, ...awaiting])
  }

  /** As {@link flush}, for the records of one transaction. */
  flushTransaction(transaction: TransactionScope): Promise<void> {
    const batches = [...this.batches].filter(batch => batch.transaction === transaction)
    const awaiting = [...this.topics].flatMap(({ awaiting }) =>
      [...awaiting].filter(({ sink }) => sink.transaction === transaction),
    )
    for (const batch of batches) this.batches.makeDue(batch)
    return this.#flushes.begin([...batches, ...awaiting])
  }

  /** Moves the batches of the next request to a node into flight: at most `maxBytes`, or a single larger batch. */
  drain(nodeId: number, maxBytes: number): PartitionBatch[] {
    const parts = this.ready.drain(nodeId, maxBytes, this.packing)
    if (parts.length > 0) this.obstacles.sent(nodeId)
    // A batch that exceeds a broker's lowered limit alone makes the topic's later ones smaller.
    const [{ batch } = {}] = parts
    const lowered = maxBytes < this.#options.maxRequestSize
    if (lowered && batch !== undefined && batch.size > maxBytes) this.topics.get(batch.topic)!.halve(batch)
    return parts
  }

  /** The batch was compressed off the event loop: its partition may be ready. */
  packed(batch: Batch): void {
    if (!batch.settled) this.ready.offer(this.partitionOf(batch))
  }

  /** Replaces a batch by its parts. If it was too large, the topic's later ones are made smaller. */
  split(batch: Batch, parts: readonly Batch[]): void {
    if (batch.result?.kind === 'tooLarge') this.topics.get(batch.topic)!.halve(batch)
    this.batches.split(batch, parts)
    this.#flushes.split(batch, parts)
  }

  /** Takes back batches whose topic was recreated: their records await the new topic's metadata. */
  takeBack(topic: Topic, batches: readonly Batch[]): void {
    this.awaiting.addBack(topic, batches, batch => this.batches.since(batch))
    for (const batch of batches) this.#forget(batch)
  }

  /** Releases the memory of a settled batch. Java's producer calls this `RecordAccumulator.deallocate`. */
  deallocate({ batch, outcome }: SettledBatch): void {
    this.#forget(batch)
    // Acked, and sent only once: no socket can still need its bytes. A socket that was cut may not have sent them all yet.
    if (outcome.kind === 'acked' && batch.attempts === 1) this.#pool.give(batch.memory)
  }

  /** The acks of a settled batch are delivered: flushes, and sources that wait for memory, may go on. */
  completed(batch: Batch): void {
    this.#flushes.ended(batch)
    this.memory.released$.next()
  }

  /** What holds buffer memory, and how much; most first. */
  waitingOn(): WaitingOn[] {
    return waitingOn(this.topics, (topic, partition) => this.obstacles.of(topic, partition))
  }

  partitionOf(batch: Batch): Partition {
    return this.topics.get(batch.topic)!.partitions[batch.partition]!
  }

  /** Appends a record, measured already, to the open batch of its partition. */
  #place(
    topic: Topic,
    record: ProducerRecord,
    key: RecordData | undefined,
    value: RecordData,
    headers: readonly HeaderPair[] | undefined,
    index: number | undefined,
    timestamp: number,
    sink: AckSink,
    waited: Waited | undefined,
  ): Batch | InvalidRecordError | BufferFullError {
    const lengths = this.#lengths
    const { fullSize, partitions } = topic
    const partition = partitions[this.#chooser.choose(index, key, topic, lengths)]
    if (partition === undefined) return noPartition(topic.name, index, partitions.length)
    const counted = waited?.counted
    if (counted === undefined) {
      const refusal = this.#stalledShare.refuse(sink, lengths.max + RECORD_COST, topic, partition)
      if (refusal !== undefined) return refusal
    }
    let batch = partition.openBatchOf(sink.transaction)
    if (batch === undefined || batch.size + lengths.max > fullSize) {
      if (batch !== undefined) this.packing.closed(batch)
      batch = this.#open(topic, partition, sink.transaction, waited?.acceptedAt)
    } else if (waited?.acceptedAt !== undefined) this.batches.joined(batch, waited.acceptedAt)
    const origin = waited !== undefined ? waited.origin : index === undefined ? 0 : Origin.NAMED
    if (origin !== batch.origin) batch.become(origin)
    const before = batch.size
    batch.append(record, key, value, headers, timestamp, lengths, sink)
    batch.encoded += batch.size - before
    let added = batch.size - before + RECORD_COST
    if (counted !== undefined) added -= batch.discount(batch.size - before, counted)
    partition.bufferedBytes += added
    this.memory.bytes += added
    if (batch.size >= fullSize) this.batches.makeDue(batch)
    return batch
  }

  /** @param acceptedAt when its first record was accepted, if that was not just now. */
  #open(
    topic: Topic,
    partition: Partition,
    transaction: TransactionScope | undefined,
    acceptedAt: number | undefined,
  ): Batch {
    // With a quarter to spare: a batch that grows is copied.
    const usual = Math.min(partition.lastSize * 1.25, topic.fullSize)
    const buffer = this.#pool.take(Math.max(usual, BATCH_HEADER_SIZE + this.#lengths.max))
    const batch = new Batch(partition.topic, partition.index, buffer, this.#pool, transaction)
    partition.bufferedBytes += batch.reserved
    this.memory.bytes += batch.reserved
    const now = this.#options.scheduler.now()
    topic.writtenAt = now
    this.batches.open(batch, acceptedAt ?? now, now)
    partition.add(batch)
    if (transaction !== undefined) this.placed$.next({ transaction, partition })
    if (partition.leader === -1) this.topics.metadataNeeds$.next({ kind: 'refresh', topic: topic.name })
    this.ready.offer(partition)
    return batch
  }

  /** The batch no longer counts for `bufferMemory` or any deadline. */
  #forget(batch: Batch): void {
    this.batches.delete(batch)
    this.memory.bytes -= batch.reserved
    this.partitionOf(batch).bufferedBytes -= batch.reserved
  }
}

import { isFinal, type TopicMetadata } from '../../cluster/metadata-answer.js'
import type { BufferFullError, InvalidRecordError } from '../../errors.js'
import { BATCH_HEADER_SIZE } from '../../protocol/records/record-batch.js'
import {
  type HeaderPair,
  type ProducerIdAndEpoch,
  type RecordData,
  RecordLengths,
} from '../../protocol/records/record-batch-builder.js'
import { type AckSink, Batch, type Outcome, RECORD_COST } from '../model/batch.js'
import type { WaitingOn } from '../model/events.js'
import { Obstacles, waitingOn } from '../model/obstacles.js'
import { Origin, originOf } from '../model/origin.js'
import { Partition } from '../model/partition.js'
import type { ProducerRecord } from '../model/record.js'
import { type AwaitingRecord, Topic } from '../model/topic.js'
import type { ResolvedOptions } from '../options/options.js'
import { askPartitioner, PartitionChooser } from '../records/partitioner.js'
import { ending, madeAnew, noPartition, recreated, tooLarge } from '../records/refusals.js'
import { keepRecord, type RecordReader, readRecord, type TakenRecord } from '../records/taken-record.js'
import { Decision } from '../sequencing/decision.js'
import { Clock } from '../time/clock.js'
import { Deadlines } from '../time/deadlines.js'
import type { AccumulatorEffects } from './accumulator-effects.js'
import { RecordsAwaitingMetadata, type Waited } from './awaiting-metadata.js'
import { BufferMemory } from './buffer-memory.js'
import { BufferPool } from './buffer-pool.js'
import { Flushes } from './flushes.js'
import { type PartitionBatch, ReadyPartitions } from './ready-partitions.js'
import { StalledShare } from './stalled-share.js'
import { Topics } from './topics.js'

/** Memory that is kept for batches to come, in bytes: what a few brokers' windows hold. */
const POOL_LIMIT = 8 * 1024 * 1024

/**
 * Records from when they are accepted until they have their terminal event: encoded into the open batch of their partition
 * as they come, and drawn from there, batch by batch, when a request has room for them.
 */
export class Accumulator implements RecordReader<AckSink, Error | undefined> {
  /** To be told of connections. */
  readonly obstacles: Obstacles
  readonly memory: BufferMemory
  readonly topics: Topics
  readonly #options: ResolvedOptions
  readonly #effects: AccumulatorEffects
  readonly #chooser: PartitionChooser
  readonly #lines: ReadyPartitions
  readonly #lengths = new RecordLengths()
  readonly #clock: Clock
  readonly #pool = new BufferPool(POOL_LIMIT)
  readonly #flushes = new Flushes<Batch | AwaitingRecord>()
  /** Batches that have not ended. */
  readonly #live = new Set<Batch>()
  readonly #lingering: Deadlines<Batch>
  readonly #deliveries: Deadlines<Batch>
  readonly #awaiting: RecordsAwaitingMetadata
  readonly #stalledShare: StalledShare
  #identity: ProducerIdAndEpoch | undefined
  /** How many batches were opened. */
  #opened = 0

  constructor(options: ResolvedOptions, effects: AccumulatorEffects) {
    const { scheduler, linger, deliveryTimeoutMs, random } = options
    this.#options = options
    this.#effects = effects
    this.memory = new BufferMemory(options, () => this.flushOpenBatches())
    this.topics = new Topics(options)
    this.#lines = new ReadyPartitions(options, nodeId => {
      this.obstacles.waiting(nodeId)
      effects.ready(nodeId)
    })
    this.obstacles = new Obstacles(scheduler, nodeId => this.#lines.isWaiting(nodeId))
    this.#clock = new Clock(scheduler)
    this.#chooser = new PartitionChooser(Math.floor(random() * 0x10000), this.obstacles, batch => this.#makeDue(batch))
    this.#lingering = new Deadlines(scheduler, linger, batch => this.#makeDue(batch))
    this.#deliveries = new Deadlines(scheduler, deliveryTimeoutMs, batch => this.#expire(batch))
    this.#awaiting = new RecordsAwaitingMetadata(options, this.topics, this.memory, this.#flushes, effects)
    this.#stalledShare = new StalledShare(options, this.memory, this.obstacles, this.topics)
  }

  /** What holds something of the buffer, and how much; most first. */
  waitingOn(): WaitingOn[] {
    return waitingOn(this.topics, (topic, partition) => this.obstacles.of(topic, partition))
  }

  /** Takes a record, or says why not. */
  accept(record: ProducerRecord, sink: AckSink): Error | undefined {
    return readRecord(record, this, sink)
  }

  /**
   * Takes a record that was read before.
   *
   * @param takenAt when that was, by the scheduler's clock: its delivery timeout runs since then. Undefined: now.
   */
  acceptTaken(taken: TakenRecord, sink: AckSink, takenAt: number | undefined): Error | undefined {
    const known = this.topics.get(taken.topic)
    const asked =
      known === undefined || !known.isOpen ? taken : askPartitioner(this.#options.partitioner, taken, known.count)
    if (asked instanceof Error) return asked
    const { record, topic, key, value, headers, partition, timestamp } = asked
    const origin = originOf(taken, this.#options.partitioner !== undefined)
    return this.take(record, topic, key, value, headers, partition, timestamp, sink, { taken: asked, takenAt, origin })
  }

  /** Takes what was read of a record. Part of {@link accept}, which every record passes. */
  take(
    record: ProducerRecord,
    topicName: string,
    key: RecordData | undefined,
    value: RecordData,
    headers: readonly HeaderPair[] | undefined,
    partition: number | undefined,
    givenTimestamp: number | undefined,
    sink: AckSink,
    kept?: { readonly taken: TakenRecord; readonly takenAt: number | undefined; readonly origin: number },
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
      const waited = kept && { counted: undefined, takenAt: kept.takenAt, origin: kept.origin }
      const placed = this.#place(topic, record, key, value, headers, partition, timestamp, sink, waited)
      return placed instanceof Batch ? undefined : placed
    }
    const refusal = this.#stalledShare.refuse(sink, held, topic, undefined)
    if (refusal !== undefined) return refusal
    const waiting: AwaitingRecord = {
      taken: kept?.taken ?? keepRecord(record, topicName, key, value, headers, partition, timestamp),
      timestamp,
      sink,
      takenAt: kept?.takenAt ?? this.#options.scheduler.now(),
      bytes: held,
    }
    this.#awaiting.add(topic, waiting)
    if (topic.state === 'unasked') {
      topic.state = 'asked'
      this.#effects.topicUsed(topic.name)
    }
    return undefined
  }

  /** Nothing waits for its linger any more. */
  flushOpenBatches(): void {
    this.#lingering.expireAll()
  }

  /** Resolves when every record accepted so far has its terminal event. */
  flush(): Promise<void> {
    this.flushOpenBatches()
    const waiting = [...this.topics].flatMap(topic => [...topic.awaiting])
    return this.#flushes.begin([...this.#live, ...waiting])
  }

  /** The producer id has come: partitions that have none take it. */
  identify(identity: ProducerIdAndEpoch): void {
    this.#identity = identity
    for (const { sequences, partitions } of this.topics) {
      for (const sequencer of sequences) sequencer.identity ??= identity
      for (const partition of partitions) this.offer(partition)
    }
  }

  /**
   * Applies a topic's metadata. A topic never loses partitions: one without a leader keeps its batches and sequences. A new id means
   * a new topic, which starts once nothing is in flight to the old one.
   */
  update(metadata: TopicMetadata): void {
    const topic = this.topics.get(metadata.name)
    if (topic === undefined) return
    const { error, leaders, topicId } = metadata
    const final = isFinal(error)
    const isAnother = leaders.length > 0 && topic.ids.take(topicId)
    const ends = isAnother || topic.successor !== undefined
    topic.error = ends ? ending(topic.name) : error
    // Brokers say what becomes of records on their way to partitions that are known.
    if (final) this.#awaiting.abandon(topic, error!)
    if (ends) {
      topic.end(metadata)
      for (const partition of topic.partitions) this.#lines.remove(partition)
      this.#succeed(topic)
      return
    }
    if (final && topic.partitions.length > 0) return
    this.#learn(topic, metadata)
    if (topic.state === 'known' && topic.awaiting.size > 0) this.#placeAll(topic)
  }

  /** No metadata could be had: whoever waits for it will be told why. */
  metadataFailed(error: Error): void {
    for (const topic of this.topics) if (this.topics.waits(topic.name)) topic.error = error
  }

  /** Something has changed that may let the partition send. */
  offer(partition: Partition): void {
    if (partition.retired) this.#succeed(this.topics.get(partition.topic)!)
    else this.#lines.offer(partition)
  }

  /** Whether there is something to send to a node. */
  hasWork(nodeId: number): boolean {
    return this.#lines.hasWork(nodeId)
  }

  /**
   * Takes the batches of the next request to a node, of at most `maxBytes` or a single larger batch. If that happens below
   * `maxRequestSize`, later batches of the topic are smaller.
   */
  drain(nodeId: number, maxBytes: number): PartitionBatch[] {
    const parts = this.#lines.drain(nodeId, maxBytes)
    if (parts.length > 0) this.obstacles.sent(nodeId)
    if (maxBytes < this.#options.maxRequestSize) {
      for (const { batch } of parts) if (batch.size > maxBytes) this.topics.get(batch.topic)!.halve(batch)
    }
    return parts
  }

  /** The batch ends: its memory is free again, and its records have their terminal events. */
  settle(batch: Batch, end: Outcome): void {
    this.#drop(batch)
    // Answered, and sent only once: no socket can still need its bytes. One that was cut may not have sent them all yet.
    if (end.kind === 'acked' && batch.attempts === 1) this.#pool.give(batch.memory)
    batch.settle(end)
    batch.release()
    this.#flushes.ended(batch)
    this.#effects.released()
  }

  /** Its parts stand in for the batch. If the topic takes none that is as large as that, later ones are made smaller. */
  split(batch: Batch, parts: readonly Batch[]): void {
    if (batch.result?.kind === 'tooLarge') this.topics.get(batch.topic)!.halve(batch)
    this.#live.delete(batch)
    this.#lingering.delete(batch)
    for (const part of parts) this.#live.add(part)
    this.#deliveries.replace(batch, parts)
    this.#flushes.split(batch, parts)
  }

  /** Everything that has no end yet ends with this error. */
  abandon(error: Error): void {
    for (const topic of this.topics) {
      this.#awaiting.abandon(topic, error)
      for (const partition of topic.partitions) partition.abandon(error)
    }
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
    const { batchSize, partitions } = topic
    const partition = partitions[this.#chooser.choose(index, key, topic, lengths)]
    if (partition === undefined) return noPartition(topic.name, index, partitions.length)
    const counted = waited?.counted
    if (counted === undefined) {
      const refusal = this.#stalledShare.refuse(sink, lengths.max + RECORD_COST, topic, partition)
      if (refusal !== undefined) return refusal
    }
    let batch = partition.filling
    if (batch === undefined || batch.size + lengths.max > batchSize)
      batch = this.#open(topic, partition, waited?.takenAt)
    // The younger ones in it may expire early, so that this one does not expire late.
    else if (waited?.takenAt !== undefined) this.#deliveries.startedAt(batch, waited.takenAt)
    const origin = waited !== undefined ? waited.origin : index === undefined ? 0 : Origin.NAMED
    if (origin !== batch.origin) batch.become(origin)
    const before = batch.size
    batch.append(record, key, value, headers, timestamp, lengths, sink)
    batch.encoded += batch.size - before
    let added = batch.size - before + RECORD_COST
    if (counted !== undefined) added -= batch.discount(batch.size - before, counted)
    partition.bufferedBytes += added
    this.memory.bytes += added
    if (batch.size >= batchSize) this.#makeDue(batch)
    return batch
  }

  /** @param takenAt when its first record was taken, if that was not just now. */
  #open(topic: Topic, partition: Partition, takenAt: number | undefined): Batch {
    const { linger, scheduler } = this.#options
    // With a quarter to spare: a batch that grows is copied.
    const usual = Math.min(partition.lastSize * 1.25, topic.batchSize)
    const buffer = this.#pool.take(Math.max(usual, BATCH_HEADER_SIZE + this.#lengths.max))
    const batch = new Batch(partition.topic, partition.index, buffer, this.#pool)
    batch.opened = this.#opened++
    partition.bufferedBytes += batch.reserved
    this.memory.bytes += batch.reserved
    this.#live.add(batch)
    const now = scheduler.now()
    topic.writtenAt = now
    this.#deliveries.add(batch, takenAt ?? now)
    if (linger === 0) batch.due = true
    else this.#lingering.add(batch, now)
    partition.add(batch)
    if (partition.leader === -1) this.#effects.leaderless(topic.name)
    this.offer(partition)
    return batch
  }

  /** Learns of partitions and their leaders. */
  #learn(topic: Topic, metadata: TopicMetadata): void {
    const { retries } = this.#options
    const renewed = topic.learn(metadata, this.#identity, (index, sequencer) => {
      return new Partition(topic.name, index, retries, this.#effects, sequencer)
    })
    for (const partition of topic.partitions) this.offer(partition)
    this.obstacles.changed()
    for (const partition of renewed) this.#effects.epochBumped(partition, madeAnew(topic.name))
  }

  /**
   * Starts the new topic once nothing is in flight to the old one. Batches that may be stored in the old topic end; the records of
   * all others are placed again. Not earlier, or a batch that the old leader rejects would end up behind newer ones.
   */
  #succeed(topic: Topic): void {
    const { successor, partitions } = topic
    if (successor === undefined || partitions.some(({ inFlight }) => inFlight > 0)) return
    const ends = new Decision()
    const error = recreated(topic.name)
    // In the order in which the batches were opened. That keeps the order of each partition, and of records without a key.
    const left = partitions.flatMap(one => one.surrender(error, ends)).sort((a, b) => a.opened - b.opened)
    this.#awaiting.addBack(topic, left, batch => this.#deliveries.since(batch))
    for (const batch of left) this.#drop(batch)
    for (const { batch, end } of ends.settled) this.settle(batch, end)
    topic.begin()
    this.#learn(topic, successor)
    this.#placeAll(topic)
  }

  /** Forgets the batch: it no longer counts for `bufferMemory` or any deadline. */
  #drop(batch: Batch): void {
    this.#live.delete(batch)
    this.#deliveries.delete(batch)
    this.#lingering.delete(batch)
    this.memory.bytes -= batch.reserved
    this.#partition(batch).bufferedBytes -= batch.reserved
  }

  #expire(batch: Batch): void {
    const partition = this.#partition(batch)
    partition.expired(batch, this.#obstacle(partition))
    this.obstacles.changed()
  }

  #obstacle(partition: Partition): Error | undefined {
    return this.obstacles.of(this.topics.get(partition.topic)!, partition)
  }

  /** Nothing that may still come is waited for. */
  #makeDue(batch: Batch): void {
    if (batch.due) return
    batch.due = true
    this.offer(this.#partition(batch))
  }

  #partition(batch: Batch): Partition {
    return this.topics.get(batch.topic)!.partitions[batch.partition]!
  }

  /** Those that come while this runs, from a partitioner or an ack handler, are placed behind the others. */
  #placeAll(topic: Topic): void {
    for (const waiting of topic.awaiting) {
      const { taken, timestamp, sink, takenAt, bytes } = waiting
      const asked = askPartitioner(this.#options.partitioner, taken, topic.count)
      // It may have been given up meanwhile.
      if (!topic.awaiting.has(waiting)) continue
      const { record, key, value, headers } = taken
      const waited = { counted: bytes, takenAt, origin: originOf(taken, this.#options.partitioner !== undefined) }
      this.#lengths.measure(key, value, headers)
      const placed =
        asked instanceof Error
          ? asked
          : this.#place(topic, record, key, value, headers, asked.partition, timestamp, sink, waited)
      this.#awaiting.remove(topic, waiting)
      if (placed instanceof Error) this.#awaiting.end(waiting, placed)
      else if (this.#flushes.moved(waiting, placed)) this.#makeDue(placed)
    }
    // In batches they take less: a source that waits for room may go on.
    this.#effects.released()
  }
}

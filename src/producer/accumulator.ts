import type { TopicMetadata } from '../cluster/metadata.js'
import { BufferFullError, DeliveryTimeoutError, describe, InvalidRecordError, KafkaError } from '../errors.js'
import { BATCH_HEADER_SIZE } from '../protocol/record-batch.js'
import { type BatchIdentity, type HeaderPair, RecordLengths } from '../protocol/record-batch-builder.js'
import { type AckSink, Batch, RECORD_COST, type Settlement } from './batch.js'
import { BufferPool } from './buffer-pool.js'
import { Clock } from './clock.js'
import { Deadlines } from './deadlines.js'
import type { Held } from './events.js'
import { Flushes } from './flushes.js'
import { Lines, type Part } from './lines.js'
import type { ResolvedOptions } from './options.js'
import { Partition, type PartitionEffects } from './partition.js'
import { PartitionChooser } from './partitioner.js'
import { headerPairs, type ProducerRecord, recordFault } from './record.js'
import { Topic, type Unplaced } from './topic.js'

/** What the accumulator asks of its surroundings. */
export interface AccumulatorEffects extends PartitionEffects {
  /** A topic is used for the first time. */
  topicUsed(topic: string): void
  /** Nothing was ever learnt of a topic, and no record waits for that any more. */
  topicGivenUp(topic: string): void
  /** The node leads a partition that has something to send. */
  ready(nodeId: number): void
  /** Memory was released. */
  released(): void
}

/** Memory that is kept for batches to come, in bytes: what a few brokers' windows hold. */
const POOL_LIMIT = 8 * 1024 * 1024

/**
 * Records from when they are accepted until they have their terminal event: encoded into the open batch of their partition
 * as they come, and drawn from there, batch by batch, when a request has room for them.
 */
export class Accumulator {
  readonly #options: ResolvedOptions
  readonly #effects: AccumulatorEffects
  readonly #chooser: PartitionChooser
  readonly #topics = new Map<string, Topic>()
  readonly #lines: Lines
  readonly #lengths = new RecordLengths()
  readonly #clock: Clock
  readonly #pool = new BufferPool(POOL_LIMIT)
  readonly #flushes = new Flushes<Batch | Unplaced>()
  /** Batches that have not ended. */
  readonly #live = new Set<Batch>()
  readonly #lingering: Deadlines<Batch>
  readonly #deliveries: Deadlines<Batch>
  readonly #placements: Deadlines<Unplaced>
  /** Nodes whose connection could not be made, or broke, with the reason. */
  readonly #unreachable = new Map<number, Error>()
  #identity: BatchIdentity | undefined
  /** Most records go to the topic of the one before. */
  #lastTopic: Topic | undefined
  #bytes = 0

  constructor(options: ResolvedOptions, effects: AccumulatorEffects) {
    const { scheduler, linger, deliveryTimeoutMs, partitioner, random } = options
    this.#options = options
    this.#effects = effects
    this.#lines = new Lines(options, nodeId => effects.ready(nodeId))
    this.#clock = new Clock(scheduler)
    this.#chooser = new PartitionChooser(partitioner, Math.floor(random() * 0x10000), batch => this.#makeDue(batch))
    this.#lingering = new Deadlines(scheduler, linger, batch => this.#makeDue(batch))
    this.#deliveries = new Deadlines(scheduler, deliveryTimeoutMs, batch => this.#expire(batch))
    this.#placements = new Deadlines(scheduler, deliveryTimeoutMs, unplaced => this.#giveUp(unplaced))
  }

  /** Bytes of records that have no terminal event yet; never above `bufferMemory`. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether a record of any size that is allowed would find room. */
  get hasRoom(): boolean {
    return this.#bytes + this.#options.maxRequestSize + RECORD_COST <= this.#options.bufferMemory
  }

  /** The partitions that hold something of the buffer, and how much; most first. */
  heldBy(): Held[] {
    const held = new Map<Partition, number>()
    for (const batch of this.#live) {
      const partition = this.#partition(batch)
      held.set(partition, (held.get(partition) ?? 0) + batch.reserved)
    }
    const all = [...held].map(([partition, bytes]): Held => {
      return { topic: partition.topic, partition: partition.index, bytes, error: this.#obstacle(partition) }
    })
    return all.sort((a, b) => b.bytes - a.bytes)
  }

  /** Takes a record, or says why not. */
  accept(record: ProducerRecord, sink: AckSink): Error | undefined {
    const fault = recordFault(record)
    if (fault !== undefined) return fault
    const headers = record.headers === undefined ? undefined : headerPairs(record.headers)
    if (headers instanceof Error) return headers
    this.#lengths.measure(record.key, record.value, headers)
    const bytes = BATCH_HEADER_SIZE + this.#lengths.max
    const { maxRequestSize, bufferMemory } = this.#options
    const held = bytes + RECORD_COST
    if (bytes > maxRequestSize || this.#bytes + held > bufferMemory) return this.#sizeFault(bytes, held)

    const timestamp = record.timestamp ?? this.#clock.now()
    const topic = this.#topicOf(record.topic)
    if (topic.partitions.length > 0) {
      const placed = this.#place(topic, record, headers, timestamp, sink, undefined)
      return placed instanceof Batch ? undefined : placed
    }
    const unplaced: Unplaced = {
      record,
      headers,
      timestamp,
      sink,
      acceptedAt: this.#options.scheduler.now(),
      bytes: held,
    }
    topic.unplaced.add(unplaced)
    this.#placements.add(unplaced, unplaced.acceptedAt)
    this.#bytes += unplaced.bytes
    return undefined
  }

  /** Nothing waits for its linger any more. */
  hurry(): void {
    this.#lingering.expireAll()
  }

  /** Resolves when every record accepted so far has its terminal event. */
  flush(): Promise<void> {
    this.hurry()
    const unplaced = [...this.#topics.values()].flatMap(topic => [...topic.unplaced])
    return this.#flushes.begin([...this.#live, ...unplaced])
  }

  /** The producer id has come: partitions that have none take it. */
  identify(identity: BatchIdentity): void {
    this.#identity = identity
    for (const topic of this.#topics.values()) {
      for (const partition of topic.partitions) {
        partition.sequencer.identity ??= identity
        this.offer(partition)
      }
    }
  }

  /** Takes over what metadata says. Partitions are never taken away: one that nobody leads keeps its batches and sequences. */
  update(metadata: TopicMetadata): void {
    const topic = this.#topics.get(metadata.name)
    if (topic === undefined) return
    topic.error = metadata.error
    for (let index = topic.partitions.length; index < metadata.leaders.length; index++) {
      const partition = new Partition(topic.name, index, this.#options.retries, this.#effects)
      partition.sequencer.identity = this.#identity
      topic.partitions.push(partition)
    }
    for (const partition of topic.partitions) {
      partition.led(metadata.leaders[partition.index] ?? -1)
      this.offer(partition)
    }
    if (topic.partitions.length > 0 && topic.unplaced.size > 0) this.#placeAll(topic)
    else if (metadata.error?.retriable === false) this.#abandonUnplaced(topic, metadata.error)
  }

  /** No metadata could be had: whoever waits for it will be told why. */
  metadataFailed(error: Error): void {
    for (const topic of this.#topics.values()) topic.error = error
  }

  connected(nodeId: number): void {
    this.#unreachable.delete(nodeId)
  }

  disconnected(nodeId: number, error: Error): void {
    this.#unreachable.set(nodeId, error)
  }

  /** Something has changed that may let the partition send. */
  offer(partition: Partition): void {
    this.#lines.offer(partition)
  }

  /** Whether there is something to send to a node. */
  hasWork(nodeId: number): boolean {
    return this.#lines.hasWork(nodeId)
  }

  /** Takes the batches of the next request to a node: one a partition, as many as `maxRequestSize` allows. */
  draw(nodeId: number): Part[] {
    return this.#lines.draw(nodeId)
  }

  /** The batch ends: its memory is free again, and its records have their terminal events. */
  settle(batch: Batch, end: Settlement): void {
    this.#live.delete(batch)
    this.#deliveries.delete(batch)
    this.#lingering.delete(batch)
    this.#bytes -= batch.reserved
    // Answered, and sent only once: no socket can still need its bytes. One that was cut may not have sent them all yet.
    if (end.kind === 'acked' && batch.attempts === 1) this.#pool.give(batch.memory)
    batch.settle(end)
    batch.letGo()
    this.#flushes.ended(batch)
    this.#effects.released()
  }

  /** Its parts stand in for the batch. If the topic takes none that is as large as that, later ones are made smaller. */
  split(batch: Batch, parts: readonly Batch[]): void {
    const topic = this.#topics.get(batch.topic)!
    if (batch.verdict?.kind === 'tooLarge') {
      topic.batchSize = Math.max(1, Math.min(topic.batchSize, batch.encoded >> 1))
    }
    this.#live.delete(batch)
    this.#lingering.delete(batch)
    for (const part of parts) this.#live.add(part)
    this.#deliveries.replace(batch, parts)
    this.#flushes.split(batch, parts)
  }

  /** Everything that has no end yet ends with this error. */
  abandon(error: Error): void {
    for (const topic of this.#topics.values()) {
      this.#abandonUnplaced(topic, error)
      for (const partition of topic.partitions) partition.abandon(error)
    }
  }

  /** @param held what it would count for in the buffer. */
  #sizeFault(bytes: number, held: number): Error {
    const { maxRequestSize, bufferMemory } = this.#options
    if (bytes > maxRequestSize) {
      return new InvalidRecordError(
        `this record was not sent: it takes ${bytes} bytes, more than \`maxRequestSize\` (${maxRequestSize});` +
          " raise that together with the broker's message.max.bytes",
      )
    }
    this.hurry()
    return new BufferFullError(
      `this record was not sent: ${this.#bytes} bytes wait for brokers, and with its ${held} they would exceed \`bufferMemory\` (${bufferMemory});` +
        ' raise that, or use `publish()`, which reads its source only as fast as brokers answer',
    )
  }

  #topicOf(name: string): Topic {
    if (this.#lastTopic?.name === name) return this.#lastTopic
    const known = this.#topics.get(name)
    if (known !== undefined) {
      this.#lastTopic = known
      return known
    }
    const topic = new Topic(name, this.#options.batchSize)
    this.#topics.set(name, topic)
    this.#effects.topicUsed(name)
    return topic
  }

  /** Appends a record, measured already, to the open batch of its partition. */
  #place(
    topic: Topic,
    record: ProducerRecord,
    headers: readonly HeaderPair[] | undefined,
    timestamp: number,
    sink: AckSink,
    acceptedAt: number | undefined,
  ): Batch | InvalidRecordError {
    const lengths = this.#lengths
    const { batchSize } = topic
    const partition = this.#choose(topic, record)
    if (!(partition instanceof Partition)) return partition
    let batch = partition.filling
    if (batch === undefined || batch.size + lengths.max > batchSize)
      batch = this.#open(partition, batchSize, acceptedAt)
    const before = batch.size
    batch.append(record, headers, timestamp, lengths, sink)
    batch.encoded += batch.size - before
    this.#bytes += batch.size - before + RECORD_COST
    if (batch.size >= batchSize) this.#makeDue(batch)
    return batch
  }

  #choose(topic: Topic, record: ProducerRecord): Partition | InvalidRecordError {
    let index: number
    try {
      index = this.#chooser.choose(record, topic, this.#lengths.max)
    } catch (cause) {
      return new InvalidRecordError(`this record was not sent: the \`partitioner\` threw: ${describe(cause)}`, {
        cause,
      })
    }
    return (
      topic.partitions[index] ??
      new InvalidRecordError(
        `this record was not sent: there is no partition ${index}, topic ${topic.name} has ${topic.partitions.length}, counted from 0` +
          " (the record's `partition`, or what the `partitioner` returned)",
      )
    )
  }

  /** @param acceptedAt when its first record was accepted, if that was not just now. */
  #open(partition: Partition, batchSize: number, acceptedAt: number | undefined): Batch {
    const { linger, scheduler } = this.#options
    // With a quarter to spare: a batch that grows is copied.
    const usual = Math.min(partition.lastSize * 1.25, batchSize)
    const buffer = this.#pool.take(Math.max(usual, BATCH_HEADER_SIZE + this.#lengths.max))
    const batch = new Batch(partition.topic, partition.index, buffer, this.#pool)
    this.#bytes += batch.reserved
    this.#live.add(batch)
    const now = scheduler.now()
    this.#deliveries.add(batch, acceptedAt ?? now)
    if (linger === 0) batch.due = true
    else this.#lingering.add(batch, now)
    partition.add(batch)
    this.offer(partition)
    return batch
  }

  #expire(batch: Batch): void {
    const partition = this.#partition(batch)
    partition.expire(batch, this.#obstacle(partition))
  }

  /** What keeps a partition from sending, for the error of what waited in vain. */
  #obstacle({ topic, index, leader, sequencer }: Partition): Error | undefined {
    const { error } = this.#topics.get(topic)!
    if (error !== undefined) return error
    if (leader === -1) return new KafkaError(`nobody leads partition ${topic}-${index}`)
    if (sequencer.identity === undefined) return new KafkaError('no broker has given a producer id yet')
    return this.#unreachable.get(leader)
  }

  /** Nothing that may still come is waited for. */
  #makeDue(batch: Batch): void {
    if (batch.due) return
    batch.due = true
    this.offer(this.#partition(batch))
  }

  #partition(batch: Batch): Partition {
    return this.#topics.get(batch.topic)!.partitions[batch.partition]!
  }

  #placeAll(topic: Topic): void {
    for (const unplaced of [...topic.unplaced]) {
      const { record, headers, timestamp, sink, acceptedAt } = unplaced
      this.#remove(topic, unplaced)
      this.#lengths.measure(record.key, record.value, headers)
      const placed = this.#place(topic, record, headers, timestamp, sink, acceptedAt)
      if (placed instanceof Error) this.#endUnplaced(unplaced, placed)
      else if (this.#flushes.moved(unplaced, placed)) this.#makeDue(placed)
    }
    // In batches they take less: a source that waits for room may go on.
    this.#effects.released()
  }

  #giveUp(unplaced: Unplaced): void {
    const topic = this.#topics.get(unplaced.record.topic)!
    this.#remove(topic, unplaced)
    const cause = topic.error
    const why = cause === undefined ? 'no broker could be asked' : describe(cause)
    this.#endUnplaced(
      unplaced,
      new DeliveryTimeoutError(`nothing was learnt of topic ${topic.name} within \`deliveryTimeoutMs\`: ${why}`, {
        cause,
      }),
    )
  }

  #abandonUnplaced(topic: Topic, error: Error): void {
    for (const unplaced of [...topic.unplaced]) {
      this.#remove(topic, unplaced)
      this.#endUnplaced(unplaced, error)
    }
  }

  #remove(topic: Topic, unplaced: Unplaced): void {
    topic.unplaced.delete(unplaced)
    this.#placements.delete(unplaced)
    this.#bytes -= unplaced.bytes
    if (topic.unplaced.size > 0 || topic.partitions.length > 0) return
    this.#topics.delete(topic.name)
    this.#lastTopic = undefined
    this.#effects.topicGivenUp(topic.name)
  }

  #endUnplaced(unplaced: Unplaced, error: Error): void {
    unplaced.sink.unplaced(unplaced.record, error)
    this.#flushes.ended(unplaced)
    this.#effects.released()
  }
}

import type { MetadataEvent } from '../cluster/metadata.js'
import { isFinal, type TopicMetadata } from '../cluster/metadata-answer.js'
import type { ProducerIdAndEpoch } from '../protocol/records/record-batch-builder.js'
import type { Accumulator } from './batching/accumulator.js'
import type { SettledBatch } from './model/settled-batch.js'
import type { Topic } from './model/topic.js'
import { ending, recreated, sequencesRestart } from './records/refusals.js'
import type { Identification } from './sequencing/identification.js'
import { surrendered } from './sequencing/recovery.js'
import { applyMetadata, retire } from './sequencing/topic-partitions.js'

/** Brings the cluster's news to topics and their partitions: metadata, and producer ids. */
export class TopicChanges {
  readonly #batching: Accumulator
  readonly #identification: Pick<Identification, 'bumped'>
  readonly #retries: number
  #identity: ProducerIdAndEpoch | undefined

  /** @param retries how often a rejected batch is sent again. */
  constructor(batching: Accumulator, identification: Pick<Identification, 'bumped'>, retries: number) {
    this.#batching = batching
    this.#identification = identification
    this.#retries = retries
  }

  /** A producer id arrived: gives it to every partition that has none. */
  identify(identity: ProducerIdAndEpoch): void {
    this.#identity = identity
    const { topics, ready } = this.#batching
    for (const { sequences, partitions } of topics) {
      for (const one of sequences) one.identity ??= identity
      for (const partition of partitions) ready.offer(partition)
    }
  }

  /** Applies metadata, or remembers why there is none for those that wait for it. Settles batches of topics that were deleted. */
  *apply(event: MetadataEvent): Generator<SettledBatch> {
    if (event.kind === 'metadata') {
      for (const topic of event.topics) yield* this.update(topic)
      return
    }
    const { topics } = this.#batching
    for (const topic of topics) if (topics.waits(topic.name)) topic.error = event.error
  }

  /**
   * Applies a topic's metadata. A topic never loses partitions: one without a leader keeps its batches and sequences. A new id means
   * a new topic, which starts once nothing is in flight to the old one.
   */
  *update(metadata: TopicMetadata): Generator<SettledBatch> {
    const { topics, awaiting, ready } = this.#batching
    const topic = topics.get(metadata.name)
    if (topic === undefined) return
    const { error, leaders, topicId } = metadata
    const final = isFinal(error)
    const isAnother = leaders.length > 0 && topic.ids.take(topicId)
    const ends = isAnother || topic.successor !== undefined
    topic.error = ends ? ending(topic.name) : error
    // Brokers say what becomes of records on their way to partitions that are known.
    if (final) awaiting.abandon(topic, error!)
    if (ends) {
      retire(topic, metadata)
      for (const partition of topic.partitions) ready.remove(partition)
      yield* this.succeed(topic)
      return
    }
    if (final && topic.partitions.length > 0) return
    this.#learn(topic, metadata)
    if (topic.state === 'known' && topic.awaiting.size > 0) this.#batching.placeAwaiting(topic)
  }

  /**
   * Starts the new topic once nothing is in flight to the old one. Unresolved batches of the old topic fail; the records of all
   * others are placed again. Not earlier, or a batch that the old leader rejects would end up behind newer ones.
   */
  *succeed(topic: Topic): Generator<SettledBatch> {
    const { successor, partitions } = topic
    if (successor === undefined || partitions.some(({ inFlight }) => inFlight.length > 0)) return
    const error = recreated(topic.name)
    const all = partitions.map(partition => surrendered(partition, error))
    // In the order in which the batches were opened, which keeps the order of each partition, and of records without a key.
    const kept = all.flatMap(one => one.kept).sort((a, b) => a.opened - b.opened)
    this.#batching.takeBack(topic, kept)
    for (const { decision } of all) yield* decision.settled
    topic.restart()
    this.#learn(topic, successor)
    this.#batching.placeAwaiting(topic)
  }

  #learn(topic: Topic, metadata: TopicMetadata): void {
    const { obstacles, ready } = this.#batching
    const restarted = applyMetadata(topic, metadata, this.#identity, this.#retries)
    for (const partition of topic.partitions) ready.offer(partition)
    obstacles.changed()
    for (const partition of restarted) this.#identification.bumped(partition, sequencesRestart(topic.name))
  }
}

import { type SchedulerLike, Subject } from 'rxjs'
import type { TopicUse } from '../../cluster/metadata.js'
import type { TopicMetadata } from '../../cluster/metadata-answer.js'
import { Topic } from '../model/topic.js'
import type { CompressorOf } from '../options/compression.js'
import { topicFault } from '../records/refusals.js'

export interface TopicsOptions {
  readonly batchSize: number
  readonly compression: CompressorOf
  readonly metadataMaxIdleMs: number
  readonly scheduler: SchedulerLike
}

/** What the topics need of metadata: kept from now on, refreshed, or no more. */
export interface MetadataNeed {
  readonly kind: 'use' | 'refresh' | 'drop'
  readonly topic: string
}

/** The topics in use, by name. */
export class Topics implements TopicUse {
  readonly metadataNeeds$: Subject<MetadataNeed> = new Subject<MetadataNeed>()
  readonly #options: TopicsOptions
  readonly #byName = new Map<string, Topic>()
  /** Most records go to the same topic as the record before. */
  #last: Topic | undefined

  constructor(options: TopicsOptions) {
    this.#options = options
  }

  [Symbol.iterator](): IterableIterator<Topic> {
    return this.#byName.values()
  }

  get(name: string): Topic | undefined {
    return this.#byName.get(name)
  }

  /** Returns the topic, or the error of records for it: the name is impossible, or the option `compression` fails for this topic. */
  use(name: string): Topic | Error {
    if (this.#last?.name === name) return this.#last
    return this.#find(name)
  }

  /** Requests the topic's metadata, unless it is kept already. */
  needMetadata(topic: Topic): void {
    if (topic.state !== 'unasked') return
    topic.state = 'asked'
    this.metadataNeeds$.next({ kind: 'use', topic: topic.name })
  }

  /** Forgets a topic that has no partitions and no record that awaits them. */
  giveUp(topic: Topic): void {
    this.#byName.delete(topic.name)
    this.#last = undefined
    this.metadataNeeds$.next({ kind: 'drop', topic: topic.name })
  }

  waits(name: string): boolean {
    const topic = this.#byName.get(name)
    if (topic === undefined) return false
    return topic.awaiting.size > 0 || topic.partitions.some(partition => partition.leader === -1 && !partition.isEmpty)
  }

  isBusy(name: string): boolean {
    const topic = this.#byName.get(name)
    if (topic === undefined) return false
    return topic.awaiting.size > 0 || topic.partitions.some(partition => !partition.isEmpty)
  }

  isIdle(name: string): boolean {
    const topic = this.#byName.get(name)
    if (topic === undefined) return true
    return !this.isBusy(name) && this.#options.scheduler.now() - topic.writtenAt >= this.#options.metadataMaxIdleMs
  }

  isOutdated(metadata: TopicMetadata): boolean {
    const topic = this.#byName.get(metadata.name)
    if (topic === undefined) return false
    return topic.ids.isOutdated(metadata.topicId, hasOlderLeader(topic, metadata), this.#options.scheduler.now())
  }

  /** Its partitions stay, for their sequences. */
  forgotten(name: string): void {
    const topic = this.#byName.get(name)
    if (topic !== undefined) topic.state = 'unasked'
  }

  /** Names of topics that have unsettled batches for a node. */
  *at(nodeId: number): Iterable<string> {
    for (const { name, partitions } of this.#byName.values()) {
      if (partitions.some(partition => partition.leader === nodeId && !partition.isEmpty)) yield name
    }
  }

  #find(name: string): Topic | Error {
    let topic = this.#byName.get(name)
    if (topic === undefined) {
      const fault = topicFault(name)
      if (fault !== undefined) return fault
      const compressor = this.#options.compression(name)
      if (compressor instanceof Error) return compressor
      topic = new Topic(name, this.#options.batchSize, compressor)
      this.#byName.set(name, topic)
    }
    this.#last = topic
    return topic
  }
}

/**
 * Whether an epoch is lower than the known one (KIP-320). Without topic ids, it may be that of a new topic; while a topic is ending, it
 * is that of the new one.
 */
function hasOlderLeader({ partitions, state }: Topic, { topicId, leaderEpochs = [] }: TopicMetadata): boolean {
  if (topicId === '' || state === 'ending') return false
  return partitions.some(({ leaderEpoch }, i) => (leaderEpochs[i] ?? -1) !== -1 && leaderEpochs[i]! < leaderEpoch)
}

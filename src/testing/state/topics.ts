import { randomBytes } from 'node:crypto'
import { PartitionState } from './partition.js'

export interface TopicState extends TopicRules {
  readonly name: string
  readonly id: Buffer
  readonly partitions: PartitionState[]
  /** Before this time its leaders are not known yet. */
  availableAt: number
}

/** More partitions than this a topic can't have here: each takes about a kilobyte, used or not. */
export const MAX_PARTITIONS = 100_000

/** Options of a topic: how many partitions it has, and which records it refuses. */
export interface TopicOptions {
  /** At most 100,000. Default: the cluster's `defaultPartitions`. */
  readonly partitions?: number
  /** Records get the time at which the broker appends them. Default false. */
  readonly logAppendTime?: boolean
  /** With `'compact'` a record without key is refused. Nothing is ever compacted. Default `'delete'`. */
  readonly cleanupPolicy?: 'delete' | 'compact'
  /** A record that is older than so many ms is refused, by the cluster's clock; not with `logAppendTime`. Default: any age is taken. */
  readonly messageTimestampBeforeMaxMs?: number
  /** A record from more than so many ms in the future is refused, as above. Default: any is taken. */
  readonly messageTimestampAfterMaxMs?: number
}

export const TOPIC_NAMES: { readonly [K in keyof Required<TopicOptions>]: true } = {
  partitions: true,
  logAppendTime: true,
  cleanupPolicy: true,
  messageTimestampBeforeMaxMs: true,
  messageTimestampAfterMaxMs: true,
}

/** Which records a topic takes. */
export type TopicRules = Readonly<Required<Omit<TopicOptions, 'partitions'>>>

/** Kafka's rule for a topic name. */
export function isTopicName(name: string): boolean {
  return /^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..'
}

/** A deleted topic, as brokers that have not heard of its deletion describe it. */
export interface DeletedTopic {
  readonly id: Buffer
  readonly partitions: readonly Pick<PartitionState, 'index' | 'leader' | 'leaderEpoch'>[]
}

/** The topics of a cluster. A topic that is deleted and made again is another one, with another id. */
export class Topics {
  readonly #strictFirstSequence: boolean
  readonly #topics = new Map<string, TopicState>()
  /** The name of every topic that there has been, by its id. */
  readonly #names = new Map<string, string>()
  /** The most recently deleted topic, by name. */
  readonly #deleted = new Map<string, DeletedTopic>()

  constructor(strictFirstSequence: boolean) {
    this.#strictFirstSequence = strictFirstSequence
  }

  get all(): readonly TopicState[] {
    return [...this.#topics.values()]
  }

  get(name: string): TopicState | undefined {
    return this.#topics.get(name)
  }

  byId(id: Buffer): TopicState | undefined {
    const topic = this.#topics.get(this.nameOf(id))
    return topic?.id.equals(id) ? topic : undefined
  }

  /** The name of a topic that has, or had, the id; empty: there was none. */
  nameOf(id: Buffer): string {
    return this.#names.get(id.toString('hex')) ?? ''
  }

  partition(name: string, index: number): PartitionState | undefined {
    return this.#topics.get(name)?.partitions[index]
  }

  /** @param leaders node ids, given to the partitions in turn. */
  create(name: string, partitions: number, leaders: readonly number[], rules: TopicRules): TopicState {
    const topic: TopicState = { name, id: randomBytes(16), partitions: [], ...rules, availableAt: 0 }
    this.#topics.set(name, topic)
    this.#names.set(topic.id.toString('hex'), name)
    this.addPartitions(topic, partitions, leaders)
    return topic
  }

  addPartitions(topic: TopicState, total: number, leaders: readonly number[]): void {
    for (let index = topic.partitions.length; index < total; index++) {
      const leader = leaders[index % leaders.length] ?? -1
      topic.partitions.push(new PartitionState(index, leader, this.#strictFirstSequence))
    }
  }

  delete(name: string): void {
    const topic = this.#topics.get(name)
    if (topic === undefined) return
    this.#topics.delete(name)
    const partitions = topic.partitions.map(({ index, leader, leaderEpoch }) => ({ index, leader, leaderEpoch }))
    this.#deleted.set(name, { id: topic.id, partitions })
  }

  /** The most recently deleted topic of this name. */
  deleted(name: string): DeletedTopic | undefined {
    return this.#deleted.get(name)
  }
}

import type { ProducerOptions } from '../../src/index.js'
import type { FaultRule } from '../../src/testing/index.js'

/** Everything that a run is made of, as a plain JSON value: what failed once can be stored, shrunk and replayed. */
export interface Schedule {
  /** Feeds what is random inside the producer: jitter, and the first keyless partition. */
  readonly seed: number
  readonly cluster: {
    readonly nodes: number
    /** By topic; they are named `t0`, `t1`. */
    readonly partitions: readonly number[]
    readonly replyDelayMs: number
    readonly latencyMs: number
    readonly strictFirstSequence: boolean
    readonly maxMessageBytes?: number
    readonly leaderElectionMs?: number
    /** Topics refuse records without key. */
    readonly compacted?: boolean
    readonly connectionsMaxIdleMs?: number
    /** Brokers answer as Kafka 2.1: Produce names no bad records, and Metadata has no topic ids. */
    readonly old?: boolean
  }
  readonly producer: Partial<Omit<ProducerOptions, 'brokers' | 'scheduler' | 'transport' | 'random' | 'partitioner'>>
  readonly streams: readonly StreamPlan[]
  readonly steps: readonly Step[]
}

/** One subscription, and what its source emits. */
export interface StreamPlan {
  /** The call that sends it. `publish` reads an iterable, `publishAsync` an async one. */
  readonly by: 'send' | 'sendBatches' | 'publish' | 'publishAsync'
  readonly bursts: readonly Burst[]
  /** `open`: it goes on until the producer is closed. An iterable that is read without waiting ends in any case. */
  readonly end: 'complete' | 'error' | 'open'
}

/** Records that come together. */
export interface Burst {
  /** After the one before it, in ms. A plain iterable does not wait. */
  readonly wait: number
  readonly count: number
  readonly topic: string
  /** A partition's number, which may be one that is not there; or chosen by key, or by the producer. */
  readonly to: 'key' | 'none' | number
  /** Bytes of padding in each value. */
  readonly size: number
  /** The last record of the burst can't be sent. */
  readonly invalid?: boolean
}

/** Something that is done so many ms after the step before it. One that can't be done, such as stopping a node that is down, is passed over. */
export type Step = { readonly wait: number } & (
  | { readonly do: 'inject'; readonly rule: FaultRule }
  | { readonly do: 'moveLeader'; readonly topic: string; readonly partition: number; readonly node: number }
  | { readonly do: 'stopNode' | 'startNode' | 'cut'; readonly node: number }
  | { readonly do: 'stopAll' | 'startAll' | 'flush' | 'close' | 'expireProducers' }
  | { readonly do: 'addPartitions'; readonly topic: string; readonly more: number }
  /** So many of the oldest records. */
  | { readonly do: 'deleteRecords'; readonly topic: string; readonly partition: number; readonly count: number }
  /** So many of the newest batches. */
  | { readonly do: 'truncate'; readonly topic: string; readonly partition: number; readonly batches: number }
  | { readonly do: 'reloadProducers' | 'forgetProducer'; readonly topic: string; readonly partition: number }
  /** `partitions`: it is recreated at once, with so many. */
  | { readonly do: 'deleteTopic'; readonly topic: string; readonly partitions?: number }
  | { readonly do: 'createTopic'; readonly topic: string; readonly partitions: number }
  | { readonly do: 'unsubscribe'; readonly stream: number }
)

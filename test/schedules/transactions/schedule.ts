import type { ProducerOptions } from '../../../src/index.js'
import type { FaultRule } from '../../../src/testing/index.js'

/** Everything that a run of transactions is made of, as a plain JSON value. */
export interface TransactionSchedule {
  /** Feeds what is random inside the producers. */
  readonly seed: number
  readonly cluster: {
    readonly nodes: number
    readonly transactionVersion: 1 | 2
    /** By topic; they are named `t0`, `t1`. */
    readonly partitions: readonly number[]
    readonly replyDelayMs: number
    readonly latencyMs: number
    readonly markerDelayMs: number
    readonly coordinatorLoadMs: number
    /** Kafka 4 wants it of transactional producers. */
    readonly strictFirstSequence: boolean
  }
  readonly producer: Partial<Omit<ProducerOptions, 'brokers' | 'scheduler' | 'transport' | 'random' | 'partitioner'>>
  /** Producers with the same transactional id, in the order in which they are made. */
  readonly instances: readonly InstancePlan[]
  readonly steps: readonly Step[]
}

export interface InstancePlan {
  /** In ms, from the beginning. */
  readonly startsAt: number
  /** Done one after the other, each once the one before it is over. */
  readonly works: readonly Work[]
}

export type Work = Imperative | Operator

/** `beginTransaction()`. */
export interface Imperative extends Contents {
  readonly kind: 'imperative'
  readonly by: 'send' | 'sendBatches' | 'publish' | 'sendOne'
  /** `leave`: nothing more is done with it, until the next one begins. */
  readonly end: 'commit' | 'abort' | 'leave'
  /** Time from the last record to that call, in ms; undefined: it comes once everything is acked. `commit()` waits for acks either way. */
  readonly endAfter?: number
  /** So many ms after `commit()` was called, `abort()` is. */
  readonly abortAfter?: number
  /** The next work begins before this one has ended. */
  readonly overlaps?: boolean
}

/** `transactionally()`: a transaction for each value. */
export interface Operator {
  readonly kind: 'operator'
  readonly onAborted: 'end' | 'continue'
  readonly values: readonly Value[]
  /** So many ms after it was subscribed to, nobody listens any more. */
  readonly unsubscribeAfter?: number
}

export interface Value extends Contents {
  /** `hot`: an Observable that emits whether or not anybody listens; the others are made by a project function when it is their turn. */
  readonly source: 'hot' | 'array' | 'async' | 'promise' | 'observable'
  /** Time since the previous value, in ms. */
  readonly wait: number
}

/** What a transaction holds. */
export interface Contents {
  readonly bursts: readonly Burst[]
  /** The partitions of `t0` of which the group `g` has read something. */
  readonly offsets?: readonly number[]
  readonly position?: boolean
  /** The source of its records errors in the end. */
  readonly fails?: boolean
}

/** Records that come together. */
export interface Burst {
  /** After the one before it, in ms. */
  readonly wait: number
  readonly count: number
  readonly topic: string
  /** A partition, or chosen by key. */
  readonly to: 'key' | number
  /** Bytes of padding. */
  readonly size: number
  /** The last one can't be sent. */
  readonly invalid?: boolean
}

/** Something that is done so many ms after the step before it. One that can't be done is passed over. */
export type Step = { readonly wait: number } & (
  | { readonly do: 'inject'; readonly rule: FaultRule }
  | { readonly do: 'moveLeader'; readonly topic: string; readonly partition: number; readonly node: number }
  | { readonly do: 'moveCoordinator' | 'stopNode' | 'startNode' | 'cut'; readonly node: number }
  /** All nodes are down for so many ms. */
  | { readonly do: 'outage'; readonly ms: number }
  | { readonly do: 'reloadProducers'; readonly topic: string; readonly partition: number }
  | { readonly do: 'recreateTopic'; readonly topic: string }
  | { readonly do: 'close'; readonly instance: number }
)

export const ID = 'importer'
export const GROUP = 'g'

import type { ProducerEvent } from '../../../src/index.js'
import type { TraceEntry } from '../../../src/testing/index.js'
import type { Contents, TransactionSchedule } from './schedule.js'

/** What a run came to, as the users of all instances saw it and as the brokers did. Times are virtual ms. */
export interface TransactionHistory {
  readonly schedule: TransactionSchedule
  /** In the order in which they were begun. */
  readonly transactions: readonly TransactionStory[]
  /** Every record that a producer looked at, by its number: the order in which they were accepted, from 0. */
  readonly records: readonly Offered[]
  /** Terminal events of records, in the order in which they came. */
  readonly settled: readonly Settled[]
  readonly instances: readonly InstanceStory[]
  /** Numbers of the records in each log: what can be read, … */
  readonly logs: readonly LogHistory[]
  /** The offset that group `g` has committed, by partition of `t0`; nothing where it has none. */
  readonly offsets: ReadonlyMap<number, number>
  /** As the next instance reads it. */
  readonly position: string | undefined
  /** Records that a stream could not take, which ended it. */
  readonly overflowed: ReadonlySet<number>
  /** The most produce requests that one connection had open. */
  readonly depth: number
  /** Topics that were deleted, and recreated. */
  readonly recreated: ReadonlySet<string>
  readonly trace: readonly TraceEntry[]
  /** When everything was healed. */
  readonly healedAt: number
  /** What did not come to its end. */
  readonly hanging: readonly string[]
  /** What is there when everything is closed. */
  readonly left: { readonly bytes: number; readonly connections: number; readonly timers: number }
}

/** One transaction. */
export interface TransactionStory {
  readonly instance: number
  readonly kind: 'imperative' | 'operator' | 'probe'
  /** When it was begun. */
  readonly at: number
  readonly contents: Contents
  /** `commit()` was called, or the operator does it. */
  committing: boolean
  /** What the user was told: `error`: that the producer ended. Undefined: nothing. */
  told?: 'committed' | 'aborted' | 'error'
  /** The user has aborted it, or left it. */
  left?: boolean
  /** What `abort()` said that was called while `commit()` was under way. */
  abortSaid?: 'committed' | 'aborted' | 'error'
  /** Why it was aborted, or the producer ended. */
  cause?: Cause
  /** As the outcome has it. */
  count?: number
}

export interface Cause {
  readonly name: string
  readonly message: string
  /** Of a broker's answer. */
  readonly code?: number
}

export interface Offered {
  /** Index of the transaction. */
  readonly transaction: number
  readonly topic: string
  readonly at: number
  readonly partition?: number
  /** Its stream gives an ack for each record. */
  readonly owed: boolean
}

export interface Settled {
  readonly number: number
  readonly at: number
  readonly kind: 'acked' | 'failed'
  readonly topic: string
  readonly partition?: number
  readonly offset?: number
  readonly persisted?: 'no' | 'maybe'
}

export interface InstanceStory {
  readonly clientId: string
  readonly events: readonly ProducerEvent[]
  /** A step closed it. */
  readonly closed: boolean
  /** The transaction that it was to commit after everything was healed; undefined: it was closed before. */
  readonly probe: number | undefined
}

export interface LogHistory {
  readonly topic: string
  readonly partition: number
  readonly committed: readonly number[]
  /** By a reader of uncommitted records. */
  readonly all: readonly number[]
}

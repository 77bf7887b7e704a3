import type { ProducerEvent } from '../../src/index.js'
import type { TraceEntry } from '../../src/testing/index.js'
import type { Schedule } from './schedule.js'

/** What a run came to, as the user saw it and as the brokers did: all that the oracle looks at. Times are virtual ms. */
export interface History {
  readonly schedule: Schedule
  /** Every record that the producer looked at, by its number: the order in which they were accepted, from 0. */
  readonly offered: readonly Offered[]
  /** Terminal events, in the order in which they came. */
  readonly settled: readonly Settled[]
  readonly streams: readonly StreamHistory[]
  /** Calls of `flush()` and the one of `close()`. */
  readonly calls: readonly Call[]
  /** Every append, of logs that are gone too. */
  readonly appended: readonly Appended[]
  /** What can be read at the end. */
  readonly logs: readonly LogHistory[]
  /** Numbers of records that a step took out of a log: by truncation, or by deleting records or a topic. */
  readonly removed: ReadonlySet<number>
  readonly amnesia: readonly Amnesia[]
  readonly deletions: readonly Deletion[]
  readonly events: readonly ProducerEvent[]
  readonly trace: readonly TraceEntry[]
  /** The most bytes that `bufferedBytes` showed. */
  readonly mostBytes: number
  /** Partitions of which no record came through after everything was healed. */
  readonly stuck: readonly string[]
  /** What an interceptor found wrong. */
  readonly intercepted: readonly string[]
  /** What is there when the producer has closed. */
  readonly left: { readonly bytes: number; readonly connections: number; readonly timers: number }
}

export interface Offered {
  readonly stream: number
  readonly topic: string
  readonly at: number
  readonly keyless?: boolean
  /** What it shares with the records that must be stored in its order, whatever becomes of its topic: its key, or the partition that it names. */
  readonly line?: string
}

export interface Settled {
  readonly number: number
  /** The stream that told it. */
  readonly stream: number
  readonly at: number
  readonly kind: 'acked' | 'failed'
  readonly partition?: number
  readonly offset?: number
  readonly persisted?: 'no' | 'maybe'
  readonly attempts?: number
  /** The name of the error. */
  readonly error?: string
}

export interface StreamHistory {
  /** Whether, and when, nobody listened any more. */
  unsubscribedAt: number | undefined
  /** How it ended; more than one entry is one too many. `settledBefore`: how many terminal events had come by then, over all streams. */
  readonly ends: {
    readonly kind: 'completed' | 'errored'
    readonly error?: string
    readonly at: number
    readonly settledBefore: number
  }[]
}

export interface Call {
  readonly kind: 'flush' | 'close'
  /** How many records had been offered by then. */
  readonly offeredBefore: number
  /** How many terminal events had come when it resolved; undefined: it did not. */
  settledBefore: number | undefined
}

export interface Appended {
  readonly number: number
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface LogHistory {
  readonly topic: string
  readonly partition: number
  readonly records: readonly { readonly number: number; readonly offset: number }[]
}

/**
 * A partition's leader has lost what it knew of the producer. A leader that knows nothing takes any sequence as the first
 * one (R5), so of several batches that are under way a later one can be stored before an earlier one that was rejected.
 * That ends with the first append, for then it knows again what is to follow.
 */
export interface Amnesia {
  readonly topic: string
  readonly partition: number
  /** Numbers of the records that had no terminal event then. */
  readonly unsettled: ReadonlySet<number>
  /** How many records had been offered then, … */
  readonly from: number
  /** … and when the partition was next appended to; undefined: it never was. */
  until: number | undefined
}

/** A topic was deleted. */
export interface Deletion {
  readonly topic: string
  /** Numbers of the records that had no terminal event then. */
  readonly unsettled: ReadonlySet<number>
  /** How many records had been offered then. */
  readonly from: number
}

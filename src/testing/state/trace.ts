import { Subject } from 'rxjs'
import type { ProducerIdAndEpoch } from '../../protocol/records/record-batch-builder.js'
import type { Authenticated } from '../sasl/sasl.js'
import type { Fault } from './faults.js'
import type { SentBatch } from './peek.js'
import type { TransactionState } from './transaction.js'

/** @inline */
interface Where {
  readonly node: number
  /** Connections are numbered from 1 over the cluster. */
  readonly connection: number
}

/** @inline */
interface BatchTrace extends Where, SentBatch {}

/** @inline */
type What =
  | ({ readonly kind: 'connected'; readonly peer: string } & Where)
  | ({ readonly kind: 'disconnected' } & Where)
  | ({ readonly kind: 'authenticated' } & Authenticated & Where)
  | ({
      readonly kind: 'request'
      readonly api: string
      readonly version: number
      readonly correlationId: number
      readonly clientId: string | null
      /** Of ApiVersions from version 3 on: name and version of the client library (KIP-511). */
      readonly software?: { readonly name: string; readonly version: string }
      /** Of a produce request: what it brings. */
      readonly batches?: readonly SentBatch[]
    } & Where)
  | ({ readonly kind: 'appended'; readonly baseOffset: bigint } & BatchTrace)
  | ({ readonly kind: 'duplicate'; readonly rule: 'R1'; readonly baseOffset: bigint } & BatchTrace)
  /** `rule`: R2 to R5 or R9, the check that failed, or `fault` where it was told to fail. */
  | ({ readonly kind: 'rejected'; readonly rule: string; readonly errorCode: number } & BatchTrace)
  | ({ readonly kind: 'fault'; readonly fault: Fault } & Where)
  | ({ readonly kind: 'answered'; readonly api: string; readonly correlationId: number } & Where)
  /** What the coordinator, `node`, made of a transaction. */
  | ({
      readonly kind: 'transaction'
      readonly node: number
      readonly transactionalId: string
      readonly state: TransactionState
    } & ProducerIdAndEpoch)
  /** Bytes, an API or a version that the broker does not understand; it ends the connection. */
  | ({ readonly kind: 'refused'; readonly reason: string } & Where)

/** One thing that happened at the broker, at this time of its scheduler. */
export type TraceEntry = What & { readonly at: number }

/** What happened at the broker, in order. */
export class Trace {
  readonly entries: TraceEntry[] = []
  readonly entries$: Subject<TraceEntry> = new Subject<TraceEntry>()
  readonly #now: () => number
  readonly #keep: boolean

  constructor(now: () => number, keep: boolean) {
    this.#now = now
    this.#keep = keep
  }

  add(what: What): void {
    const entry = { at: this.#now(), ...what }
    if (this.#keep) this.entries.push(entry)
    this.entries$.next(entry)
  }
}

/** How many produce requests of a connection were received and not answered yet: the window, seen from the broker. */
export class Depth {
  /** By connection. */
  readonly #now = new Map<number, { readonly node: number; depth: number }>()
  /** By node. */
  readonly #most = new Map<number, number>()

  /** The most that any connection to this node, or to any, has now. */
  now(node?: number): number {
    const open = [...this.#now.values()].filter(connection => node === undefined || connection.node === node)
    return Math.max(0, ...open.map(({ depth }) => depth))
  }

  /** The most that any connection to this node, or to any, had at once. */
  most(node?: number): number {
    return node === undefined ? Math.max(0, ...this.#most.values()) : (this.#most.get(node) ?? 0)
  }

  /** Called by brokers: a Produce request has arrived. @internal */
  received(node: number, connection: number): void {
    const depth = (this.#now.get(connection)?.depth ?? 0) + 1
    this.#now.set(connection, { node, depth })
    this.#most.set(node, Math.max(this.most(node), depth))
  }

  /** Called by brokers: a Produce request was answered. @internal */
  answered(connection: number): void {
    const open = this.#now.get(connection)
    if (open !== undefined) open.depth--
  }

  /** Called by brokers: a connection has ended. @internal */
  closed(connection: number): void {
    this.#now.delete(connection)
  }
}

import {
  from,
  isObservable,
  mergeMap,
  type Observable,
  of,
  Subject,
  type Subscriber,
  Subscription,
  takeUntil,
} from 'rxjs'
import { describe, KafkaError, ProducerClosedError } from '../errors.js'
import type { Outcome } from './model/outcome.js'
import type { ProducerRecord } from './model/record.js'
import type { StreamSink } from './model/sinks.js'
import type { TransactionScope } from './model/transaction-scope.js'
import type { OpenStreams } from './open-streams.js'
import { oneOf, type Rules } from './options/rules.js'
import { checkSource, isPulled, pull, type Source } from './sources/pull.js'
import type { Transaction } from './transaction.js'
import type { OpenTransaction } from './transactions/open-transaction.js'

/** What became of one value of the source of `transactionally()`. */
export type TransactionOutcome<T = unknown> =
  | {
      readonly kind: 'committed'
      readonly value: T
      /** Records of the transaction. */
      readonly count: number
    }
  | {
      readonly kind: 'aborted'
      readonly value: T
      /** Records that were appended, and are not read by consumers that read committed records alone. */
      readonly count: number
      readonly cause: Error
    }

/** Options of `transactionally()`. */
export interface TransactionallyOptions {
  /**
   * What an aborted transaction does. `'end'`: the stream errors with a `TransactionAbortedError`, and the transactions behind it are aborted as
   * well, because they usually depend on it. `'continue'`: it is emitted, and the next transaction goes on. Default `'end'`.
   */
  readonly onAborted?: 'end' | 'continue'
}

export const TRANSACTIONALLY_RULES: Rules<TransactionallyOptions> = { onAborted: oneOf('end', 'continue') }

/** What the records of a transaction are made from: a source of them, or the promise of an array. */
export type TransactionRecords = Source<ProducerRecord> | PromiseLike<Iterable<ProducerRecord>>

/** Makes the records of one transaction from a value of the source. */
export type TransactionProject<T> = (value: T, transaction: Transaction) => TransactionRecords

/** What the operator needs of a producer. */
export interface TransactionalProducer {
  begin(): { readonly open: OpenTransaction; readonly transaction: Transaction }
  readonly streams: OpenStreams
}

/** One value of the source, and its transaction. */
interface Run<T> {
  readonly value: T
  readonly open: OpenTransaction
  readonly transaction: Transaction
  readonly source: Subscription
  started: boolean
}

/**
 * Runs a transaction for each value of a source, in order.
 *
 * Inner Observables may be hot, such as those of `windowTime()`: they are subscribed to at once, and their records wait in the buffer until it is
 * their turn. Everything else is read when it is its turn, one transaction ahead: while one is being committed, the next one fills its batches.
 */
export class Transactionally<T> {
  readonly #producer: TransactionalProducer
  readonly #project: TransactionProject<T>
  readonly #continues: boolean
  readonly #subscriber: Subscriber<TransactionOutcome<T>>
  /** Values whose transactions have not begun. A source may emit any number at once. */
  readonly #values = new ValueQueue<T>()
  /** Those that have not ended, in order. */
  readonly #runs: Run<T>[] = []
  #sourceEnded = false
  #sourceError: unknown

  constructor(
    producer: TransactionalProducer,
    project: TransactionProject<T>,
    continues: boolean,
    subscriber: Subscriber<TransactionOutcome<T>>,
  ) {
    this.#producer = producer
    this.#project = project
    this.#continues = continues
    this.#subscriber = subscriber
  }

  observe(source: Observable<T>): Subscription {
    const all = new Subscription(() => this.#stop())
    const left$ = new Subject<void>()
    const leave = (error: Error): void => {
      // Values that are not sent are the same as a source that has not ended.
      if (this.#values.length > 0) this.#sourceEnded = false
      this.#values.clear()
      this.#ended(error)
      left$.next()
    }
    const close = (): void =>
      leave(new ProducerClosedError('the producer was closed before the source of transactionally() had ended'))
    all.add(
      this.#producer.streams.add({
        stopped: false,
        close,
        abandon: leave,
        serialized: () => undefined,
        oldest: undefined,
      }),
    )
    all.add(
      source.pipe(takeUntil(left$)).subscribe({
        next: value => this.#next(value),
        error: error => this.#ended(error),
        complete: () => this.#ended(undefined),
      }),
    )
    return all
  }

  #next(value: T): void {
    if (isObservable(value)) {
      // It may be hot. The values before it keep their place.
      while (this.#values.length > 0) this.#begin(this.#values.shift())
      this.#start(this.#begin(value))
    } else {
      this.#values.push(value)
      this.#startNext()
    }
  }

  #begin(value: T): Run<T> {
    const { open, transaction } = this.#producer.begin()
    const run = { value, open, transaction, source: new Subscription(), started: false }
    this.#runs.push(run)
    if (!this.#continues) open.signal.addEventListener('abort', () => this.#dropBehind(run), { once: true })
    open.committed().then(
      () => this.#settled(run),
      error => this.#settled(run, error),
    )
    return run
  }

  /** Reads the next value if the one before it has been read, and no more than one transaction is being committed. */
  #startNext(): void {
    const begun = this.#runs.findIndex(({ started }) => !started)
    const index = begun === -1 ? this.#runs.length : begun
    if (index > 1 || (begun === -1 && this.#values.length === 0)) return
    const before = this.#runs[index - 1]?.open
    if (before !== undefined && before.scope.closed === undefined) return
    this.#start(this.#runs[index] ?? this.#begin(this.#values.shift()))
  }

  #start(run: Run<T>): void {
    const { value, open, transaction } = run
    run.started = true
    let records: Source<ProducerRecord>
    try {
      records = sourceOf(this.#project(value, transaction))
      checkSource(records)
    } catch (error) {
      open.abort(error as Error)
      return
    }
    const sink = new TransactionSink(open.scope, error => this.#read(run, error))
    const overflow = isPulled(records) ? 'wait' : undefined
    const stream$ = this.#producer.streams.open<ProducerRecord, never>(
      {},
      overflow,
      () => sink,
      intake => pull(records, intake),
      open.scope,
    )
    run.source.add(stream$.subscribe({ error: error => open.abort(error) }))
  }

  /** All records of the value are accepted, or its source has failed. */
  #read({ open, transaction }: Run<T>, error: Error | undefined): void {
    if (error !== undefined) open.abort(error)
    else {
      // Not before its intake has stopped, which follows.
      queueMicrotask(() => {
        transaction.commit().catch(reason => open.abort(reason))
        this.#startNext()
      })
    }
  }

  #settled(run: Run<T>, error?: Error): void {
    run.source.unsubscribe()
    // Some of them may have come after it was aborted.
    if (error !== undefined && !this.#continues) this.#dropBehind(run)
    this.#runs.splice(this.#runs.indexOf(run), 1)
    const { value, open } = run
    const { acked: count } = open.scope
    if (error === undefined) this.#subscriber.next({ kind: 'committed', value, count })
    else if (this.#continues && open.is('aborted'))
      this.#subscriber.next({ kind: 'aborted', value, count, cause: open.cause! })
    else this.#subscriber.error(error)
    this.#startNext()
    this.#finish()
  }

  /** What comes behind an aborted transaction usually depends on it. */
  #dropBehind(run: Run<T>): void {
    this.#values.clear()
    const error = new KafkaError(`the transaction before it was aborted: ${describe(run.open.cause)}`)
    for (const { open } of this.#runs.slice(this.#runs.indexOf(run) + 1)) open.abort(error)
  }

  /** The source has ended, or the producer before it. */
  #ended(error: unknown): void {
    if (this.#sourceEnded) return
    this.#sourceEnded = true
    this.#sourceError = error
    this.#finish()
  }

  #finish(): void {
    if (!this.#sourceEnded || this.#runs.length > 0 || this.#values.length > 0) return
    if (this.#sourceError === undefined) this.#subscriber.complete()
    else this.#subscriber.error(this.#sourceError)
  }

  /** Nobody listens any more: what was not read whole must not be committed. */
  #stop(): void {
    this.#values.clear()
    for (const { open, source } of this.#runs) {
      if (open.is('gathering', 'open')) open.abort(new Error('the stream of transactions was left'))
      source.unsubscribe()
    }
  }
}

/** First in, first out, in constant time. */
class ValueQueue<T> {
  #values: T[] = []
  #head = 0

  get length(): number {
    return this.#values.length - this.#head
  }

  push(value: T): void {
    this.#values.push(value)
  }

  /** Only while there is one. */
  shift(): T {
    const value = this.#values[this.#head]!
    // What is taken need not stay in memory.
    this.#values[this.#head++] = undefined as never
    if (this.length === 0) this.clear()
    return value
  }

  clear(): void {
    this.#values = []
    this.#head = 0
  }
}

/** The sink of a transaction whose acks nobody reads one by one. */
class TransactionSink implements StreamSink {
  yields = false
  transaction: TransactionScope | undefined
  failed: ((error: Error) => void) | undefined
  readonly #scope: TransactionScope
  readonly #ended: (error: Error | undefined) => void

  constructor(scope: TransactionScope, ended: (error: Error | undefined) => void) {
    this.#scope = scope
    this.#ended = ended
  }

  accepted(): void {}

  settled(_batch: unknown, from: number, to: number, outcome: Outcome): void {
    this.#scope.settled(to - from, outcome)
  }

  neverBatched(record: ProducerRecord, error: Error): void {
    this.refuse(record, error)
  }

  refuse(_record: ProducerRecord, error: Error): void {
    this.failed?.(error)
    this.#scope.refused(error)
  }

  sourceEnded(error?: Error): void {
    this.#ended(error)
  }
}

function sourceOf(records: TransactionRecords): Source<ProducerRecord> {
  if (typeof (records as PromiseLike<unknown> | undefined)?.then !== 'function')
    return records as Source<ProducerRecord>
  const promised = records as PromiseLike<ProducerRecord | Iterable<ProducerRecord>>
  // If the transaction is aborted already, nobody reads it: its failure is no reason to end the process.
  promised.then(undefined, () => undefined)
  return from(promised).pipe(mergeMap(value => (Symbol.iterator in value ? value : of(value))))
}

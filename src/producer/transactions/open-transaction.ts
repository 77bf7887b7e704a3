import { BehaviorSubject, filter, firstValueFrom } from 'rxjs'
import { TransactionAbortedError } from '../../errors.js'
import type { Partition } from '../model/partition.js'
import { TransactionScope } from '../model/transaction-scope.js'
import { nextState, type TransactionState, type TransactionStep } from './states.js'

/** One transaction, from the call that begins it to its end. {@link Transactions} runs it. */
export class OpenTransaction {
  readonly scope: TransactionScope
  /** The partitions that its records were placed in. */
  readonly partitions: Set<Partition> = new Set()
  /** The groups whose offsets are committed with it. */
  readonly groups: Set<string> = new Set()
  /** Where its source stands; undefined: it was not told. */
  position: string | undefined
  /** Offsets on their way to the group's coordinator. */
  readonly offsets: Promise<void>[] = []
  readonly #states = new BehaviorSubject<TransactionState>('gathering')
  #state: TransactionState = 'gathering'
  readonly #controller = new AbortController()
  #cause: Error | undefined

  /** @param turn its place among the transactions of the producer. */
  constructor(turn: number) {
    this.scope = new TransactionScope(turn, error => this.abort(error))
  }

  /** Is aborted when the transaction can't be committed any more. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Why it was aborted. */
  get cause(): Error | undefined {
    return this.#cause
  }

  is(...states: readonly TransactionState[]): boolean {
    return states.includes(this.#state)
  }

  /** Resolves when it is in one of these states. Rejects with the reason why the producer can't go on. */
  async until(...states: readonly TransactionState[]): Promise<void> {
    await firstValueFrom(this.#states.pipe(filter(state => states.includes(state))))
  }

  /** Resolves when it is committed. Rejects with a {@link TransactionAbortedError}, or with the reason why the producer can't go on. */
  async committed(): Promise<void> {
    await this.until('committed', 'aborted')
    if (this.is('aborted')) throw this.scope.dropped
  }

  step(step: TransactionStep): void {
    this.#state = nextState(this.#state, step)
    this.#states.next(this.#state)
  }

  /**
   * It can't be committed, unless it is being committed already. Its records are dropped, and the coordinator is told, when it is its turn.
   */
  abort(cause: Error): void {
    if (!this.is('committing')) this.refused(cause)
  }

  /** As {@link abort}, and the coordinator said so: even when it was asked to commit. */
  refused(cause: Error): void {
    if (this.is('aborting', 'committed', 'aborted') || this.#states.hasError) return
    const error = new TransactionAbortedError(cause)
    this.#cause = cause
    this.scope.closed ??= error
    this.scope.dropped = error
    this.step('abort')
    // Not within the pipeline: the user's listeners may do anything.
    queueMicrotask(() => this.#controller.abort(error))
  }

  /** The producer can't go on. */
  fail(error: Error): void {
    if (this.is('committed', 'aborted') || this.#states.hasError) return
    this.scope.closed ??= error
    this.scope.dropped ??= error
    this.#cause ??= error
    this.#states.error(error)
    queueMicrotask(() => this.#controller.abort(error))
  }
}

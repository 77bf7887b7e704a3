import { Subject } from 'rxjs'
import type { Batch } from '../model/batch.js'
import type { ResolvedOptions } from '../options/options.js'
import { Deadlines } from '../time/deadlines.js'

/** Every batch that has no outcome yet, with its linger and its delivery timeout. */
export class UnsettledBatches {
  /** Emits a batch that reached `deliveryTimeoutMs`. */
  readonly expired$: Subject<Batch> = new Subject<Batch>()
  /** Emits a batch that has lingered, or that must not linger any longer. */
  readonly due$: Subject<Batch> = new Subject<Batch>()
  readonly #linger: number
  readonly #all = new Set<Batch>()
  readonly #lingering: Deadlines<Batch>
  readonly #deliveries: Deadlines<Batch>
  #opened = 0

  constructor({
    scheduler,
    linger,
    deliveryTimeoutMs,
  }: Pick<ResolvedOptions, 'scheduler' | 'linger' | 'deliveryTimeoutMs'>) {
    this.#linger = linger
    this.#lingering = new Deadlines(scheduler, linger, batch => this.makeDue(batch))
    this.#deliveries = new Deadlines(scheduler, deliveryTimeoutMs, batch => this.expired$.next(batch))
  }

  [Symbol.iterator](): IterableIterator<Batch> {
    return this.#all.values()
  }

  /** @param acceptedAt when its first record was accepted; its delivery timeout runs since then. */
  open(batch: Batch, acceptedAt: number, now: number): void {
    batch.opened = this.#opened++
    batch.openedAt = now
    this.#all.add(batch)
    this.#deliveries.add(batch, acceptedAt)
    if (this.#linger === 0) batch.due = true
    else this.#lingering.add(batch, now)
  }

  /** A record that was accepted at `acceptedAt` joined the batch. Younger records may expire early, so that it does not expire late. */
  joined(batch: Batch, acceptedAt: number): void {
    this.#deliveries.startedAt(batch, acceptedAt)
  }

  /** When the batch's delivery timeout began. */
  since(batch: Batch): number {
    return this.#deliveries.since(batch)
  }

  /** When the oldest record of all was accepted; undefined without batches. */
  get oldest(): number | undefined {
    return this.#deliveries.oldest
  }

  makeDue(batch: Batch): void {
    if (batch.due) return
    batch.due = true
    this.due$.next(batch)
  }

  /** Ends the linger of every batch. */
  makeAllDue(): void {
    this.#lingering.expireAll()
  }

  /** Replaces the batch by its parts, which inherit its delivery timeout. */
  split(batch: Batch, parts: readonly Batch[]): void {
    this.#all.delete(batch)
    this.#lingering.delete(batch)
    for (const part of parts) this.#all.add(part)
    this.#deliveries.replace(batch, parts)
  }

  delete(batch: Batch): void {
    this.#all.delete(batch)
    this.#deliveries.delete(batch)
    this.#lingering.delete(batch)
  }
}

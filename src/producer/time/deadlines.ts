import { type SchedulerLike, Subscription } from 'rxjs'

/**
 * Items with the same timeout. One timer serves all of them; it scans them only when it fires.
 */
export class Deadlines<T> {
  readonly #scheduler: SchedulerLike
  readonly #timeMs: number
  readonly #expired: (item: T) => void
  /** Items, with the time at which each expires. */
  #items = new Map<T, number>()
  #timer: Subscription = Subscription.EMPTY
  #timerDue = 0

  constructor(scheduler: SchedulerLike, timeMs: number, expired: (item: T) => void) {
    this.#scheduler = scheduler
    this.#timeMs = timeMs
    this.#expired = expired
  }

  has(item: T): boolean {
    return this.#items.has(item)
  }

  /** @param since when the item's timeout began, by the scheduler's clock. */
  add(item: T, since: number): void {
    const due = since + this.#timeMs
    this.#items.set(item, due)
    if (this.#timer.closed || due < this.#timerDue) this.#wait(due)
  }

  /** Corrects when an item's timeout began, if that was earlier. */
  startedAt(item: T, since: number): void {
    const due = since + this.#timeMs
    if (due < (this.#items.get(item) ?? Number.NEGATIVE_INFINITY)) this.add(item, since)
  }

  /** Returns when an item's timeout began. */
  since(item: T): number {
    return this.#items.get(item)! - this.#timeMs
  }

  /** When the timeout that began first did; undefined without items. O(n) in the number of items. */
  get oldest(): number | undefined {
    if (this.#items.size === 0) return undefined
    let due = Number.POSITIVE_INFINITY
    for (const at of this.#items.values()) due = Math.min(due, at)
    return due - this.#timeMs
  }

  /** Removes an item. The timer stays, and finds nothing due; without items there is none. */
  delete(item: T): void {
    this.#items.delete(item)
    if (this.#items.size === 0) this.#timer.unsubscribe()
  }

  /** Replaces an item by others, which inherit the rest of its timeout. O(n) in the number of items; only called when a batch splits. */
  replace(item: T, others: readonly T[]): void {
    const replaced = [...this.#items].flatMap(([each, due]): [T, number][] =>
      each === item ? others.map(other => [other, due]) : [[each, due]],
    )
    this.#items = new Map(replaced)
  }

  /** Expires every item now. */
  expireAll(): void {
    this.#timer.unsubscribe()
    const items = [...this.#items.keys()]
    this.#items.clear()
    for (const item of items) this.#expired(item)
  }

  /** Removes every item. */
  clear(): void {
    this.#items.clear()
    this.#timer.unsubscribe()
  }

  #wait(due: number): void {
    this.#timer.unsubscribe()
    this.#timerDue = due
    this.#timer = this.#scheduler.schedule(() => this.#expire(), Math.max(0, due - this.#scheduler.now()))
  }

  #expire(): void {
    // It has fired, though it does not count as closed while this runs.
    this.#timer = Subscription.EMPTY
    const now = this.#scheduler.now()
    const due = [...this.#items].filter(([, at]) => at <= now)
    for (const [item] of due) this.#items.delete(item)
    let next = Number.POSITIVE_INFINITY
    for (const at of this.#items.values()) next = Math.min(next, at)
    if (next < Number.POSITIVE_INFINITY) this.#wait(next)
    for (const [item] of due) this.#expired(item)
  }
}

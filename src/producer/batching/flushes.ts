/** The pending calls of `flush()`. Each waits for the items that were unsettled when it was made, and for no later ones. */
export class Flushes<T> {
  readonly #waiting = new Set<{ readonly items: Set<T>; readonly done: () => void }>()

  /** Resolves when every item has {@link ended}. */
  begin(items: Iterable<T>): Promise<void> {
    const set = new Set(items)
    if (set.size === 0) return Promise.resolve()
    return new Promise(resolve => this.#waiting.add({ items: set, done: resolve }))
  }

  ended(item: T): void {
    for (const flush of this.#waiting) {
      if (flush.items.delete(item) && flush.items.size === 0) {
        this.#waiting.delete(flush)
        flush.done()
      }
    }
  }

  /** `item` became part of `into`: whoever waits for `item` waits for `into` instead. Returns whether anyone does. */
  moved(item: T, into: T): boolean {
    return this.split(item, [into])
  }

  /** As {@link moved}, into several items. */
  split(item: T, into: Iterable<T>): boolean {
    let awaited = false
    for (const flush of this.#waiting) {
      if (!flush.items.delete(item)) continue
      for (const one of into) flush.items.add(one)
      awaited = true
    }
    return awaited
  }
}

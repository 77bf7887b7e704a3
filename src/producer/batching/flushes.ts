/** The calls of `flush()` that wait: each for the items that were under way when it came, and for no later ones. */
export class Flushes<T> {
  readonly #waiting = new Set<{ readonly items: Set<T>; readonly done: () => void }>()

  /** Resolves when every one of `items` has ended. */
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

  /** `item` has become part of `into`: who waits for the one waits for the other from here on. Tells whether anyone does. */
  moved(item: T, into: T): boolean {
    return this.split(item, [into])
  }

  /** As {@link moved}, into several. */
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

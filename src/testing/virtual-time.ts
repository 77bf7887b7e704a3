import { VirtualTimeScheduler } from 'rxjs'

/**
 * A scheduler whose time passes only when it is told to. Between two steps it lets promises and microtasks run, so code
 * that mixes timers with `await` behaves as in real time, in no time.
 *
 * @example
 * const time = new VirtualTime()
 * const network = new MemoryNetwork({ scheduler: time })
 * const cluster = await startCluster({ scheduler: time, network })
 * const producer = createProducer({ brokers: cluster.brokers, scheduler: time, transport: network })
 * await time.until(producer.flush())
 */
export class VirtualTime extends VirtualTimeScheduler {
  /** Actions that are scheduled and neither done nor cancelled. */
  get pending(): number {
    return this.actions.filter(action => !action.closed).length
  }

  /** Lets so many ms pass. */
  async advance(ms: number): Promise<void> {
    const end = this.frame + ms
    await settle()
    while (this.#next() <= end) {
      this.#step()
      await settle()
    }
    this.frame = end
  }

  /**
   * Lets time pass until a promise is settled, or a predicate holds; gives the promise's value.
   *
   * @param limitMs how much time that may take; default an hour.
   * @throws when it takes longer, or when nothing is scheduled any more that could bring it about.
   */
  async until<T>(goal: Promise<T> | (() => boolean), limitMs = 3_600_000): Promise<T | undefined> {
    const end = this.frame + limitMs
    let done = false
    let outcome: () => T | undefined = () => undefined
    if (typeof goal !== 'function') {
      goal.then(
        value => {
          done = true
          outcome = () => value
        },
        error => {
          done = true
          outcome = () => {
            throw error
          }
        },
      )
    }
    for (;;) {
      await settle()
      if (done || (typeof goal === 'function' && goal())) return outcome()
      if (this.#next() === Number.POSITIVE_INFINITY) {
        throw new Error(`at ${this.frame} ms of virtual time nothing is scheduled any more, and it has not happened`)
      }
      if (this.#next() > end) throw new Error(`it has not happened within ${limitMs} ms of virtual time`)
      this.#step()
    }
  }

  /** Lets time pass until nothing is scheduled any more. */
  async idle(): Promise<void> {
    await settle()
    while (this.#next() < Number.POSITIVE_INFINITY) {
      this.#step()
      await settle()
    }
  }

  /** When the next action is due. */
  #next(): number {
    let next = Number.POSITIVE_INFINITY
    for (const action of this.actions) if (!action.closed) next = Math.min(next, action.delay)
    return next
  }

  /** Runs all that is due next. */
  #step(): void {
    this.maxFrames = this.#next()
    this.flush()
    this.frame = Math.max(this.frame, this.maxFrames)
  }
}

/** Lets everything run that waits for nothing but its turn. */
function settle(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

import { VirtualTimeScheduler } from 'rxjs'
import { backgroundWorkDone } from '../background-work.js'

/**
 * A scheduler whose time passes only on command. Between two steps it lets promises and microtasks run, so code
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
    return this.actions.length
  }

  /** Advances the time by `ms`. */
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
   * @throws {Error} when it takes longer, or when nothing is scheduled that could settle it.
   */
  until<T>(goal: Promise<T>, limitMs?: number): Promise<T>
  until(goal: () => boolean, limitMs?: number): Promise<void>
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
    for (let idleTurns = 0; ; ) {
      await settle()
      if (done || (typeof goal === 'function' && goal())) return outcome()
      if (this.#next() === Number.POSITIVE_INFINITY) {
        if (idleTurns++ < IDLE_TURNS) continue
        throw new Error(`at ${this.frame} ms of virtual time nothing is scheduled any more, and it has not happened`)
      }
      idleTurns = 0
      if (this.#next() > end) throw new Error(`it has not happened within ${limitMs} ms of virtual time`)
      this.#step()
    }
  }

  /**
   * Lets time pass until nothing is scheduled any more.
   *
   * @param limitMs how much time that may take; default an hour.
   * @throws {Error} when it takes longer: something repeats for ever.
   */
  async idle(limitMs = 3_600_000): Promise<void> {
    const end = this.frame + limitMs
    await settle()
    while (this.#next() < Number.POSITIVE_INFINITY) {
      if (this.#next() > end) {
        throw new Error(`after ${limitMs} ms of virtual time ${this.pending} timers are still scheduled`)
      }
      this.#step()
      await settle()
    }
  }

  /** When the next action is due: RxJS keeps them in order, without those that were cancelled. */
  #next(): number {
    return this.actions[0]?.delay ?? Number.POSITIVE_INFINITY
  }

  /** Runs all that is due next. */
  #step(): void {
    this.maxFrames = this.#next()
    this.flush()
  }
}

/** How many turns of the event loop to wait for something that needs several, such as a stream. */
const IDLE_TURNS = 20

/** Runs everything that is due now, and waits for the threads that derive keys. */
async function settle(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
  await backgroundWorkDone()
}

import type { SchedulerLike, Subscription } from 'rxjs'
import { type BackoffOptions, backoffMs, concurrentBackoff } from '../../cluster/backoff.js'

/** The least time between two slots of a broker, in ms. */
const GAP = 100

interface RetryOptions extends BackoffOptions {
  readonly scheduler: SchedulerLike
}

interface Slot {
  readonly at: number
  readonly actions: (() => void)[]
}

/**
 * Times at which partitions end their back-off. The partitions of one broker do so together, at most a few times a second: however
 * many they are, they fill a few requests instead of sending one each.
 */
export class RetrySlots {
  readonly #options: RetryOptions
  readonly #life: Subscription
  /** By node, in time order. The last one may be over: the next slot is at least a gap behind it. */
  readonly #slots = new Map<number, Slot[]>()
  /** Those after CONCURRENT_TRANSACTIONS, which wait for no other back-off. */
  readonly #concurrent = new Map<number, Slot[]>()

  /** @param life ends every timer when it is unsubscribed. */
  constructor(options: RetryOptions, life: Subscription) {
    this.#options = options
    this.#life = life
  }

  /** The node has left the cluster. Partitions that have a slot keep it. */
  left(nodeId: number): void {
    this.#slots.delete(nodeId)
    this.#concurrent.delete(nodeId)
  }

  /**
   * Calls back in the node's first slot at the end of the back-off.
   *
   * @param failures in a row, from 1.
   * @param concurrent whether the coordinator only completes the transaction before: then the back-off is short.
   */
  add(nodeId: number, failures: number, concurrent: boolean, action: () => void): void {
    const options = concurrent ? concurrentBackoff(this.#options) : this.#options
    const all = concurrent ? this.#concurrent : this.#slots
    this.#add(all, nodeId, backoffMs(failures, options), Math.min(GAP, options.retryBackoffMs), action)
  }

  #add(all: Map<number, Slot[]>, nodeId: number, delayMs: number, gap: number, action: () => void): void {
    const { scheduler } = this.#options
    const now = scheduler.now()
    const dueAt = now + delayMs
    const slots = (all.get(nodeId) ?? []).filter((slot, i, known) => slot.at > now || i === known.length - 1)
    all.set(nodeId, slots)
    const open = slots.find(slot => slot.at > now && slot.at >= dueAt)
    if (open !== undefined) {
      open.actions.push(action)
      return
    }
    const at = Math.max(dueAt, (slots.at(-1)?.at ?? Number.NEGATIVE_INFINITY) + gap)
    const slot = { at, actions: [action] }
    slots.push(slot)
    const timer = scheduler.schedule(() => {
      this.#life.remove(timer)
      for (const act of slot.actions) act()
    }, at - now)
    this.#life.add(timer)
  }
}

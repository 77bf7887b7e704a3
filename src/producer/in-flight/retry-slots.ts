import type { SchedulerLike, Subscription } from 'rxjs'

/** The least time between two slots of a broker, in ms. */
const GAP = 100

interface Slot {
  readonly at: number
  readonly actions: (() => void)[]
}

/**
 * Times at which partitions end their back-off. The partitions of one broker do so together, at most a few times a second: however
 * many they are, they fill a few requests instead of sending one each.
 */
export class RetrySlots {
  readonly #scheduler: SchedulerLike
  readonly #gap: number
  readonly #life: Subscription
  /** By node, in time order. The last one may be over: the next slot is at least a gap behind it. */
  readonly #slots = new Map<number, Slot[]>()

  /** @param life ends every timer when it is unsubscribed. */
  constructor(options: { readonly scheduler: SchedulerLike; readonly retryBackoffMs: number }, life: Subscription) {
    this.#scheduler = options.scheduler
    this.#gap = Math.min(GAP, options.retryBackoffMs)
    this.#life = life
  }

  /** The node has left the cluster. Partitions that have a slot keep it. */
  left(nodeId: number): void {
    this.#slots.delete(nodeId)
  }

  /** Calls back in the node's first slot that is at least `delayMs` away. */
  add(nodeId: number, delayMs: number, action: () => void): void {
    const now = this.#scheduler.now()
    const dueAt = now + delayMs
    const slots = (this.#slots.get(nodeId) ?? []).filter((slot, i, all) => slot.at > now || i === all.length - 1)
    this.#slots.set(nodeId, slots)
    const open = slots.find(slot => slot.at > now && slot.at >= dueAt)
    if (open !== undefined) {
      open.actions.push(action)
      return
    }
    const at = Math.max(dueAt, (slots.at(-1)?.at ?? Number.NEGATIVE_INFINITY) + this.#gap)
    const slot = { at, actions: [action] }
    slots.push(slot)
    const timer = this.#scheduler.schedule(() => {
      this.#life.remove(timer)
      for (const act of slot.actions) act()
    }, at - now)
    this.#life.add(timer)
  }
}

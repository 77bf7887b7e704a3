import type { SchedulerLike, Subject, Subscription } from 'rxjs'
import type { ProducerEvent } from '../model/events.js'
import type { Obstacles } from '../model/obstacles.js'
import type { BrokerWindow, BrokerWindows } from './broker-windows.js'

/** Pauses the windows of brokers that ask for it, as for a quota (KIP-219). */
export class Throttle {
  readonly #scheduler: SchedulerLike
  readonly #windows: BrokerWindows
  readonly #obstacles: Obstacles
  readonly #events$: Subject<ProducerEvent>
  readonly #life: Subscription

  /** @param life ends every pause when it is unsubscribed. */
  constructor(
    scheduler: SchedulerLike,
    windows: BrokerWindows,
    obstacles: Obstacles,
    events$: Subject<ProducerEvent>,
    life: Subscription,
  ) {
    this.#scheduler = scheduler
    this.#windows = windows
    this.#obstacles = obstacles
    this.#events$ = events$
    this.#life = life
  }

  /** Sends nothing to the broker for so long. Its connection knows of the pause, too: what is in flight is answered later. */
  pause({ nodeId }: BrokerWindow, throttleTimeMs: number): void {
    this.#obstacles.pauseBegan(nodeId, throttleTimeMs)
    // The end is the timer, not the clock: a timer may fire a little before its time by the clock.
    const timer = this.#scheduler.schedule(() => {
      this.#life.remove(timer)
      this.#obstacles.pauseEnded(nodeId)
      // The node may have a new window by now.
      this.#windows.get(nodeId)?.wake$.next()
    }, throttleTimeMs)
    this.#life.add(timer)
    this.#events$.next({ kind: 'throttled', nodeId, throttleTimeMs })
  }
}

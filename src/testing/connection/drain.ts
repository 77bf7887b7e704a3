import { type SchedulerLike, Subscription } from 'rxjs'

/** How often a slow reader reads, in ms. */
const INTERVAL_MS = 100

/**
 * Reads a connection as a broker does: everything at once, until it is set to read slowly. Then it holds the sender back,
 * and what has come already is handed on at the rate.
 */
export class Drain {
  readonly #scheduler: SchedulerLike
  readonly #hold: () => void
  readonly #sink: (bytes: Buffer) => void
  #bytesPerSecond = Number.POSITIVE_INFINITY
  #waiting: Buffer = Buffer.alloc(0)
  /** Bytes that could have been read and were not there, less than one interval's. */
  #credit = 0
  #tick: Subscription = Subscription.EMPTY

  /**
   * @param hold called with true when the sender is to send no more for now, with false when it may again.
   * @param sink receives the bytes that were read.
   */
  constructor(scheduler: SchedulerLike, hold: (held: boolean) => void, sink: (bytes: Buffer) => void) {
    this.#scheduler = scheduler
    this.#hold = () => hold(this.#waiting.length > 0)
    this.#sink = sink
  }

  slow(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond
  }

  push(chunk: Buffer): void {
    if (this.#bytesPerSecond === Number.POSITIVE_INFINITY) {
      this.#sink(chunk)
      return
    }
    this.#waiting = Buffer.concat([this.#waiting, chunk])
    this.#hold()
    if (this.#tick.closed) this.#later()
  }

  stop(): void {
    this.#tick.unsubscribe()
    this.#waiting = Buffer.alloc(0)
  }

  #later(): void {
    this.#tick = this.#scheduler.schedule(() => this.#read(), INTERVAL_MS)
  }

  #read(): void {
    this.#tick.unsubscribe()
    const able = this.#credit + (this.#bytesPerSecond * INTERVAL_MS) / 1000
    const size = Math.min(Math.floor(able), this.#waiting.length)
    const bytes = this.#waiting.subarray(0, size)
    this.#waiting = this.#waiting.subarray(size)
    this.#credit = this.#waiting.length > 0 ? able - size : 0
    // Before the bytes are handed on: that may end the connection.
    if (this.#waiting.length > 0) this.#later()
    this.#hold()
    if (size > 0) this.#sink(bytes)
  }
}

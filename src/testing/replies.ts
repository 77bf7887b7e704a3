import { type SchedulerLike, Subscription } from 'rxjs'
import type { ServerSocket } from './network.js'

/** The place of one answer in the order of a connection's answers. */
export interface Reply {
  /**
   * The answer is there; it leaves after `delayMs`, and not before those in front of it.
   *
   * @param after what to do once it has left.
   */
  send(bytes: Buffer, delayMs: number, after?: () => void): void
}

interface Expected {
  bytes: Buffer | undefined
  readonly left: () => void
  after: (() => void) | undefined
}

/** Answers leave in the order in which their requests came, each as soon as it is ready and those before it have left. */
export class Replies {
  readonly #socket: ServerSocket
  readonly #scheduler: SchedulerLike
  readonly #delays = new Subscription()
  readonly #expected: Expected[] = []

  constructor(socket: ServerSocket, scheduler: SchedulerLike) {
    this.#socket = socket
    this.#scheduler = scheduler
  }

  /** @param left called when the answer leaves. */
  expect(left: () => void): Reply {
    const expected: Expected = { bytes: undefined, left, after: undefined }
    this.#expected.push(expected)
    return {
      send: (bytes, delayMs, after) => {
        const ready = (): void => {
          expected.bytes = bytes
          expected.after = after
          this.#flush()
        }
        if (delayMs === 0) ready()
        else this.#later(ready, delayMs)
      },
    }
  }

  stop(): void {
    this.#delays.unsubscribe()
  }

  #later(action: () => void, delayMs: number): void {
    const delay = this.#scheduler.schedule(() => {
      this.#delays.remove(delay)
      action()
    }, delayMs)
    this.#delays.add(delay)
  }

  #flush(): void {
    for (let next = this.#expected[0]; next?.bytes !== undefined; next = this.#expected[0]) {
      this.#expected.shift()
      this.#socket.write(next.bytes)
      next.left()
      next.after?.()
    }
  }
}

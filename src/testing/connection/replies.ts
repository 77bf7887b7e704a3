import { type SchedulerLike, Subscription } from 'rxjs'
import type { ServerSocket } from '../network/network.js'

interface Reply {
  ready: boolean
  readonly leave: () => void
}

/**
 * The responses on their way out of a connection. Each delay runs from when the response was added, so responses that were added together
 * leave together; a longer delay holds back the responses behind it.
 */
export class Replies {
  readonly #socket: ServerSocket
  readonly #scheduler: SchedulerLike
  readonly #delays = new Subscription()
  readonly #queue: Reply[] = []
  #whenEmpty: (() => void) | undefined

  constructor(socket: ServerSocket, scheduler: SchedulerLike) {
    this.#socket = socket
    this.#scheduler = scheduler
  }

  /**
   * @param delayMs the delay; a response never leaves before earlier ones.
   * @param left called when it leaves.
   * @param after called last, when it has left.
   */
  send(bytes: Buffer, delayMs: number, left: () => void, after?: () => void): void {
    const leave = (): void => {
      this.#socket.write(bytes)
      left()
      after?.()
    }
    const reply: Reply = { ready: delayMs === 0, leave }
    this.#queue.push(reply)
    if (reply.ready) this.#flush()
    else this.#later(reply, delayMs)
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  /** Calls back when every response has left: now, or later. */
  whenEmpty(action: () => void): void {
    this.#whenEmpty = action
    this.#flush()
  }

  stop(): void {
    this.#delays.unsubscribe()
  }

  #later(reply: Reply, delayMs: number): void {
    const delay = this.#scheduler.schedule(() => {
      this.#delays.remove(delay)
      reply.ready = true
      this.#flush()
    }, delayMs)
    this.#delays.add(delay)
  }

  #flush(): void {
    while (this.#queue[0]?.ready) this.#queue.shift()?.leave()
    if (this.#queue.length > 0) return
    const action = this.#whenEmpty
    this.#whenEmpty = undefined
    action?.()
  }
}

/** Answers on their way to a client: at once, or each so many ms after its request, in the order of requests. */

export class Replies {
  readonly #delayMs: number
  readonly #write: (frame: Buffer, produced: number) => void
  #queue: { readonly frame: Buffer; readonly produced: number; readonly due: number }[] = []
  #timer: NodeJS.Timeout | undefined
  #soon: NodeJS.Immediate | undefined

  constructor(delayMs: number, write: (frame: Buffer, produced: number) => void) {
    this.#delayMs = delayMs
    this.#write = write
  }

  send(frame: Buffer, toProduce: boolean): void {
    const produced = toProduce ? 1 : 0
    const delayMs = toProduce ? this.#delayMs : 0
    if (this.#queue.length === 0 && delayMs === 0) {
      this.#write(frame, produced)
    } else {
      this.#queue.push({ frame, produced, due: performance.now() + delayMs })
      this.#arm()
    }
  }

  stop(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#soon)
    this.#queue = []
  }

  /** Timers count whole milliseconds: the last of them is waited for turn by turn, or 10 ms would be anything up to 11.5. */
  #arm(): void {
    const [first] = this.#queue
    if (first === undefined || this.#timer !== undefined || this.#soon !== undefined) return
    const left = first.due - performance.now()
    if (left >= 1) {
      this.#timer = setTimeout(() => this.#sendDue(), Math.floor(left))
    } else {
      this.#soon = setImmediate(() => this.#sendDue())
    }
  }

  #sendDue(): void {
    this.#timer = undefined
    this.#soon = undefined
    const now = performance.now()
    let due = 0
    while (due < this.#queue.length && this.#queue[due]!.due <= now) due++
    for (const { frame, produced } of this.#queue.splice(0, due)) this.#write(frame, produced)
    this.#arm()
  }
}

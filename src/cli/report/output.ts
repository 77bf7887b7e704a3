import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** Standard output, for whoever reads it: nothing is written any more once nobody does, as behind `| head`. */
export class Output {
  readonly #out: Writable
  #closed = false

  constructor(out: Writable) {
    this.#out = out
    out.once('error', () => {
      this.#closed = true
    })
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Resolves when there is room for more. */
  async line(text: string): Promise<void> {
    if (this.#closed || this.#out.write(`${text}\n`)) return
    await Promise.race([once(this.#out, 'drain'), once(this.#out, 'close')]).catch(() => {})
  }
}

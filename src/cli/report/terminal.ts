import type { Writable } from 'node:stream'
import { printable } from '../../errors.js'

/** Standard error: lines, and on a terminal one line below them that changes. */
export class Terminal {
  readonly #out: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  #status = ''

  constructor(out: Writable & { readonly isTTY?: boolean; readonly columns?: number }) {
    this.#out = out
  }

  get isInteractive(): boolean {
    return this.#out.isTTY === true
  }

  /** Writes lines. Brokers and files have a say in many of them, so nothing in them moves the cursor or changes a colour. */
  line(text: string): void {
    const safe = text.split('\n').map(printable).join('\n')
    this.#out.write(`${this.#clear()}${safe}\n${this.#status}`)
  }

  /** Replaces the line that changes; '' removes it. Without a terminal there is none. */
  status(text: string): void {
    if (!this.isInteractive || text === this.#status) return
    const clear = this.#clear()
    this.#status = printable(text).slice(0, Math.max(0, (this.#out.columns ?? 80) - 1))
    this.#out.write(clear + this.#status)
  }

  #clear(): string {
    return this.#status === '' ? '' : '\r\u001b[2K'
  }
}

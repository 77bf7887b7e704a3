import type { DashboardState, Line } from '../../src/dashboard/state.js'

/** What the page gets first. */
export interface Hello {
  readonly token: string
  readonly rules: readonly string[]
  readonly actions: readonly { readonly label: string }[]
}

interface Messages {
  hello: Hello
  state: DashboardState
  line: Line
  note: { readonly title: string; readonly text: string; readonly rule?: number }
}

/** A client of the dashboard's stream, as a page is one. */
export class Page implements AsyncDisposable {
  readonly all: { readonly event: string; readonly data: unknown }[] = []
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>
  readonly #abort = new AbortController()
  #wake = (): void => {}

  private constructor(response: Response, abort: AbortController) {
    this.#abort = abort
    this.ended = this.#read(response).catch(() => {})
  }

  static async open(url: string): Promise<Page> {
    const abort = new AbortController()
    return new Page(await fetch(new URL('/events', url), { signal: abort.signal }), abort)
  }

  /** Resolves to the first message, of those to come and those that came, that fits. */
  async until<K extends keyof Messages>(
    event: K,
    fits: (data: Messages[K]) => boolean = () => true,
  ): Promise<Messages[K]> {
    for (let i = 0; ; i++) {
      while (i >= this.all.length) await new Promise<void>(resolve => (this.#wake = resolve))
      const message = this.all[i]!
      if (message.event === event && fits(message.data as Messages[K])) return message.data as Messages[K]
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    await this.ended
  }

  async #read(response: Response): Promise<void> {
    let text = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const messages = (text + chunk).split('\n\n')
      text = messages.pop()!
      for (const message of messages) {
        const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(message) ?? []
        if (event !== undefined) this.all.push({ event, data: JSON.parse(data!) })
      }
      this.#wake()
    }
  }
}

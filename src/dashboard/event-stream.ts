import type { ServerResponse } from 'node:http'

/** Bytes that a client may leave unread, beside what the kernel holds. */
const MOST_UNREAD = 1024 * 1024

/** How many pages may be open at once. */
export const MOST_CLIENTS = 32

/** The pages that watch, as Server-Sent Events. A client that reads too slowly is dropped; its browser comes back by itself. */
export class EventStream {
  readonly #clients = new Set<ServerResponse>()
  readonly #changed: (clients: number) => void

  /** @param changed told how many clients there are, when that changes. */
  constructor(changed: (clients: number) => void) {
    this.#changed = changed
  }

  get size(): number {
    return this.#clients.size
  }

  /** @param first what the client gets before anything else. */
  add(client: ServerResponse, first: readonly string[]): void {
    client.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    client.write(`retry: 1000\n\n${first.join('')}`)
    this.#clients.add(client)
    client.on('close', () => {
      if (this.#clients.delete(client)) this.#changed(this.size)
    })
    this.#changed(this.size)
  }

  send(message: string): void {
    for (const client of this.#clients) {
      if (client.writableLength > MOST_UNREAD) client.destroy()
      else client.write(message)
    }
  }

  /** Ends all of them. */
  end(): void {
    for (const client of this.#clients) client.end()
  }
}

/** One message. JSON has no line breaks, so one line of data holds it. */
export function serverSentEvent(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

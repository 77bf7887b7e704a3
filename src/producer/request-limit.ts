import { ConnectionError } from '../errors.js'
import type { Connection } from '../transport/connection.js'

/** A request of fewer bytes is not suspected: brokers that take so few take nothing. */
const LEAST = 8_192

/**
 * How large a request to one broker may be. At one that is larger than its `socket.request.max.bytes` a broker closes the
 * connection, without a word. So the second close in a row at a request that is larger than any that was answered counts
 * as that, and the next one is half as large: it carries fewer batches, never a divided one, for what was sent may be stored.
 */
export class RequestLimit {
  readonly #maxRequestSize: number
  #bytes: number
  /** Of the largest request that was answered. */
  #answered = 0
  /** The connection that ended last with a request that may have been too large; its other requests tell nothing more. */
  #ended: Connection | undefined
  /** In a row. */
  #ends = 0

  constructor(maxRequestSize: number) {
    this.#maxRequestSize = maxRequestSize
    this.#bytes = maxRequestSize
  }

  /** Bytes of the largest request. */
  get bytes(): number {
    return this.#bytes
  }

  answered(bytes: number): void {
    this.#ends = 0
    if (bytes > this.#answered) this.#answered = bytes
  }

  /** A request came to nothing: gives the error, which says so if that may be the request's size. */
  lost(connection: Connection, bytes: number, error: Error): Error {
    if (!connection.endedByBroker || connection === this.#ended) return error
    this.#ended = connection
    if (bytes < LEAST || bytes <= this.#answered) return error
    if (++this.#ends < 2) return error
    this.#bytes = Math.min(this.#bytes, Math.max(LEAST, bytes >> 1))
    return new ConnectionError(
      `the broker at ${connection.name} closed the connection at a request of about ${bytes} bytes, as it did the last time, and has` +
        ' answered none of that size: its `socket.request.max.bytes` may be less. Smaller requests are tried; raise that setting of the' +
        ` broker, or lower option \`maxRequestSize\` (${this.#maxRequestSize})`,
      { cause: error },
    )
  }
}

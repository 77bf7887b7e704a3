import { ConnectionError } from '../../errors.js'
import type { Connection } from '../../transport/connection.js'

/** Smaller requests are never suspected of being too large. */
const LEAST = 8_192

/**
 * How large a request to one broker may be. A broker closes the connection, without an error, at a request that exceeds its
 * `socket.request.max.bytes`. After two closes in a row at a request larger than any answered one, the limit halves. Requests then
 * carry fewer batches; a batch is never divided, because it may be stored.
 */
export class RequestLimit {
  readonly #maxRequestSize: number
  #bytes: number
  /** Size of the largest answered request. */
  #largestAnswered = 0
  /** The last connection that the broker closed. Its other lost requests are not counted again. */
  #ended: Connection | undefined
  /** Suspicious closes in a row. */
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
    if (bytes > this.#largestAnswered) this.#largestAnswered = bytes
  }

  /** Notes a lost request. Returns its error, which names the limit if the request may have exceeded it. */
  lost(connection: Connection, bytes: number, error: Error): Error {
    if (!connection.endedByBroker || connection === this.#ended) return error
    this.#ended = connection
    if (bytes < LEAST || bytes <= this.#largestAnswered) return error
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

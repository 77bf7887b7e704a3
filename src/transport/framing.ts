import { MalformedMessageError } from '../errors.js'

/*
 * Frame => Size(INT32) Message(Size bytes)
 */

/**
 * Cuts a byte stream into Kafka frames, whatever the split of the chunks. A frame that arrived inside one chunk is
 * handed out as a view of it; only one that spans chunks is copied, once.
 *
 * The size is checked as soon as its four bytes are there, so a false one costs no memory.
 *
 * @throws {MalformedMessageError} on a negative size, or one above `maxFrameSize`.
 */
export class FrameReader {
  readonly #maxFrameSize: number
  readonly #onFrame: (message: Buffer) => void
  #pending: Buffer[] = []
  #pendingBytes = 0
  /** Bytes that must be there before anything can be done: 4 for a size, or a whole frame. */
  #wanted = 4
  #refused: number | undefined

  constructor(maxFrameSize: number, onFrame: (message: Buffer) => void) {
    this.#maxFrameSize = maxFrameSize
    this.#onFrame = onFrame
  }

  /** The size of the frame that was refused, if one was: whoever knows what the limit is for can say how to raise it. */
  get refused(): number | undefined {
    return this.#refused
  }

  push(chunk: Buffer): void {
    if (this.#pendingBytes + chunk.length < this.#wanted) {
      this.#keep(chunk)
      return
    }
    let bytes = chunk
    if (this.#pendingBytes > 0) {
      this.#pending.push(chunk)
      bytes = Buffer.concat(this.#pending)
      this.#pending = []
      this.#pendingBytes = 0
    }
    let position = 0
    this.#wanted = 4
    while (bytes.length - position >= 4) {
      const size = bytes.readInt32BE(position)
      if (size < 0 || size > this.#maxFrameSize) {
        this.#refused = size
        const rule = size < 0 ? 'which is negative' : `but at most ${this.#maxFrameSize} are accepted`
        const start = JSON.stringify(bytes.toString('latin1', position, position + 16))
        throw new MalformedMessageError(`a frame announces ${size} bytes, ${rule} (it begins with ${start})`)
      }
      if (bytes.length - position - 4 < size) {
        this.#wanted = size + 4
        break
      }
      const end = position + 4 + size
      this.#onFrame(bytes.subarray(position + 4, end))
      position = end
    }
    if (position < bytes.length) this.#keep(bytes.subarray(position))
  }

  #keep(chunk: Buffer): void {
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
  }
}

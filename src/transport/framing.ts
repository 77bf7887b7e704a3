import { MalformedMessageError } from '../errors.js'

/*
 * Frame => Size(INT32) Message(Size bytes)
 */

/** Bytes of a frame's size. */
const SIZE = 4
const NOTHING = Buffer.alloc(0)

/**
 * Cuts a byte stream into Kafka frames, however it is chunked. A frame inside one chunk is emitted as a view of it. A frame that spans chunks
 * is copied into a buffer of its own, which doubles as bytes arrive, up to the frame's size: a response that arrives byte by byte keeps no
 * chunk alive, and a false size costs little memory.
 *
 * The size is checked as soon as its four bytes are there, so a false one costs no memory.
 *
 * @throws {MalformedMessageError} on a negative size, or one above `maxFrameSize`.
 */
export class FrameReader {
  readonly #maxFrameSize: number
  readonly #onFrame: (message: Buffer) => void
  /** A frame that spans chunks, its size included, as far as it has come: {@link #length} bytes of it. */
  #held: Buffer = NOTHING
  #length = 0
  /** What is to come until something can be done with it, in bytes: its size, or all of it. */
  #wanted = SIZE
  #refused: number | undefined

  constructor(maxFrameSize: number, onFrame: (message: Buffer) => void) {
    this.#maxFrameSize = maxFrameSize
    this.#onFrame = onFrame
  }

  /** The size of the frame that was refused, if one was: whoever knows what the limit is for can say how to raise it. */
  get refused(): number | undefined {
    return this.#refused
  }

  /** Of a frame that has come in part: how many bytes it announces, and how many of them have come. */
  get incomplete(): { readonly size: number; readonly received: number } | undefined {
    return this.#length < SIZE ? undefined : { size: this.#wanted - SIZE, received: this.#length - SIZE }
  }

  push(chunk: Buffer): void {
    let position = 0
    while (this.#length > 0 && position < chunk.length) position += this.#complete(chunk, position)
    while (chunk.length - position >= SIZE) {
      const end = position + SIZE + this.#sizeAt(chunk, position)
      if (end > chunk.length) break
      this.#onFrame(chunk.subarray(position + SIZE, end))
      position = end
    }
    while (position < chunk.length) position += this.#complete(chunk, position)
  }

  /** Copies what the frame that spans chunks lacks, as far as the chunk has it; gives how many bytes that were. */
  #complete(chunk: Buffer, position: number): number {
    const taken = Math.min(this.#wanted - this.#length, chunk.length - position)
    this.#grow(this.#length + taken)
    chunk.copy(this.#held, this.#length, position, position + taken)
    this.#length += taken
    if (this.#length === SIZE) this.#wanted = SIZE + this.#sizeAt(this.#held, 0)
    if (this.#length === this.#wanted) {
      const frame = this.#held.subarray(SIZE, this.#wanted)
      // The receiver of the frame may keep it.
      this.#held = NOTHING
      this.#length = 0
      this.#wanted = SIZE
      this.#onFrame(frame)
    }
    return taken
  }

  #grow(needed: number): void {
    if (needed <= this.#held.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, Math.min(2 * needed, this.#wanted)))
    this.#held.copy(grown, 0, 0, this.#length)
    this.#held = grown
  }

  #sizeAt(bytes: Buffer, position: number): number {
    const size = bytes.readInt32BE(position)
    if (size >= 0 && size <= this.#maxFrameSize) return size
    this.#refused = size
    const rule = size < 0 ? 'which is negative' : `but at most ${this.#maxFrameSize} are accepted`
    const start = JSON.stringify(bytes.toString('latin1', position, position + 16))
    throw new MalformedMessageError(`a frame announces ${size} bytes, ${rule} (it begins with ${start})`)
  }
}

import type { Codec, Compressing } from './codec.js'

/** A codec, loaded, with its level. */
export class Compressor {
  readonly id: number
  readonly #loaded: Compressing
  readonly #level: number
  readonly #offLoopFrom: number

  /**
   * @param level default: the codec's usual one.
   * @throws {InvalidArgumentError} when the package that the codec needs cannot be loaded.
   */
  constructor(codec: Codec, level: number | undefined) {
    this.id = codec.id
    this.#loaded = codec.load()
    this.#level = level ?? codec.levels?.usual ?? 0
    this.#offLoopFrom = codec.offLoopFrom(this.#level)
  }

  /** Whether so many bytes are better compressed in libuv's thread pool. */
  isOffLoop(bytes: number): boolean {
    return bytes >= this.#offLoopFrom
  }

  compressSync(bytes: Uint8Array): Uint8Array {
    return this.#loaded.compressSync(bytes, this.#level)
  }

  /** Compresses in libuv's thread pool. `bytes` must not change before it settles. */
  compress(bytes: Uint8Array): PromiseLike<Uint8Array> {
    return this.#loaded.compress(bytes, this.#level)
  }
}

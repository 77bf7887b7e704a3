import { describe, InvalidArgumentError, MalformedMessageError } from '../../errors.js'

/** Names of the codecs, as Kafka's `compression.type` has them. */
export type CodecName = 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** A range of compression levels. */
export interface Levels {
  readonly min: number
  readonly max: number
  readonly usual: number
}

/** What a codec does once its package is loaded. */
export interface Compressing {
  compressSync(bytes: Uint8Array, level: number): Uint8Array
  /** Compresses in libuv's thread pool. `bytes` must not change before it settles. */
  compress(bytes: Uint8Array, level: number): PromiseLike<Uint8Array>
  /** @param maxSize bytes that may come of it. @throws MalformedMessageError on damaged bytes, and on more than `maxSize`. */
  decompress(bytes: Uint8Array, maxSize: number): Uint8Array
}

/** A codec of Kafka's record batches. */
export interface Codec {
  readonly name: CodecName
  /** Its number in the attributes of a batch. */
  readonly id: number
  /** Undefined: the codec has no levels. */
  readonly levels: Levels | undefined
  /** From how many bytes on `compress` costs the event loop less than `compressSync`. Measured: docs/decisions/0014. */
  offLoopFrom(level: number): number
  /** @throws {InvalidArgumentError} when the package that it needs cannot be loaded. */
  load(): Compressing
}

/**
 * Loads what a codec needs when it is first used, and once: a program that doesn't compress never pays for it, and runs where it can't
 * be loaded.
 *
 * @param needed the package that `load` requires.
 * @throws {InvalidArgumentError} from the function returned, each time, where `load` throws.
 */
export function lazy<T>(codec: CodecName, needed: string, load: () => T): () => T {
  let loaded: T | undefined
  return () => {
    try {
      loaded ??= load()
    } catch (error) {
      // Node's message lists every file of the require stack.
      const why = (error as Error).message.split('\n', 1)[0]
      throw new InvalidArgumentError(
        `compression '${codec}' needs the package ${needed}, which could not be loaded (${why}): run \`npm install ${needed}\`,` +
          ' or set another `compression`',
        { cause: error },
      )
    }
    return loaded
  }
}

/** Calls `decompress`. @throws {MalformedMessageError} in place of what it throws. */
export function readBy(codec: CodecName, decompress: () => Uint8Array): Uint8Array {
  try {
    return decompress()
  } catch (error) {
    throw new MalformedMessageError(`${codec} cannot read the records: ${describe(error)}`, { cause: error })
  }
}

/**
 * Checks how many bytes blocks may decompress to, for a codec that cannot stop at a limit.
 *
 * @param size the sum of what each block may hold; only the last one of an honest encoder holds less.
 * @param largestBlock what that may be.
 * @throws {MalformedMessageError} when they may exceed `maxSize`.
 */
export function checkSize(codec: CodecName, size: number, maxSize: number, largestBlock: number): void {
  if (size > maxSize + largestBlock)
    throw new MalformedMessageError(`${codec} may hold ${size} bytes of records, but at most ${maxSize} are accepted`)
}

import { Buffer } from 'node:buffer'
import { read } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'

/** Bytes in their order. */
export interface Bytes {
  /** Reads some bytes to the beginning of `into`, and returns how many; 0 at the end. */
  read(into: Buffer): Promise<number>
  close(): Promise<void>
}

/** The bytes of a file, from an offset on. */
export function fileBytes(file: FileHandle, from: number): Bytes {
  let position = from
  return {
    async read(into) {
      const { bytesRead } = await file.read(into, 0, into.length, position)
      position += bytesRead
      return bytesRead
    },
    close: () => file.close(),
  }
}

/** The bytes of an open file that others may share, such as standard input behind `<`: from where it stands, and not closed at the end. */
export function sharedFileBytes(fd: number): Bytes {
  return {
    read: async into => (await readFrom(fd, into, 0, into.length, null)).bytesRead,
    async close() {},
  }
}

const readFrom = promisify(read)

/**
 * The bytes of a Node stream: standard input, a pipe, or what is decompressed.
 *
 * @param stop ends the stream, even while it waits for a chunk.
 */
export function streamBytes(stream: NodeJS.ReadableStream & { destroy(): void }, stop: AbortSignal): Bytes {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>
  const destroy = (): void => stream.destroy()
  stop.addEventListener('abort', destroy, { once: true })
  let rest: Buffer = Buffer.alloc(0)
  return {
    async read(into) {
      while (rest.length === 0) {
        const { done, value } = await chunks.next().catch(ended)
        if (done) return 0
        rest = Buffer.from(value)
      }
      const count = rest.copy(into)
      rest = rest.subarray(count)
      return count
    },
    async close() {
      stop.removeEventListener('abort', destroy)
      destroy()
    },
  }
  /** Destroying a stream that waits is an error for its iterator. */
  function ended(error: unknown): { done: true; value: undefined } {
    if (stop.aborted) return { done: true, value: undefined }
    throw error
  }
}

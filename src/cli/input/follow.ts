import { open, stat } from 'node:fs/promises'
import { firstValueFrom, fromEvent, merge, timer } from 'rxjs'
import type { Block, LastEnd } from './block.js'
import { type Bytes, fileBytes } from './bytes.js'
import { readBlocks } from './read-blocks.js'

/** How often the end of a file is looked at. By the clock: what tells of changes does not work on every file system. */
const POLL_MS = 200

/**
 * Reads a file and what is appended to it, until the stop. A line is given once its delimiter is there. If another file takes the name
 * (log rotation) or the file becomes shorter, the old one is read to its end, and reading goes on at the beginning of the new one.
 */
export async function* followBlocks(
  name: string,
  lastEnd: LastEnd,
  stop: AbortSignal,
  from = 0,
): AsyncGenerator<Block> {
  for (let offset = from; !stop.aborted; offset = 0)
    yield* readBlocks(await growingBytes(name, offset, stop), { lastEnd, stop, name, from: offset })
}

/** The bytes of a file; they end when another file has its name, or it is shorter than what was read. */
async function growingBytes(name: string, from: number, stop: AbortSignal): Promise<Bytes> {
  const file = await open(name)
  const { ino, dev } = await file.stat()
  const bytes = fileBytes(file, from)
  let position = from
  const read = async (into: Buffer): Promise<number> => {
    const count = await bytes.read(into)
    position += count
    return count
  }
  return {
    async read(into) {
      for (;;) {
        const count = await read(into)
        if (count > 0 || stop.aborted) return count
        const now = await stat(name).catch(() => undefined)
        const replaced = now !== undefined && (now.ino !== ino || now.dev !== dev)
        // What was written between the last read and the rotation.
        if (replaced) return read(into)
        if (now !== undefined && now.size < position) return 0
        await pause(stop)
      }
    },
    close: () => bytes.close(),
  }
}

async function pause(stop: AbortSignal): Promise<void> {
  if (!stop.aborted) await firstValueFrom(merge(timer(POLL_MS), fromEvent(stop, 'abort')))
}

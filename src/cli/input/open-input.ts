import { constants, createReadStream, fstatSync, ReadStream } from 'node:fs'
import { access, open, stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { UsageError } from '../errors.js'
import type { Block, LastEnd } from './block.js'
import { fileBytes, sharedFileBytes, streamBytes } from './bytes.js'
import { followBlocks } from './follow.js'
import { readBlocks } from './read-blocks.js'

/** Something to read lines from. */
export interface Input {
  /** For messages. */
  readonly name: string
  /** Bytes, if that is known beforehand. */
  readonly size: number | undefined
  /** Whether {@link blocks} may begin at an offset: a file that is not compressed. */
  readonly seekable: boolean
  /**
   * Reads it once.
   *
   * @param from the offset to begin at, of a seekable input.
   */
  blocks(lastEnd: LastEnd, stop: AbortSignal, from?: number): AsyncGenerator<Block>
}

/** Standard input. If that is a file, as behind `<`, it is read like one: in larger pieces than a stream's. */
export function openStdin(stream: Readable): Input {
  const name = 'stdin'
  const fd = stream instanceof ReadStream ? (stream as unknown as { readonly fd: number | null }).fd : null
  return {
    ...{ name, size: fd === null ? undefined : fstatSync(fd).size, seekable: false },
    blocks: (lastEnd, stop) =>
      readBlocks(fd === null ? streamBytes(stream, stop) : sharedFileBytes(fd), { lastEnd, stop, name }),
  }
}

/**
 * A file, a pipe with a name, or a file that gzip compressed.
 *
 * @param follow whether to wait for lines that are appended later.
 * @throws {UsageError} when it cannot be read: before anything is sent.
 */
export async function openFile(name: string, follow: boolean): Promise<Input> {
  const { size, isFile } = await check(name)
  if (name.endsWith('.gz')) {
    if (follow) throw new UsageError(`--follow reads no compressed file, and ${name} is one`)
    return { name, size: undefined, seekable: false, blocks: (lastEnd, stop) => gunzipped(name, lastEnd, stop) }
  }
  if (!isFile) {
    if (follow) throw new UsageError(`--follow reads a file, and ${name} is none`)
    return {
      ...{ name, size: undefined, seekable: false },
      blocks: (lastEnd, stop) => readBlocks(streamBytes(createReadStream(name), stop), { lastEnd, stop, name }),
    }
  }
  if (follow)
    return {
      name,
      size: undefined,
      seekable: true,
      blocks: (lastEnd, stop, from) => followBlocks(name, lastEnd, stop, from),
    }
  return {
    ...{ name, size, seekable: true },
    async *blocks(lastEnd, stop, from = 0) {
      yield* readBlocks(fileBytes(await open(name), from), { lastEnd, stop, name, from })
    },
  }
}

function gunzipped(name: string, lastEnd: LastEnd, stop: AbortSignal): AsyncGenerator<Block> {
  const gunzip = createGunzip()
  const file = createReadStream(name)
  file.once('error', error => gunzip.destroy(error))
  gunzip.once('close', () => file.destroy())
  return readBlocks(streamBytes(file.pipe(gunzip), stop), { lastEnd, stop, name })
}

async function check(name: string): Promise<{ readonly size: number; readonly isFile: boolean }> {
  try {
    const found = await stat(name)
    if (found.isDirectory()) throw new Error('it is a directory')
    await access(name, constants.R_OK)
    return { size: found.size, isFile: found.isFile() }
  } catch (error) {
    throw new UsageError(`${name} can't be read: ${(error as Error).message}`)
  }
}

import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { UsageError } from '../errors.js'

/** Bytes at the beginning of a file, and before its bookmark, that tell it from another one. */
const HEAD = 1_024
const TAIL = 256

/** So many bytes, and their hash. */
type Print = readonly [bytes: number, hash: string]

/** How far a file is imported, and what tells it from another file. */
export interface Bookmark {
  /** Bytes that are imported. */
  readonly offset: number
  /** Lines that are imported. */
  readonly lines: number
  readonly head: Print
  /** Of the bytes before `offset`. */
  readonly tail: Print
}

/**
 * Returns the bookmark at the end of `bytes`.
 *
 * @param bytes that were read from `offset` on.
 * @param last the bookmark before it; undefined: `bytes` are the first ones.
 */
export function bookmarkAfter(bytes: Buffer, offset: number, lines: number, last: Bookmark | undefined): Bookmark {
  const head = last?.head ?? print(bytes.subarray(0, HEAD))
  return { offset: offset + bytes.length, lines, head, tail: print(bytes.subarray(-TAIL)) }
}

/**
 * Reads the position that an import has stored.
 *
 * @throws {UsageError} when the file is not the one that was begun with.
 */
export async function readBookmark(position: string, name: string, resume: string): Promise<Bookmark> {
  const bookmark = parse(position)
  if (bookmark === undefined)
    throw new UsageError(`--resume ${resume} belongs to another program: its position is no bookmark`)
  const { offset, head, tail } = bookmark
  const file = await open(name)
  try {
    const { size } = await file.stat()
    const why = size < offset ? `it has ${size} bytes, and ${offset} are imported` : undefined
    const changed =
      why ??
      ((await printOf(file, 0, head)) !== head[1] ? 'it begins with other bytes' : undefined) ??
      ((await printOf(file, offset - tail[0], tail)) !== tail[1]
        ? `other bytes stand before byte ${offset}`
        : undefined)
    if (changed === undefined) return bookmark
    throw new UsageError(
      `${name} is not the file that --resume ${resume} began with: ${changed}; name that file, or begin another import with another ID`,
    )
  } finally {
    await file.close()
  }
}

function parse(position: string): Bookmark | undefined {
  try {
    const { offset, lines, head, tail } = JSON.parse(position) as Bookmark
    return [offset, lines, head[0], tail[0]].every(Number.isSafeInteger) ? { offset, lines, head, tail } : undefined
  } catch {
    return undefined
  }
}

async function printOf(file: FileHandle, from: number, [bytes]: Print): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, from)
  return print(buffer.subarray(0, bytesRead))[1]
}

function print(bytes: Buffer): Print {
  return [bytes.length, createHash('sha256').update(bytes).digest('base64url').slice(0, 22)]
}

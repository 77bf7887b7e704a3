import { createReadStream, type ReadStream } from 'node:fs'

const NEWLINE = 10
const RETURN = 13

/** A file, or `-` for standard input, as a Node stream. */
export function openInput(path: string): ReadStream | typeof process.stdin {
  return path === '-' ? process.stdin : createReadStream(path)
}

/**
 * The lines of a stream, read as they are asked for. Bytes, not text: what is no UTF-8 arrives as it was.
 *
 * @param most bytes of the longest line that is of use. Of a longer one its beginning arrives, one byte longer than that: a file
 * without line breaks is not to fill the memory.
 */
export async function* readLines(
  input: AsyncIterable<Buffer>,
  most: number = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer> {
  /** The beginning of a line whose end is still to come. */
  let parts: Buffer[] = []
  let room = most + 1
  const add = (part: Buffer): void => {
    if (room > 0) parts.push(part.subarray(0, room))
    room -= part.length
  }
  for await (const chunk of input) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end))
      const line = withoutReturn(Buffer.concat(parts))
      if (line.length > 0) yield line
      parts = []
      room = most + 1
      start = end + 1
    }
    if (start < chunk.length) add(chunk.subarray(start))
  }
  const last = withoutReturn(Buffer.concat(parts))
  if (last.length > 0) yield last
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line
}

/** The lines of text, for a web stream's `pipeThrough()`. */
export function lineStream(): TransformStream<string, string> {
  let rest = ''
  return new TransformStream({
    transform(chunk, controller) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()!
      for (const line of lines) if (line !== '') controller.enqueue(line)
    },
    flush(controller) {
      if (rest !== '') controller.enqueue(rest)
    },
  })
}

import { createReadStream, type ReadStream } from 'node:fs'
import type { Readable } from 'node:stream'

const NEWLINE = 10
const RETURN = 13

/** A file, or `-` for standard input, as a Node stream. */
export function openInput(path: string): ReadStream | typeof process.stdin {
  return path === '-' ? process.stdin : createReadStream(path)
}

/** The lines of a stream, read as they are asked for. Bytes, not text: what is no UTF-8 arrives as it was. */
export async function* readLines(input: Readable): AsyncGenerator<Buffer> {
  /** The beginning of a line whose end is still to come. */
  let parts: Buffer[] = []
  for await (const chunk of input as AsyncIterable<Buffer>) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = withoutReturn(Buffer.concat([...parts, chunk.subarray(start, end)]))
      if (line.length > 0) yield line
      parts = []
      start = end + 1
    }
    if (start < chunk.length) parts.push(chunk.subarray(start))
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

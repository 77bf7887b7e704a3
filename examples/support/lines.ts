import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'

/** A file, or `-` for standard input, as a Node stream of text. */
export function openInput(path: string): Readable {
  return path === '-' ? process.stdin.setEncoding('utf8') : createReadStream(path, { encoding: 'utf8' })
}

/** The lines of a stream of text, read as they are asked for. */
export async function* readLines(input: Readable): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of input) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    for (const line of lines) if (line !== '') yield line
  }
  if (rest !== '') yield rest
}

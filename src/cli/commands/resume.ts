import type { Producer } from '../../index.js'
import { UsageError } from '../errors.js'
import type { Flags } from '../flags/read-flags.js'
import type { Input } from '../input/open-input.js'
import type { Format } from '../parse/parser.js'
import { readBookmark } from '../send/bookmark.js'
import { importBlocks } from '../send/import-blocks.js'
import { sendBlocks } from '../send/send-blocks.js'
import type { Reading } from './reading.js'

/**
 * Reads `--resume`.
 *
 * @throws {UsageError} when what is read, or what else is asked for, can't be imported so that no crash breaks it.
 */
export function resumeOf(flags: Flags, inputs: readonly Input[], format: Format): string | undefined {
  const resume = flags.text('resume')
  if (resume === undefined) return undefined
  if (inputs.length > 1 || !inputs[0]!.seekable)
    throw new UsageError('--resume imports one file, which is not compressed, no pipe and not standard input')
  if (format.name === 'csv') throw new UsageError('--resume imports lines and ndjson, not csv')
  for (const name of ['failed', 'limit'])
    if (flags.text(name) !== undefined)
      throw new UsageError(`--${name} can't be used with --resume, which may run more than once`)
  return resume
}

/** Sends everything that is read; with `--resume`, what an earlier run has not committed. */
export function deliverer(resume: string | undefined): (producer: Producer, reading: Reading) => Promise<void> {
  if (resume === undefined) return (producer, reading) => sendBlocks(producer, reading.blocks, reading)
  return async (producer, reading) => {
    const position = await producer.position({ signal: reading.stopped })
    const begun = position === undefined ? undefined : await readBookmark(position, reading.inputName, resume)
    if (begun !== undefined) reading.beginAt(begun)
    await importBlocks(producer, reading.blocks, reading, begun)
  }
}

import { realpathSync } from 'node:fs'
import { createProducer, type Producer } from '../../index.js'
import { inUsersWords, producerOptionsOf } from '../config/producer-options.js'
import { readSettings, type Settings } from '../config/read-settings.js'
import { UsageError } from '../errors.js'
import type { Flags } from '../flags/read-flags.js'
import { type Input, openFile, openStdin } from '../input/open-input.js'
import type { Io } from '../io.js'
import { type Format, readFormat } from '../parse/parser.js'
import { FailedLines } from '../report/failed-lines.js'
import { Failures } from '../report/failures.js'
import { Tally } from '../report/tally.js'
import { Terminal } from '../report/terminal.js'
import type { Command } from './command.js'
import { dryRun } from './dry-run.js'
import { formatOf, selectorsOf } from './produce-flags.js'
import { PRODUCE_SPEC } from './produce-spec.js'
import { Reading } from './reading.js'
import { deliverer, resumeOf } from './resume.js'
import { send } from './send.js'

export const produce: Command = { spec: PRODUCE_SPEC, run }

/** Everything that can be wrong is checked before the first record is sent. */
async function run(flags: Flags, io: Io): Promise<number> {
  const terminal = new Terminal(io.stderr)
  const quiet = flags.isSet('quiet')
  const json = flags.isSet('json')
  const format = formatOf(flags)
  const parsing = await readFormat(format, selectorsOf(flags))
  const limits = { limit: flags.wholeNumber('limit', 1, Number.MAX_SAFE_INTEGER), strict: flags.isSet('strict') }
  const settings = await readSettings(flags, io.env, message => terminal.line(`rx-kafka: ${message}`))
  const inputs = await openInputs(flags, io)
  checkFailed(flags, format)
  const resume = resumeOf(flags, inputs, format)
  const tally = new Tally()
  const reading = (failures: Failures): Reading => new Reading(inputs, parsing, tally, failures, limits)
  if (flags.isSet('dry-run')) {
    const talk = quiet ? undefined : terminal
    return dryRun(reading(new Failures(tally, talk, undefined)), tally, io, json, talk)
  }
  const producer = await makeProducer(settings, resume)
  const path = flags.text('failed')
  const failedLines = path === undefined ? undefined : new FailedLines(path, parsing.delimiter)
  const failures = new Failures(tally, quiet ? undefined : terminal, failedLines)
  const typed = io.stdin.isTTY === true && inputs.some(({ name }) => name === 'stdin')
  if (typed && !quiet) terminal.line('reading lines from the terminal; Ctrl-D ends')
  const sizes = inputs.map(({ size }) => size ?? Number.NaN).reduce((sum, size) => sum + size, 0)
  const size = Number.isNaN(sizes) ? undefined : sizes
  const deliver = deliverer(resume)
  return send({
    io,
    producer,
    reading: reading(failures),
    deliver,
    tally,
    failures,
    terminal,
    quiet,
    typed,
    json,
    size,
  })
}

async function openInputs(flags: Flags, io: Io): Promise<Input[]> {
  const names = flags.positionals.length === 0 ? ['-'] : flags.positionals
  const follow = flags.isSet('follow')
  if (follow && (names.length > 1 || names[0] === '-')) throw new UsageError('--follow reads one file')
  if (names.filter(name => name === '-').length > 1) throw new UsageError('standard input (-) can be read once')
  return Promise.all(names.map(name => (name === '-' ? openStdin(io.stdin) : openFile(name, follow))))
}

/** What `--failed` writes must be fit to be fed in again, and not replace what is read. */
function checkFailed(flags: Flags, format: Format): void {
  const failed = flags.text('failed')
  if (failed === undefined) return
  const real = realPath(failed)
  if (flags.positionals.some(name => realPath(name) === real))
    throw new UsageError(`--failed ${failed} is an input, and would be overwritten`)
  if (format.name === 'csv' && format.columns === undefined && flags.positionals.length > 1)
    throw new UsageError('--failed keeps the header of one CSV file: send the files one by one, or name the --columns')
}

function realPath(name: string): string {
  try {
    return realpathSync(name)
  } catch {
    return name
  }
}

async function makeProducer(settings: Settings, transactionalId: string | undefined): Promise<Producer> {
  const options = await producerOptionsOf(settings)
  try {
    return createProducer(transactionalId === undefined ? options : { ...options, transactionalId })
  } catch (error) {
    throw inUsersWords(error, settings)
  }
}

import { describe } from '../../errors.js'
import type { Failed } from '../../index.js'
import type { CommandError } from '../errors.js'
import type { InputRecord, Line } from '../parse/record.js'
import type { FailedLines } from './failed-lines.js'
import { count } from './format.js'
import { place, type Tally } from './tally.js'
import type { Terminal } from './terminal.js'

/** Failed lines that are reported one by one: a thousandth one says nothing that the first did not. */
const SHOWN = 10

/** Reports lines that failed, and keeps them in the file of `--failed`. */
export class Failures {
  readonly #tally: Tally
  readonly #terminal: Terminal | undefined
  readonly #file: FailedLines | undefined
  #reported = 0

  /** @param terminal undefined: nothing is reported. */
  constructor(tally: Tally, terminal: Terminal | undefined, file: FailedLines | undefined) {
    this.#tally = tally
    this.#terminal = terminal
    this.#file = file
  }

  /** @param header the row of the input that names its columns. */
  malformed(line: Line, error: Error, header: Buffer | undefined): void {
    this.#tally.isMalformed()
    this.#add(line, error.message, header)
  }

  refused(record: InputRecord, { error, persisted }: Failed, header: Buffer | undefined): void {
    const maybe = persisted === 'maybe' ? ' (it may be stored)' : ''
    this.#add(record, `${describe(error)}${maybe}`, header)
  }

  /** Why failed lines are not kept: without their file, going on would lose them. */
  get error(): CommandError | undefined {
    return this.#file?.error
  }

  /** Says how many failures were not reported. */
  close(): void {
    this.#file?.close()
    if (this.#reported > SHOWN) this.#terminal?.line(`… and ${count(this.#reported - SHOWN)} more failed`)
  }

  #add(line: Line, why: string, header: Buffer | undefined): void {
    this.#file?.add(line, header)
    if (++this.#reported <= SHOWN) this.#terminal?.line(`${place(line)}: ${why}`)
  }
}

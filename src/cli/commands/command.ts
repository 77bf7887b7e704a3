import type { CommandSpec } from '../flags/flag.js'
import type { Flags } from '../flags/read-flags.js'
import type { Io } from '../io.js'

export interface Command {
  readonly spec: CommandSpec
  /** @returns the exit code. */
  run(flags: Flags, io: Io): Promise<number>
}

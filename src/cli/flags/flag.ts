/** A flag of a command. Help, completion and the check of what was given are made of it. */
export interface Flag {
  /** Without dashes. */
  readonly name: string
  readonly short?: string
  /** What the help writes for the value; a flag without takes none. */
  readonly value?: string
  readonly multiple?: boolean
  /** The only values. */
  readonly choices?: readonly string[]
  /** The value is a file: shells complete it. */
  readonly file?: boolean
  readonly help: string
}

export interface FlagGroup {
  readonly title: string
  readonly flags: readonly Flag[]
}

/** A command as its user sees it. */
export interface CommandSpec {
  readonly name: string
  readonly summary: string
  /** What follows `rx-kafka NAME` in the help. */
  readonly usage: string
  /** Whether positional arguments are files, or one of these words. Default: there are none. */
  readonly positionals?: 'files' | readonly string[]
  readonly groups: readonly FlagGroup[]
  /** What each does, and the command line. */
  readonly examples: readonly (readonly [what: string, line: string])[]
  /** More to say, below the flags. */
  readonly notes?: string
}

export function flagsOf(spec: CommandSpec): Flag[] {
  return [...spec.groups.flatMap(({ flags }) => flags), HELP]
}

const HELP: Flag = { name: 'help', short: 'h', help: 'shows this' }

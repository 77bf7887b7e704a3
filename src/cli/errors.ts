/** How the command ends, for scripts: `docs/cli.md` has the table. */
export const EXIT = {
  /** Every record is acked. */
  ok: 0,
  /** Some records failed, or the input could not be read to its end. */
  failed: 1,
  /** A flag, a file name or a configuration is wrong; nothing was sent. */
  usage: 2,
  /** No broker could be reached. */
  unreachable: 3,
  /** Brokers refused the credentials, or one side does not trust the other's certificate. */
  refused: 4,
  /** As a shell gives for a process that SIGINT ended. */
  interrupted: 130,
  /** The same for SIGTERM. */
  terminated: 143,
} as const

/** Ends the command with its message on one line, and an exit code. */
export class CommandError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}

/** The command was called in a way that cannot work. Nothing was sent. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super(message, EXIT.usage)
  }
}

/** An input cannot be read any further. What was read is sent. */
export class InputError extends CommandError {
  constructor(message: string) {
    super(message, EXIT.failed)
  }
}

import { describe } from '../errors.js'
import { VERSION } from '../version.js'
import { broker } from './commands/broker.js'
import type { Command } from './commands/command.js'
import { completion } from './commands/completion.js'
import { dashboard } from './commands/dashboard.js'
import { produce } from './commands/produce.js'
import { top } from './commands/top.js'
import { CommandError, EXIT, UsageError } from './errors.js'
import { helpOf, overview } from './flags/help.js'
import { readFlags } from './flags/read-flags.js'
import type { Io } from './io.js'
import { nearest } from './nearest.js'
import { Terminal } from './report/terminal.js'

const COMMANDS: readonly Command[] = [
  produce,
  broker,
  dashboard,
  top,
  completion(() => COMMANDS.map(({ spec }) => spec)),
]

/**
 * Runs one command line.
 *
 * @returns the exit code.
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(args, io)
  } catch (error) {
    new Terminal(io.stderr).line(`rx-kafka: ${describe(error)}`)
    return error instanceof CommandError ? error.exitCode : EXIT.failed
  }
}

async function dispatch([name, ...args]: readonly string[], io: Io): Promise<number> {
  const specs = COMMANDS.map(({ spec }) => spec)
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    io.stdout.write(overview(VERSION, specs))
    return name === undefined ? EXIT.usage : EXIT.ok
  }
  if (name === '--version') {
    io.stdout.write(`${VERSION}\n`)
    return EXIT.ok
  }
  const command = COMMANDS.find(({ spec }) => spec.name === name)
  if (command === undefined) {
    const names = specs.map(spec => spec.name)
    throw new UsageError(`there is no command '${name}'; ${nearest('commands', name, names)}`)
  }
  // Before anything else is checked: who asks for help may have the rest wrong.
  if (args.includes('--help') || args.includes('-h')) {
    io.stdout.write(helpOf(command.spec))
    return EXIT.ok
  }
  return command.run(readFlags(command.spec, args), io)
}

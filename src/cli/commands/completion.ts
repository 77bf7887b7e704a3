import { EXIT, UsageError } from '../errors.js'
import { COMPLETIONS, SHELLS } from '../flags/completion.js'
import type { CommandSpec } from '../flags/flag.js'
import type { Command } from './command.js'

/** @param specs of all commands: a function, because this command is one of them. */
export function completion(specs: () => readonly CommandSpec[]): Command {
  return {
    spec: {
      name: 'completion',
      summary: 'prints the completion of a shell: bash, zsh or fish',
      usage: SHELLS.join('|'),
      positionals: SHELLS,
      groups: [],
      examples: [
        ['in ~/.bashrc', 'eval "$(rx-kafka completion bash)"'],
        ['in ~/.zshrc, behind compinit', 'eval "$(rx-kafka completion zsh)"'],
        ['once', 'rx-kafka completion fish > ~/.config/fish/completions/rx-kafka.fish'],
      ],
    },
    async run(flags, { stdout }) {
      const [shell] = flags.positionals
      if (shell === undefined) throw new UsageError(`no shell: rx-kafka completion ${SHELLS.join('|')}`)
      stdout.write(COMPLETIONS[shell as (typeof SHELLS)[number]](specs()))
      return EXIT.ok
    },
  }
}

import { type CommandSpec, type Flag, flagsOf } from './flag.js'

const WIDTH = 28

/** The help of one command: its examples first, as they are what most look for. */
export function helpOf(spec: CommandSpec): string {
  const examples = spec.examples.map(([what, line]) => `  # ${what}\n  ${line}\n`)
  const groups = spec.groups.map(({ title, flags }) => `${title}\n${flags.map(row).join('')}`)
  const own = flagsOf(spec).at(-1)!
  const parts = [
    `rx-kafka ${spec.name} ${spec.usage}\n\n${spec.summary}\n`,
    `Examples\n${examples.join('\n')}`,
    ...groups,
    row(own),
    ...(spec.notes === undefined ? [] : [spec.notes]),
  ]
  return parts.join('\n')
}

/** The help of all commands. */
export function overview(version: string, specs: readonly CommandSpec[]): string {
  const rows = specs.map(({ name, summary }) => `  rx-kafka ${name.padEnd(12)} ${summary}\n`)
  return `rx-kafka ${version}\n\n${rows.join('')}\n  rx-kafka COMMAND --help shows a command's flags, with examples\n  rx-kafka --version\n`
}

function row({ name, short, value, help }: Flag): string {
  const flag = `  ${short === undefined ? '   ' : `-${short},`} --${name}${value === undefined ? '' : ` ${value}`}`
  const [first, ...rest] = help.split('\n')
  const indent = ' '.repeat(WIDTH + 2)
  const begin = flag.length > WIDTH ? `${flag}\n${indent}${first}\n` : `${flag.padEnd(WIDTH + 2)}${first}\n`
  return begin + rest.map(line => `${indent}${line}\n`).join('')
}

import { type CommandSpec, type Flag, flagsOf } from './flag.js'

export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** Returns a shell's completion of all commands. */
export const COMPLETIONS: Readonly<Record<(typeof SHELLS)[number], (specs: readonly CommandSpec[]) => string>> = {
  bash: specs => `_rx_kafka() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names(specs)}" -- "$cur"))
    return
  fi
  case "\${COMP_WORDS[1]} $prev" in
${specs.flatMap(spec => flagsOf(spec).flatMap(flag => bashValue(spec, flag))).join('\n')}
  esac
  case "\${COMP_WORDS[1]} $cur" in
${specs.map(spec => `  "${spec.name} -"*) COMPREPLY=($(compgen -W "${longs(spec)}" -- "$cur")) ;;`).join('\n')}
${specs.flatMap(bashPositionals).join('\n')}
  esac
}
complete -o filenames -F _rx_kafka rx-kafka
`,
  zsh: specs => `#compdef rx-kafka
_rx_kafka() {
  if (( CURRENT == 2 )); then
    local -a commands=(
${specs.map(({ name, summary }) => `      ${quoted(`${name}:${summary}`)}`).join('\n')}
    )
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${specs.map(spec => `    ${spec.name})\n      _arguments -s \\\n${zshArguments(spec)}\n      ;;`).join('\n')}
  esac
}
compdef _rx_kafka rx-kafka
`,
  fish: specs => `complete -c rx-kafka -f
${specs.map(({ name, summary }) => `complete -c rx-kafka -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`).join('\n')}
${specs.flatMap(spec => [...flagsOf(spec).map(flag => fishFlag(spec, flag)), ...fishPositionals(spec)]).join('\n')}
`,
}

const names = (specs: readonly CommandSpec[]): string => specs.map(({ name }) => name).join(' ')

const longs = (spec: CommandSpec): string =>
  flagsOf(spec)
    .map(({ name }) => `--${name}`)
    .join(' ')

/** Shells take the text between single quotes as it is. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

const description = ({ help }: Flag): string => help.replaceAll('\n', ' ')

/** A flag that takes a value completes that, and never another flag. */
function bashValue({ name }: CommandSpec, flag: Flag): string[] {
  if (flag.value === undefined) return []
  const patterns = [`--${flag.name}`, ...(flag.short === undefined ? [] : [`-${flag.short}`])]
  const words = flag.choices === undefined ? (flag.file ? '-f' : undefined) : `-W "${flag.choices.join(' ')}"`
  const reply = words === undefined ? '' : `COMPREPLY=($(compgen ${words} -- "$cur")); `
  return [`  ${patterns.map(pattern => `"${name} ${pattern}"`).join(' | ')}) ${reply}return ;;`]
}

function bashPositionals({ name, positionals }: CommandSpec): string[] {
  if (positionals === undefined) return []
  const words = positionals === 'files' ? '-f' : `-W "${positionals.join(' ')}"`
  return [`  "${name} "*) COMPREPLY=($(compgen ${words} -- "$cur")) ;;`]
}

function zshArguments(spec: CommandSpec): string {
  const flags = flagsOf(spec).map(flag => {
    const text = description(flag).replaceAll(/[[\]:\\]/g, '\\$&')
    const action = flag.choices !== undefined ? `(${flag.choices.join(' ')})` : flag.file ? '_files' : ' '
    const value = flag.value === undefined ? '' : `:value:${action}`
    const star = flag.multiple ? '*' : ''
    const short = flag.short === undefined ? [] : [quoted(`${star}-${flag.short}[${text}]${value}`)]
    // With `=`, its value may stand behind that, or be the next word.
    const equals = flag.value === undefined ? '' : '='
    return [quoted(`${star}--${flag.name}${equals}[${text}]${value}`), ...short]
      .map(one => `        ${one}`)
      .join(' \\\n')
  })
  const { positionals } = spec
  const rest =
    positionals === undefined
      ? []
      : [positionals === 'files' ? "'*:file:_files'" : `'1:word:(${positionals.join(' ')})'`]
  return [...flags, ...rest.map(one => `        ${one}`)].join(' \\\n')
}

function fishFlag({ name }: CommandSpec, flag: Flag): string {
  const short = flag.short === undefined ? '' : ` -s ${flag.short}`
  const choices = flag.choices === undefined ? '' : ` -a ${quoted(flag.choices.join(' '))}`
  const value = flag.value === undefined ? '' : flag.file ? ' -r -F' : ` -x${choices}`
  return `complete -c rx-kafka -n '__fish_seen_subcommand_from ${name}' -l ${flag.name}${short}${value} -d ${quoted(description(flag))}`
}

function fishPositionals({ name, positionals }: CommandSpec): string[] {
  if (positionals === undefined) return []
  const what = positionals === 'files' ? '-F' : `-a ${quoted(positionals.join(' '))}`
  return [`complete -c rx-kafka -n '__fish_seen_subcommand_from ${name}' ${what}`]
}

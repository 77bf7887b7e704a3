import { parseArgs } from 'node:util'
import { UsageError } from '../errors.js'
import { nearest } from '../nearest.js'
import { type CommandSpec, type Flag, flagsOf } from './flag.js'

/** The flags of one call. */
export class Flags {
  readonly positionals: readonly string[]
  readonly #given: ReadonlyMap<string, readonly string[]>
  readonly #known: ReadonlySet<string>

  constructor(known: readonly Flag[], given: ReadonlyMap<string, readonly string[]>, positionals: readonly string[]) {
    this.#known = new Set(known.map(({ name }) => name))
    this.#given = given
    this.positionals = positionals
  }

  isSet(name: string): boolean {
    return this.all(name).length > 0
  }

  /** The value; undefined if the flag was not given. */
  text(name: string): string | undefined {
    return this.all(name)[0]
  }

  /** The values of a flag that may be given more than once. */
  all(name: string): readonly string[] {
    if (!this.#known.has(name)) throw new Error(`there is no flag --${name}`)
    return this.#given.get(name) ?? []
  }

  /** A whole number; undefined if the flag was not given. */
  wholeNumber(name: string, min: number, max: number): number | undefined {
    const text = this.text(name)
    return text === undefined ? undefined : wholeNumber(`--${name}`, text, min, max)
  }
}

/** Digits only: Number() would take '', ' 1' and '0x10' too. */
export function wholeNumber(what: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new UsageError(`${what} must be a whole number from ${min} to ${max}, not '${text}'`)
}

/** @throws {UsageError} for what the command does not know, with the nearest name that it does. */
export function readFlags(spec: CommandSpec, args: readonly string[]): Flags {
  const flags = flagsOf(spec)
  const options = Object.fromEntries(
    flags.map(({ name, short, value }) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const), ...(short && { short }) },
    ]),
  )
  // Not `strict`: its errors name no nearest flag, and take several lines.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })
  const given = new Map<string, string[]>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const flag = flags.find(({ name }) => name === token.name)
    if (flag === undefined) throw unknown(spec, flags, token.rawName)
    given.set(flag.name, [...(given.get(flag.name) ?? []), textOf(flag, token)])
  }
  for (const [name, values] of given) {
    if (values.length > 1 && !flags.find(flag => flag.name === name)!.multiple)
      throw new UsageError(`--${name} is given ${values.length} times; it can be given once`)
  }
  checkPositionals(spec, positionals)
  return new Flags(flags, given, positionals)
}

interface Token {
  readonly rawName: string
  readonly value: string | undefined
  readonly inlineValue: boolean | undefined
}

function textOf(flag: Flag, { rawName, value, inlineValue }: Token): string {
  if (flag.value === undefined) {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value, and '${value}' was given`)
    return 'true'
  }
  if (value === undefined) throw new UsageError(`${rawName} needs a value: ${rawName} ${flag.value}`)
  if (!inlineValue && /^-./.test(value))
    throw new UsageError(
      `${rawName} needs a value, and '${value}' follows; a value with a dash: --${flag.name}=${value}`,
    )
  if (flag.choices !== undefined && !flag.choices.includes(value))
    throw new UsageError(`${rawName} must be ${flag.choices.join(', ')}, not '${value}'`)
  return value
}

function unknown(spec: CommandSpec, flags: readonly Flag[], rawName: string): UsageError {
  const names = flags.map(({ name }) => `--${name}`)
  const near = nearest('flags', rawName, names)
  const hint = near.startsWith('did') ? near : `rx-kafka ${spec.name} --help lists the flags`
  return new UsageError(`there is no flag ${rawName} of ${spec.name}; ${hint}`)
}

function checkPositionals({ name, positionals }: CommandSpec, given: readonly string[]): void {
  if (positionals === 'files' || given.length === 0) return
  if (positionals === undefined) throw new UsageError(`${name} takes only flags, and '${given[0]}' was given`)
  if (given.length > 1) throw new UsageError(`${name} takes one of ${positionals.join(', ')}, not ${given.length}`)
  if (!positionals.includes(given[0]!))
    throw new UsageError(
      `'${given[0]}' is none of ${positionals.join(', ')}; ${nearest('words', given[0]!, positionals)}`,
    )
}

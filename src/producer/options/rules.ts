import { inspect } from 'node:util'
import { InvalidArgumentError } from '../../errors.js'
import { readOptions } from '../../read-options.js'

/** What an option must be. */
export interface Rule {
  readonly holds: (value: unknown) => boolean
  readonly text: string
}

export const MAX_INT32 = 2147483647

export function integer(min: number, max: number = MAX_INT32): Rule {
  return {
    holds: value => typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max,
    text: `must be an integer from ${min} to ${max}`,
  }
}

export function oneOf(...values: readonly string[]): Rule {
  return {
    holds: value => values.includes(value as string),
    text: `must be ${values.map(value => `'${value}'`).join(' or ')}`,
  }
}

export function shape(what: string, holds: (value: unknown) => boolean): Rule {
  return { holds, text: `must be ${what}` }
}

export const isFunction = (value: unknown): boolean => typeof value === 'function'

export const hasMethod =
  (name: string) =>
  (value: unknown): boolean =>
    typeof value === 'object' && value !== null && isFunction((value as Record<string, unknown>)[name])

/** An AbortSignal. */
export const SIGNAL: Rule = shape('an AbortSignal', hasMethod('addEventListener'))

/** The rule of each option. */
export type Rules<T> = { readonly [K in keyof T]-?: Rule }

/**
 * Reads each given option once, and returns them when every option exists and meets its rule.
 *
 * @param method the method that the options belong to.
 * @param others options that are checked elsewhere.
 * @throws {InvalidArgumentError} naming the option, its value and the rule that it breaks.
 */
export function checkOptions<T extends object>(
  method: string,
  given: T,
  rules: { readonly [name: string]: Rule },
  others: readonly string[] = [],
): T {
  if (typeof given !== 'object' || given === null) {
    throw new InvalidArgumentError(`${method}() expects an object of options, got ${String(given)}`)
  }
  const read = readOptions(given)
  for (const [name, value] of Object.entries(read)) {
    if (others.includes(name) || value === undefined) continue
    if (!Object.hasOwn(rules, name)) {
      const names = [...others, ...Object.keys(rules)].join(', ')
      throw new InvalidArgumentError(
        `there is no option \`${name}\`${method === CREATE ? '' : ` of ${method}()`}; the options are ${names}`,
      )
    }
    if (!rules[name]!.holds(value)) throw invalid(name, value, rules[name]!.text)
  }
  return read
}

const CREATE = 'createProducer'

/**
 * Returns the error that names the rule which an option's value breaks.
 *
 * @param verb `'returned'` for what an option that is a function has returned.
 */
export function invalid(
  name: string,
  value: unknown,
  rule: string,
  verb: 'is' | 'returned' = 'is',
): InvalidArgumentError {
  return new InvalidArgumentError(`option \`${name}\` ${verb} ${show(value)}, but it ${rule}`)
}

/** Formats any value in a few words: cuts long strings, and shows only the class of an object. */
function show(value: unknown): string {
  const depth = Array.isArray(value) ? 0 : -1
  return inspect(value, {
    depth,
    maxStringLength: 100,
    maxArrayLength: 10,
    breakLength: Number.POSITIVE_INFINITY,
    customInspect: false,
  })
}

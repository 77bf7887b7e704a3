import { UsageError } from '../errors.js'

/** What a flag such as `--key` takes from a line: a constant, the whole line, or what is found at a path. */
export type Selector =
  | { readonly kind: 'constant'; readonly text: string }
  | { readonly kind: 'line' }
  | { readonly kind: 'path'; readonly text: string; readonly steps: readonly (string | number)[] }

const STEP = /\.([^\s.[\]"]+)|\.?"((?:[^"\\]|\\.)*)"|\.?\[(\d+)\]|\.?\["((?:[^"\\]|\\.)*)"\]/y

/**
 * Reads `.customer.id`, `.items[0]`, `."odd name"`, `.` (the whole line), or a constant. A constant that begins with a dot is written with a
 * backslash before it.
 *
 * @param flag to name in an error.
 */
export function readSelector(flag: string, text: string): Selector {
  if (text.startsWith('\\')) return { kind: 'constant', text: text.slice(1) }
  if (!text.startsWith('.')) return { kind: 'constant', text }
  if (text === '.') return { kind: 'line' }
  const steps: (string | number)[] = []
  STEP.lastIndex = 0
  while (STEP.lastIndex < text.length) {
    const [, name, quoted, index, bracketed] = STEP.exec(text) ?? wrong(flag, text)
    const literal = quoted ?? bracketed
    if (index !== undefined) steps.push(Number(index))
    else steps.push(literal === undefined ? name! : unquote(flag, text, literal))
  }
  return { kind: 'path', text, steps }
}

function unquote(flag: string, text: string, literal: string): string {
  try {
    return JSON.parse(`"${literal}"`)
  } catch {
    return wrong(flag, text)
  }
}

function wrong(flag: string, text: string): never {
  throw new UsageError(
    `${flag} '${text}' is no path: write .name, .a.b[0] or ."odd name", or \\${text} for the text itself`,
  )
}

/** Follows a path into parsed JSON; undefined if it leads nowhere. */
export function follow(data: unknown, steps: readonly (string | number)[]): unknown {
  let at = data
  for (const step of steps) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = (at as Record<string | number, unknown>)[step]
  }
  return at
}

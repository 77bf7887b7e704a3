/** One line of a properties file. */
export interface Property {
  readonly name: string
  readonly value: string
  /** The number of its first line, from 1. */
  readonly line: number
}

/**
 * Reads a properties file as `java.util.Properties.load` does: `name=value`, `name: value` or `name value`; comments begin with `#` or `!`; a
 * line that ends with a backslash goes on in the next one; `\uXXXX`, `\n`, `\t` and `\=` are escapes.
 */
export function readProperties(text: string): Property[] {
  const properties: Property[] = []
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/)
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1
    let logical = lines[i]!.trimStart()
    if (logical === '' || logical.startsWith('#') || logical.startsWith('!')) continue
    while (endsOpen(logical) && i + 1 < lines.length) logical = logical.slice(0, -1) + lines[++i]!.trimStart()
    if (endsOpen(logical)) logical = logical.slice(0, -1)
    const [, name, value] = /^((?:\\.|[^\\=:\s])*)\s*[=:]?\s*(.*)$/s.exec(logical)!
    properties.push({ name: unescaped(name!), value: unescaped(value!), line })
  }
  return properties
}

/** Whether the line ends in an odd number of backslashes, and so continues on the next one. */
function endsOpen(line: string): boolean {
  return /\\*$/.exec(line)![0].length % 2 === 1
}

const LETTERS: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f' }

function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, code?: string, letter?: string) =>
    code === undefined ? (LETTERS[letter!] ?? letter!) : String.fromCharCode(Number.parseInt(code, 16)),
  )
}

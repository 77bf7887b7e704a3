import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/** What the package exports: under which name it is imported, and the file in `src` that it is built from. */
export function entryPointsOf(root: string): readonly { readonly name: string; readonly source: string }[] {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return Object.entries(exports).flatMap(([path, to]) => {
    const types = typesOf(to)
    if (types === undefined) return []
    const source = types.replace(/^\.\/dist\//, 'src/').replace(/\.d\.c?ts$/, '.ts')
    return [{ name: posix.join(name, path), source }]
  })
}

/** Conditions may be nested: the first file of types counts. */
function typesOf(to: unknown): string | undefined {
  if (typeof to === 'string') return /\.d\.c?ts$/.test(to) ? to : undefined
  if (typeof to !== 'object' || to === null) return undefined
  return Object.values(to)
    .map(typesOf)
    .find(one => one !== undefined)
}

import { posix } from 'node:path'
import { entryPoints } from '../../build/entry-points.js'

/** What the package exports: under which name it is imported, and the file in `src` that it is built from. */
export function exportedModules(): readonly { readonly name: string; readonly source: string }[] {
  return entryPoints().map(({ name, source }) => ({
    name: posix.join('rx-kafka', name === 'index' ? '.' : name).replace(/\/$/, ''),
    source,
  }))
}

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type OutputChunk, type Plugin, rolldown } from 'rolldown'
import { type EntryPoint, root } from './entry-points.js'

/**
 * RxJS's own index loads all of its 220 files, most of the time that a process takes to load this library. So a name is
 * imported from the file that defines it. `exports` of RxJS 7 names these files, and the index takes them from there, so it is the same code
 * that the user's program gets.
 */
const rxjsFiles: Plugin = {
  name: 'rxjs-files',
  transform: {
    filter: { code: "from 'rxjs'" },
    handler: code => ({ code: code.replace(/^import \{([^}]*)\} from 'rxjs'$/gm, eachFromItsFile), map: null }),
  },
}

const rxjsIndex: string = readFileSync(join(root, 'node_modules/rxjs/dist/esm/index.js'), 'utf8')

/** Keeps the number of lines, so that source maps stay right. */
function eachFromItsFile(statement: string, names: string): string {
  const parts = names.split(',').flatMap(part => {
    const name = part.trim()
    if (name === '' || name.startsWith('type ')) return []
    const [, file] = new RegExp(`\\b${name}\\b[^}]*\\} from '\\./(internal/[^']+)'`).exec(rxjsIndex) ?? []
    if (file === undefined) throw new Error(`rxjs does not export ${name}`)
    return [`import { ${name} } from 'rxjs/${file}'`]
  })
  return parts.join(';') + '\n'.repeat(statement.split('\n').length - 1)
}

/**
 * Writes the code: the entry points as CommonJS, with shared chunks so that each module is loaded once whatever is
 * loaded first; and for each entry point an ES module that exports the same bindings.
 */
export async function writeBundle(dist: string, entries: readonly EntryPoint[], cli: string): Promise<void> {
  await using bundle = await rolldown({
    cwd: root,
    input: Object.fromEntries([...entries.map(({ name, source }) => [name, source]), ['cli', cli]]),
    platform: 'node',
    // Every package is the user's.
    external: /^[^./]/,
    plugins: [rxjsFiles],
    treeshake: { moduleSideEffects: 'no-external' },
    resolve: { extensionAlias: { '.js': ['.ts'] } },
    transform: { target: 'node20.19' },
    // A warning is a mistake of ours.
    onLog(level, log) {
      if (level === 'warn') throw new Error(log.message)
    },
  })
  const { output } = await bundle.write({
    dir: dist,
    format: 'cjs',
    strict: true,
    // Node reads them at each start; source maps have them.
    comments: { legal: true, annotation: false, jsdoc: false },
    entryFileNames: '[name].cjs',
    chunkFileNames: 'chunk-[name].cjs',
    // One file to find and read for what everybody loads.
    codeSplitting: { groups: [{ name: 'core', test: /src\/index\.ts$/ }] },
    sourcemap: true,
  })
  const chunks = output.filter((file): file is OutputChunk => file.type === 'chunk')
  for (const { fileName, code } of chunks)
    if (code.includes('import.meta')) throw new Error(`${fileName} uses import.meta, which CommonJS has not`)
  for (const { name } of entries) {
    const { exports } = chunks.find(({ fileName }) => fileName === `${name}.cjs`)!
    writeFileSync(join(dist, `${name}.mjs`), wrapper(name, exports))
  }
}

function wrapper(name: string, exports: readonly string[]): string {
  return `import commonjs from './${name}.cjs'\nexport const {\n${exports.map(name => `  ${name},\n`).join('')}} = commonjs\n`
}

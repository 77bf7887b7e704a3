import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type OutputChunk, rolldown } from 'rolldown'
import { type EntryPoint, root } from './entry-points.js'
import { rxjs } from './rxjs.js'

/**
 * Writes the code: the entry points as CommonJS, with shared chunks so that each module is loaded once whatever is
 * loaded first; and for each entry point an ES module that exports the same bindings.
 *
 * @returns the names of the entry points that have a default export.
 */
export async function writeBundle(
  dist: string,
  entries: readonly EntryPoint[],
  cli: string,
): Promise<ReadonlySet<string>> {
  await using bundle = await rolldown({
    cwd: root,
    input: Object.fromEntries([...entries.map(({ name, source }) => [name, source]), ['cli', cli]]),
    platform: 'node',
    // Every package is the user's, but for RxJS's functions.
    external: /^(?!rxjs$)[^./]/,
    plugins: [rxjs],
    // As package.json says of this package, and RxJS's of that one.
    treeshake: { moduleSideEffects: false },
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
    exports: 'named',
    generatedCode: { symbols: false },
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
  for (const { fileName, code } of chunks) {
    if (code.includes('import.meta')) throw new Error(`${fileName} uses import.meta, which CommonJS has not`)
    if (code.includes('require("rxjs")')) throw new Error(`${fileName} loads all of RxJS: see rxjs.ts`)
  }
  const withDefault = new Set<string>()
  for (const { name } of entries) {
    const { exports } = chunks.find(({ fileName }) => fileName === `${name}.cjs`)!
    writeFileSync(join(dist, `${name}.mjs`), wrapper(name, exports))
    if (exports.includes('default')) withDefault.add(name)
  }
  return withDefault
}

function wrapper(name: string, exports: readonly string[]): string {
  const names = exports.filter(name => name !== 'default').map(name => `  ${name},\n`)
  const byName = `import commonjs from './${basename(name)}.cjs'\nexport const {\n${names.join('')}} = commonjs\n`
  return exports.includes('default') ? `${byName}export default commonjs.default\n` : byName
}

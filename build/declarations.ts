import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type EntryPoint, root } from './entry-points.js'

/**
 * Writes the declarations: one set in dist/types, CommonJS as the code is, and for each entry point a file beside its code
 * that leads there, for `require` and for `import`. Two sets would be two types wherever a class has private members.
 */
export function writeDeclarations(
  dist: string,
  entries: readonly EntryPoint[],
  withDefault: ReadonlySet<string>,
): void {
  const types = join(dist, 'types')
  execFileSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', types],
    {
      cwd: root,
      stdio: 'inherit',
    },
  )
  writeFileSync(join(types, 'package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`)
  const declared = entries.map(({ source }) => source.replace(/^src\//, '').replace(/\.ts$/, ''))
  entries.forEach(({ name }, index) => {
    const file = `'./${'../'.repeat(name.split('/').length - 1)}types/${declared[index]}.js'`
    const names = `export * from ${file}\n`
    // For TypeScript, require() of a module with a default export gives all of it, as it does in Node.
    const equals = `import all = require(${file})\nexport = all\n`
    writeFileSync(join(dist, `${name}.d.cts`), withDefault.has(name) ? equals : names)
    writeFileSync(
      join(dist, `${name}.d.mts`),
      withDefault.has(name) ? `${names}export { default } from ${file}\n` : names,
    )
  })
  prune(
    types,
    declared.map(file => join(types, `${file}.d.ts`)),
  )
}

/** Deletes what no entry point's declarations lead to: nobody can name it. */
function prune(types: string, entries: readonly string[]): void {
  const reached = new Set(entries)
  for (const file of reached) {
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(
      /(?:\bfrom |\bimport\(|^import )['"](\.[^'"]+)['"]/gm,
    )) {
      const target = resolve(dirname(file), specifier!.replace(/\.js$/, '.d.ts'))
      if (!existsSync(target)) throw new Error(`${file} imports ${specifier}, which is not there`)
      reached.add(target)
    }
  }
  for (const file of readdirSync(types, { recursive: true, encoding: 'utf8' })) {
    const path = join(types, file)
    if (file.endsWith('.d.ts') && !reached.has(path)) rmSync(path)
  }
}

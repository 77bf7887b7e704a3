import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root: string = fileURLToPath(new URL('../', import.meta.url))

/** An entry point that users load by name. Its files in dist/ begin with `name`. */
export interface EntryPoint {
  readonly name: string
  /** Relative to the root. */
  readonly source: string
}

interface Manifest {
  readonly exports: Readonly<Record<string, unknown>>
}

/**
 * The entry points are what `exports` in package.json names: `./testing` is made of `src/testing/index.ts`, `./nestjs/microservices`
 * of `src/nestjs/microservices.ts`, and `.` of `src/index.ts`. Adding a line there adds an entry point.
 */
export function entryPoints(): EntryPoint[] {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
  return Object.entries(exports)
    .filter(([path]) => path !== './package.json')
    .map(([path, files]) => {
      const name = path === '.' ? 'index' : path.slice(2)
      const file = `src/${name}.ts`
      const source = existsSync(join(root, file)) ? file : `src/${name}/index.ts`
      const expected = JSON.stringify({ import: `./dist/${name}.mjs`, default: `./dist/${name}.cjs` })
      if (JSON.stringify(files) !== expected)
        throw new Error(
          `exports["${path}"] in package.json is ${JSON.stringify(files)}, but the build makes ${expected}`,
        )
      if (!existsSync(join(root, source)))
        throw new Error(`exports["${path}"] in package.json is made of ${source}, which does not exist`)
      return { name, source }
    })
}

import { existsSync } from 'node:fs'
import { ACKED, COMMONJS, ESM } from '../programs.js'
import type { Kind } from '../project.js'

export const bun: Kind = {
  name: 'Bun',
  run(project) {
    // The package `bun` gets this one's program by a script when it is installed, which is not run everywhere.
    const name = `@oven/bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}`
    project.install([name])
    const program = project.path(`node_modules/${name}/bin/bun`)
    if (!existsSync(program)) throw new Error(`${name} has no program`)
    project.write({ 'program.cjs': COMMONJS, 'program.mjs': ESM, 'program.ts': ESM })
    for (const file of ['program.cjs', 'program.mjs', 'program.ts'])
      project.expect(`Bun, ${file}`, ACKED, program, 'run', file)
  },
}

import { ACKED, TYPESCRIPT } from '../programs.js'
import { type Kind, ours } from '../project.js'

/** Without a tsconfig.json its options are ones that TypeScript 5.9 refuses. It works with the compiler's API, which TypeScript 7 has not. */
const CONFIG = { compilerOptions: { module: 'commonjs', target: 'es2022', strict: true, esModuleInterop: true } }

export const tsNode: Kind = {
  name: 'ts-node',
  run(project) {
    project.install(['ts-node@10', 'typescript@~5.9', ours('@types/node')])
    project.write({ 'program.ts': TYPESCRIPT, 'tsconfig.json': JSON.stringify(CONFIG) })
    project.expect('ts-node', ACKED, 'npx', 'ts-node', 'program.ts')
  },
}

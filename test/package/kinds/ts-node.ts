import { ACKED, TYPESCRIPT } from '../programs.js'
import { type Kind, ours } from '../project.js'

/** Its default is CommonJS. It works with the compiler's API, which TypeScript 7 has not. */
export const tsNode: Kind = {
  name: 'ts-node',
  run(project) {
    project.install(['ts-node@10', 'typescript@~5.9', ours('@types/node')])
    project.write({ 'program.ts': TYPESCRIPT })
    project.expect('ts-node', ACKED, 'npx', 'ts-node', 'program.ts')
  },
}

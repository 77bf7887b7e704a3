import { VERSION } from '../../../src/version.js'
import { nodeOf } from '../nodes.js'
import { ACKED, COMMONJS } from '../programs.js'
import type { Kind } from '../project.js'

/** Fails where the flag does nothing: then its program would prove nothing. */
const LOADS_ESM = `
try {
  require('./module.mjs')
  console.log('loaded')
} catch (error) {
  console.log(error.code)
}
`

const FLAG = '--no-experimental-require-module'

/** `require()`, also where ES modules cannot be loaded by it. */
export const commonjs: Kind = {
  name: 'CommonJS',
  run(project) {
    project.install([])
    project.write({ 'program.js': COMMONJS, 'loads-esm.js': LOADS_ESM, 'module.mjs': 'export {}\n' })
    for (const line of [20, 22, 24]) {
      project.expect(
        `Node ${line} cannot load ES modules by require()`,
        'ERR_REQUIRE_ESM',
        nodeOf(line),
        FLAG,
        'loads-esm.js',
      )
      project.expect(`require() on that Node ${line}`, ACKED, nodeOf(line), FLAG, 'program.js')
    }
    project.expect('require() on Node 26', ACKED, nodeOf(26), 'program.js')
    project.expect('the command', VERSION, 'npx', '--no-install', 'rx-kafka', '--version')
  },
}

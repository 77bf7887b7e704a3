/**
 * `npm run test:package`: packs the library, installs it into an empty project of each kind as npm would, and sends a record through it
 * there. `npm run test:package -- Jest Bun` tests these kinds only.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { both } from './kinds/both.js'
import { bun } from './kinds/bun.js'
import { commonjs } from './kinds/commonjs.js'
import { esm } from './kinds/esm.js'
import { git } from './kinds/git.js'
import { jest } from './kinds/jest.js'
import { nest } from './kinds/nest.js'
import { publish } from './kinds/publish.js'
import { rxjs } from './kinds/rxjs.js'
import { tsNode } from './kinds/ts-node.js'
import { types } from './kinds/types.js'
import { vitest } from './kinds/vitest.js'
import { type Kind, Project, root } from './project.js'

const KINDS: readonly Kind[] = [commonjs, esm, both, rxjs, types, tsNode, jest, vitest, nest, bun, git, publish]

const wanted = process.argv.slice(2)
for (const name of wanted) {
  if (!KINDS.some(kind => kind.name === name))
    throw new Error(`there is no kind of project '${name}', only ${KINDS.map(kind => `'${kind.name}'`).join(', ')}`)
}
const chosen = wanted.length === 0 ? KINDS : KINDS.filter(({ name }) => wanted.includes(name))

const folder = mkdtempSync(join(tmpdir(), 'rx-kafka-package-'))
const failed: string[] = []
try {
  const output = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [{ filename }] = JSON.parse(output) as [{ filename: string }]
  chosen.forEach(({ name, run }, i) => {
    console.log(name)
    const project = new Project(join(folder, `project-${i}`), join(folder, filename), line =>
      console.log(`  ok: ${line}`),
    )
    try {
      run(project)
    } catch (error) {
      failed.push(name)
      console.error(`  FAILED: ${(error as Error).message}`)
    }
  })
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(
  failed.length === 0 ? `all ${chosen.length} kinds work` : `${failed.join(', ')} did not work, or could not be had`,
)
if (failed.length > 0) process.exitCode = 1

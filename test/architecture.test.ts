import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { VERSION } from '../src/version.js'

const root = fileURLToPath(new URL('../', import.meta.url))
const src = join(root, 'src')

/** What each folder of src/ may import, itself aside. The leaves may be used by all. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  protocol: [],
  transport: ['protocol'],
  cluster: ['protocol', 'transport'],
  producer: ['protocol', 'transport', 'cluster'],
  streams: ['protocol', 'transport', 'cluster', 'producer'],
  testing: ['protocol', 'transport'],
}
const LEAVES = ['bounded-scheduler.ts', 'errors.ts', 'json.ts', 'read-options.ts', 'version.ts']

/** The stages of the data path: joined in data-path.ts, unknown to each other. */
const STAGES = ['accumulator', 'partitioner', 'in-flight', 'sender', 'acks', 'producer-id', 'room']

interface Import {
  readonly from: string
  readonly specifier: string
  readonly target: string | undefined
}

const imports: Import[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts'))
  .flatMap(file => {
    const text = readFileSync(join(src, file), 'utf8')
    return [...text.matchAll(/^(?:import|export)\b[^'";]*?\bfrom\s+'([^']+)'/gms)].map(([, specifier]) => ({
      from: file,
      specifier: specifier!,
      target: specifier!.startsWith('.')
        ? relative(src, resolve(src, dirname(file), specifier!.replace(/\.js$/, '.ts')))
        : undefined,
    }))
  })

const folderOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '')

test('there are imports to look at', () => {
  assert.ok(imports.length > 100, `${imports.length} found`)
  assert.ok(
    imports.some(
      ({ from, target }) => from === 'producer/in-flight/produce-request.ts' && target === 'transport/connection.ts',
    ),
  )
})

test('folders import one way: protocol, transport, cluster, producer, streams; testing stands aside', () => {
  for (const { from, target } of imports) {
    const folder = folderOf(from)
    if (target === undefined || folder === '' || LEAVES.includes(target) || folderOf(target) === folder) continue
    assert.ok(MAY_IMPORT[folder]?.includes(folderOf(target)), `${from} must not import ${target}`)
  }
})

test('protocol is pure: no rxjs, no sockets', () => {
  for (const { from, specifier } of imports.filter(({ from }) => folderOf(from) === 'protocol')) {
    assert.ok(!/^(rxjs|node:(net|tls|http|dns|events|stream))/.test(specifier), `${from} must not import ${specifier}`)
  }
})

test('every timer is a scheduler of the options, which is bounded: Node fires a timer of more than 24.8 days at once', () => {
  const own = ['producer/process-scheduler.ts', 'producer/process-hold.ts']
  for (const from of new Set(imports.map(({ from }) => from))) {
    const text = readFileSync(join(src, from), 'utf8')
    if (!own.includes(from)) assert.doesNotMatch(text, /\bset(Timeout|Interval)\(/, from)
  }
})

test('testing takes from transport only framing and the transport interface', () => {
  for (const { from, target } of imports.filter(({ from }) => folderOf(from) === 'testing')) {
    if (target === undefined || folderOf(target) !== 'transport') continue
    assert.match(target, /^transport\/(framing|transport)\.ts$/, from)
  }
})

test('the stages of the data path do not import each other', () => {
  const stages = STAGES.map(stage => `producer/${stage}.ts`)
  // The chooser is a part of the accumulator.
  const allowed = 'producer/accumulator.ts>producer/partitioner.ts'
  for (const { from, target } of imports) {
    if (!stages.includes(from) || target === undefined || `${from}>${target}` === allowed) continue
    assert.ok(!stages.includes(target), `${from} must not import ${target}`)
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
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts'))) {
    const lines = readFileSync(join(src, file), 'utf8').split('\n').length
    assert.ok(lines <= 400, `${file} has ${lines} lines`)
  }
})

test('the version that brokers are told is the one in package.json', () => {
  assert.equal(VERSION, JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version)
})

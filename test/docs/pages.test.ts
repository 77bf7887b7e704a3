import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { headingsOf, sectionOf } from '../../docs/site/markdown.js'
import { groupsOf } from '../../docs/site/pages.js'
import { examples } from '../../examples/support/catalog.js'
import * as rxKafka from '../../src/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { root } from './blocks.js'

const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const pages = groupsOf(examples).flatMap(one => ('pages' in one ? one.pages : [one]))

test('the site has every page of docs/, and each once', () => {
  const files = pages.flatMap(({ parts }) => parts.map(({ file }) => file)).filter(file => /^docs\/[^/]+$/.test(file))
  assert.deepEqual(files, [...new Set(files)])
  const there = readdirSync(join(root, 'docs')).filter(name => name.endsWith('.md') && name !== 'README.md')
  assert.ok(there.length > 15)
  for (const name of there) assert.ok(files.includes(`docs/${name}`), `docs/site/pages.ts does not name docs/${name}`)
})

test('the site has what the README says of the producer: every section but those that it says in its own words', () => {
  const own = ['Try it', 'Use it', 'From the command line', 'Examples', 'More', 'OpenTelemetry']
  const shown = pages.flatMap(({ parts }) => parts).filter(({ file }) => file === 'README.md')
  const names = shown.flatMap(({ section, without = [] }) => [section, ...without])
  for (const { level, text } of headingsOf(read('README.md')))
    if (level === 2)
      assert.ok([...own, ...names].includes(text), `docs/site/pages.ts does not name the section ${text}`)
  for (const { section, without } of shown) assert.ok(sectionOf(read('README.md'), section!, without).length > 200)
  for (const name of shown.flatMap(({ without = [] }) => without))
    assert.ok([...own, ...shown.map(({ section }) => section)].includes(name), `${name} has no page of its own`)
})

test('a page of the site has its slug to itself, and says what it is about', () => {
  const slugs = pages.map(({ slug }) => slug)
  assert.deepEqual(slugs, [...new Set(slugs)])
  for (const { about, parts } of pages) {
    assert.ok(about.length > 5)
    // Pages of others may come later.
    for (const { file } of parts.slice(0, -1)) assert.ok(existsSync(join(root, file)), file)
  }
})

test('Errors, and what to do: every error class, and every code that the producer treats', () => {
  const classes = Object.entries(rxKafka).filter(([name, one]) => typeof one === 'function' && name.endsWith('Error'))
  assert.ok(classes.length > 20)
  const table = sectionOf(read('README.md'), 'Errors')
  for (const [name] of classes.filter(([name]) => name !== 'KafkaError')) assert.ok(table.includes(`\`${name}\``), name)

  const page = read('docs/errors.md')
  const treated = ['in-flight/produce-request.ts', 'transactions/verdicts.ts', 'transactions/transactions.ts']
    .map(file => read(`src/producer/${file}`))
    .concat(read('src/transport/sasl.ts'), read('src/cluster/coordinator.ts'), read('src/cluster/metadata.ts'))
    .flatMap(text => [...text.matchAll(/ErrorCode\.([A-Z_]+)/g)].map(([, name]) => name!))
    .filter(name => name !== 'NONE')
  assert.ok(treated.length > 50)
  for (const name of new Set(treated))
    assert.match(page, new RegExp(`\\b${name} \\(`), `docs/errors.md does not name ${name}`)
  for (const [, name, code] of page.matchAll(/\b([A-Z][A-Z_]{5,}) \((-?\d+)\)/g))
    assert.equal(ErrorCode[name as keyof typeof ErrorCode], Number(code), name)
})

test('Benchmarks: names every command that there is', () => {
  const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> }
  const names = Object.keys(scripts).filter(name => /^bench(:|$)/.test(name) && name !== 'bench:build')
  assert.ok(names.length > 8)
  const page = read('docs/benchmarks.md')
  for (const name of names) assert.ok(new RegExp(`npm run ${name}[\` ]`).test(page), name)
})

test('From node-rdkafka: names every option that there is, and its default', () => {
  const options = read('src/producer/options/options.ts')
  const table = sectionOf(read('docs/node-rdkafka.md'), 'Properties')
  const names = [...table.matchAll(/^\| [^|]*\| [^|]*\| `(\w+)`[^|]*\| `?([^|`]*?)`? *\|$/gm)]
  assert.ok(names.length > 15, `${names.length}`)
  for (const [, name, value] of names) {
    const comment = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s+readonly ${name}\\??:`).exec(options)?.[1]
    assert.ok(comment !== undefined, `there is no option ${name}`)
    const number = /^\d+/.exec(value!)?.[0]
    if (number !== undefined) assert.ok(comment.includes(`Default ${number}`), `${name}: the default is not ${number}`)
  }
})

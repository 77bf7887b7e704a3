import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { examples } from '../../examples/support/catalog.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const section = (title: string): string => new RegExp(`^## ${title}$(.*?)^## `, 'ms').exec(readme)![1]!

/** What the snippets have from the text around them. */
const around = `
import type { Observable } from 'rxjs'
import type { Producer } from 'rx-kafka'

declare global {
  interface Order { readonly id: string }
  interface Row { readonly sensor: string }
  const producer: Producer
  const orders$: Observable<Order>
  const prices$: Observable<{ readonly symbol: string }>
  const map: typeof import('rxjs').map
  const filter: typeof import('rxjs').filter
  const serializers: typeof import('rx-kafka').serializers
  const pipeline: typeof import('node:stream/promises').pipeline
  const createReadStream: typeof import('node:fs').createReadStream
  const createGunzip: typeof import('node:zlib').createGunzip
  const parseRows: (lines: AsyncIterable<Buffer>) => AsyncGenerator<Row>
  const records: import('node:stream').Readable
  const rows: ReadableStream<Row>
  const response: { readonly body: ReadableStream<Uint8Array> }
  const splitLines: TransformStream<string, string>
  const lines: ReadableStream<string>
  const log: { warn(...what: unknown[]): void }
}
`

const config = {
  extends: '../../tsconfig.json',
  compilerOptions: { paths: { 'rx-kafka': ['../../src/index.ts'] }, isolatedDeclarations: false, declaration: false },
  include: ['*'],
  exclude: [],
}

test('README: what it shows of the producer and its streams compiles', () => {
  const snippets = ['Use it', 'Streams'].flatMap(title => [...section(title).matchAll(/^```ts\n(.*?)^```$/gms)])
  assert.ok(snippets.length >= 9, `${snippets.length}`)
  // Beneath the project, so that its packages are found.
  const folder = mkdtempSync(join(root, 'node_modules', '.readme-'))
  try {
    writeFileSync(join(folder, 'around.d.ts'), around)
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    for (const [i, [, code]] of snippets.entries())
      writeFileSync(join(folder, `snippet-${i}.ts`), `${code}\nexport {}\n`)
    const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder, '--noEmit'], { encoding: 'utf8' })
    assert.equal(tsc.status, 0, tsc.stdout + tsc.stderr)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('README: every example is in the table, and the other way round', () => {
  const named = [...section('Examples').matchAll(/^\| \[`([\w-]+)`\]\(examples\/\1\.ts\) \|/gm)].map(([, name]) => name)
  assert.deepEqual(named, Object.keys(examples))
})

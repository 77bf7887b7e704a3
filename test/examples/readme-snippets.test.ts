import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { examples } from '../../examples/support/catalog.js'
import { startCluster } from '../../src/testing/index.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const section = (title: string): string => new RegExp(`^## ${title}$(.*?)^## `, 'ms').exec(readme)![1]!
const snippets = ['Use it', 'Streams', 'Transactions'].flatMap(title =>
  [...section(title).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!),
)

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
  const range: typeof import('rxjs').range
  const windowTime: typeof import('rxjs').windowTime
  const lastValueFrom: typeof import('rxjs').lastValueFrom
  const createProducer: typeof import('rx-kafka').createProducer
  const readFile: typeof import('node:fs/promises').readFile
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
  assert.ok(snippets.length >= 9, `${snippets.length}`)
  // Beneath the project, so that its packages are found.
  const folder = mkdtempSync(join(root, 'node_modules', '.readme-'))
  try {
    writeFileSync(join(folder, 'around.d.ts'), around)
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    for (const [i, code] of snippets.entries()) writeFileSync(join(folder, `snippet-${i}.ts`), `${code}\nexport {}\n`)
    const tsc = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder, '--noEmit'], { encoding: 'utf8' })
    assert.equal(tsc.status, 0, tsc.stdout + tsc.stderr)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

interface Run {
  /** Text that only this snippet has. */
  readonly has: string
  readonly topic: string
  /** Another topic that it writes to. */
  readonly beside?: string
  /** What the topic holds in the end, in any order. */
  readonly stored: readonly string[]
  readonly printed?: RegExp
  readonly warned?: RegExp
  /** The snippet only looks on: a full buffer must give it something to see. */
  readonly fill?: true
}

const ORDERS = ['a', 'b', 'a'].map((customer, n) => JSON.stringify({ customer, n }))
const FILES = {
  'orders.ndjson': ORDERS.join('\n'),
  'readings.csv.gz': gzipSync('s-1,20\ns-2,21\n'),
}

const RUNS: readonly Run[] = [
  { has: 'async function* records()', topic: 'orders', stored: ORDERS, printed: /^(\d \d+n\n){3}$/ },
  { has: 'prices$.pipe', topic: 'prices', stored: ['{"symbol":"A"}', '{"symbol":"B"}'], warned: /^warned: \[object/m },
  {
    has: 'producer.sendOne(',
    topic: 'orders',
    stored: ['{"customer":"c-1"}'],
    printed: /^stored in partition 0 at offset 0\n$/,
  },
  { has: 'orders$\n', topic: 'orders', stored: ['{"id":"o-1"}', '{"id":"o-2"}'], printed: /^(o-\d acked\n){2}$/ },
  {
    has: 'producer.writable<',
    topic: 'readings',
    stored: ['{"sensor":"s-1","celsius":20}', '{"sensor":"s-2","celsius":21}'],
  },
  { has: 'producer.duplex()', topic: 'records', stored: ['r-1', 'r-2', 'r-3'], printed: /^(acked\n){3}$/ },
  { has: 'producer.webWritable(', topic: 'pages', stored: ['p-1', 'p-2'] },
  {
    has: 'producer.webTransform<',
    topic: 'readings',
    stored: ['{"sensor":"s-1"}', '{"sensor":"s-2"}'],
    printed: /^(acked\n){2}$/,
  },
  { has: "process.once('SIGTERM'", topic: 'pages', stored: ['l-1', 'l-2'] },
  {
    has: 'producer.events$',
    topic: 'filled',
    stored: Array.from({ length: 40 }, () => 'x'.repeat(1_000)),
    warned: /^warned: filled-0 holds \d+ bytes$/m,
    fill: true,
  },
  { has: 'beginTransaction()', topic: 'orders', beside: 'payments', stored: ['an order'] },
  {
    has: 'ticker.transactionally()',
    topic: 'prices',
    stored: ['A', 'x'.repeat(4_096), 'B'].map(symbol => JSON.stringify({ symbol })),
    printed: /^committed 3\n(committed 0\n)*$/,
  },
  { has: 'importer.position()', topic: 'orders', stored: ORDERS },
]

test('README: the test knows every snippet, and what each of them writes', () => {
  assert.deepEqual(
    snippets.map(code => RUNS.filter(run => code.includes(run.has)).map(run => run.has)),
    RUNS.map(run => [run.has]),
  )
  for (const run of RUNS) assert.ok(run.stored.length > 0, run.has)
})

for (const [i, run] of RUNS.entries()) {
  test(`README, snippet ${i + 1} runs, and its records are stored: ${run.has.trim()}`, async () => {
    await using cluster = await startCluster({
      topics: Object.fromEntries([run.topic, run.beside ?? run.topic].map(topic => [topic, { partitions: 1 }])),
      autoCreateTopics: false,
    })
    if (run.fill) cluster.inject({ fault: { kind: 'delay', ms: 1_500 } })
    const folder = mkdtempSync(join(root, 'node_modules', '.readme-'))
    try {
      for (const [name, content] of Object.entries(FILES)) writeFileSync(join(folder, name), content)
      // The first program is one of plain JavaScript. The others have types, and parts from the text around them.
      const file = join(folder, i === 0 ? 'program.mjs' : 'snippet.mts')
      writeFileSync(file, snippets[i]!.replaceAll("'localhost:9092'", `'${cluster.brokers[0]}'`))
      if (i === 0) assertSyntax(file)
      writeFileSync(
        file,
        readFileSync(file, 'utf8').replaceAll("'rx-kafka'", `'${new URL('../../src/index.ts', import.meta.url)}'`),
      )
      const runner = join(root, 'test/examples/snippets/run.ts')
      const args = ['--import', 'tsx', runner, file, cluster.brokers[0]!, ...(run.fill ? ['fill'] : [])]
      const child = spawn(process.execPath, args, { cwd: folder, timeout: 30_000, killSignal: 'SIGKILL' })
      let printed = ''
      let warned = ''
      child.stdout.on('data', chunk => {
        printed += chunk
      })
      child.stderr.on('data', chunk => {
        warned += chunk
      })
      await once(child, 'close')
      assert.equal(child.exitCode, 0, printed + warned)
      const values = cluster.records(run.topic, 0).map(record => String(record.value))
      assert.deepEqual(values.toSorted(), [...run.stored].toSorted())
      assert.match(printed, run.printed ?? /^$/)
      assert.match(warned, run.warned ?? /^closed\n$/)
      assert.match(warned, /^closed\n/m)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}

/** Whether this Node takes the file as it is. */
function assertSyntax(file: string): void {
  const checked = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8' })
  assert.equal(checked.status, 0, checked.stderr)
}

test('README: every example is in the table, and the other way round', () => {
  const rows = section('Examples')
    .split('\n')
    .filter(line => line.startsWith('| ['))
  const named = rows.flatMap(row => [...row.matchAll(/\[`([\w-]+)`\]\(examples\/\1\.ts\)/g)].map(([, name]) => name))
  assert.deepEqual(named, Object.keys(examples))
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import Database from 'libsql'
import { filter, firstValueFrom, skip } from 'rxjs'
import { startCluster, type TestCluster } from '../../src/testing/index.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const TOPIC = 'example-outbox'
const ROWS = 6_000

/** As `npm run example -- outbox DATABASE --brokers …`, until `killed` resolves, if it is given. */
async function relay(database: string, cluster: TestCluster, killed?: Promise<unknown>): Promise<string> {
  const args = ['--import', 'tsx', 'examples/run.ts', 'outbox', database, '--brokers', cluster.brokers.join()]
  const child = spawn(process.execPath, args, { cwd: root, timeout: 60_000, killSignal: 'SIGKILL' })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output += chunk
    })
  }
  const closed = once(child, 'close')
  void killed?.then(() => child.kill('SIGKILL'))
  assert.deepEqual(await closed, killed === undefined ? [0, null] : [null, 'SIGKILL'], output)
  return output
}

test('outbox: killed by SIGKILL at any point and started again, it writes each row exactly once, in order', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'rx-kafka-outbox-'))
  t.after(() => rm(folder, { recursive: true }))
  const database = join(folder, 'shop.db')
  const db = new Database(database)
  db.exec('CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, customer TEXT, payload TEXT)')
  const insert = db.prepare('INSERT INTO outbox (customer, payload) VALUES (?, ?)')
  db.transaction(() => {
    for (let i = 0; i < ROWS; i++) insert.run(`c-${i % 7}`, `row ${i}`)
  })()
  db.close()

  await using cluster = await startCluster({ topics: { [TOPIC]: { partitions: 3 } } })
  const state = (name: string) =>
    cluster.trace$.pipe(filter(entry => entry.kind === 'transaction' && entry.state === name))
  const appended$ = cluster.trace$.pipe(filter(({ kind }) => kind === 'appended'))
  // While records of a transaction are stored; when its commit is decided, and not answered; when it is complete.
  await relay(database, cluster, firstValueFrom(appended$.pipe(skip(1))))
  await relay(database, cluster, firstValueFrom(state('PrepareCommit').pipe(skip(1))))
  await relay(database, cluster, firstValueFrom(state('CompleteCommit').pipe(skip(2))))
  cluster.inject({ api: 'EndTxn', fault: { kind: 'neverAnswer' } })
  await relay(database, cluster, firstValueFrom(state('CompleteCommit')))
  const last = await relay(database, cluster)
  assert.match(last, /^begins behind row [1-9]\d*$/m)

  const ids = [0, 1, 2].map(partition =>
    cluster
      .records(TOPIC, partition, { isolation: 'read_committed' })
      .map(({ headers }) => Number(headers.find(([name]) => name === 'outbox-id')![1])),
  )
  for (const along of ids)
    assert.deepEqual(
      along,
      along.toSorted((a, b) => a - b),
    )
  assert.deepEqual(
    ids.flat().sort((a, b) => a - b),
    Array.from({ length: ROWS }, (_, i) => i + 1),
  )
  const all = [0, 1, 2].reduce((sum, partition) => sum + cluster.records(TOPIC, partition).length, 0)
  assert.ok(all > ROWS, 'at least one transaction was cut off: its records are in the log, and nobody reads them')
})

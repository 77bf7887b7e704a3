import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { examples } from '../../examples/support/catalog.js'
import { startCluster } from '../../src/testing/index.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** As `npm run example -- …` does. */
async function run(...args: string[]): Promise<Ended> {
  const options = { cwd: root, timeout: 60_000 }
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/run.ts', ...args], options)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, stdout, stderr }
}

/** What each example has to print, in this order. */
const expected: Readonly<Record<string, readonly RegExp[]>> = {
  acks: [
    /^order 500 failed, persisted: 'no': .* more than `maxRequestSize`/m,
    /^partition 0: \d+ acked\npartition 1: \d+ acked\npartition 2: \d+ acked$/m,
    /^verified: topic example-acks has 999 records, each once and in order \(partitions: 3\)$/m,
  ],
  'ndjson-file': [
    /^10000 lines of .* are acked$/m,
    /^verified: topic example-ndjson-file has 10000 records, each once and in order \(partitions: 3\)$/m,
  ],
  'gzip-csv': [/^verified: topic example-gzip-csv has 10000 records, each once and in order \(partitions: 3\)$/m],
  'web-fetch': [/^verified: topic example-web-fetch has 10000 records, each once and in order \(partitions: 3\)$/m],
  'http-server': [
    /^100 of 100 were answered with 201, such as this one:\n\{"partition":\d,"offset":"\d+"\}$/m,
    /^verified: topic example-http-server has 100 records, each once and in order \(partitions: 3\)$/m,
    /^refused: 503, retry after 1 s, \{"error":"not written"\}$/m,
  ],
  sensor: [
    /^offset 0: \d+ readings, .* on average\n(offset \d: .*\n){8}offset 9: /m,
    /^verified: topic example-sensor has 10 records, each once and in order \(partitions: 1\)$/m,
  ],
  'dead-letter': [
    /^verified: topic example-orders has 97 records, each once and in order \(partitions: 3\)$/m,
    /^verified: topic example-orders-dead-letter has 3 records, each once and in order \(partitions: 1\)$/m,
    /^dead letter: reason: .*could not be serialized: Do not know how to serialize a BigInt; topic: example-orders$/m,
    /^dead letter: reason: .* more than `maxRequestSize` .*; topic: example-orders$/m,
    /^dead letter: reason: MESSAGE_TOO_LARGE .*; topic: example-orders$/m,
  ],
  transform: [
    /^1000 invoices are committed$/m,
    /^verified: topic example-invoices has 1000 records, each once and in order \(partitions: 3\)$/m,
  ],
  'back-pressure': [
    // The buffer takes 4 MB, and the broker reads no more than half a megabyte a second.
    /^ +[1-5]\.\d MB pulled, .*\nfrom here on the broker is fast$/m,
    /^the buffer never held more than its 4\.0 MB$/m,
    /^verified: topic example-back-pressure has \d+ records, each once and in order \(partitions: 1\)$/m,
  ],
  dashboard: [
    /^open http:\/\/127\.0\.0\.1:\d+\/ in a browser; Ctrl-C stops$/m,
    /^[\d,]+ records are in the brokers' logs, each once and in order; acks came in the same order\.$/m,
  ],
  'retry-failed': [
    /^(order [014] was not written: once more\n){3}/m,
    // Either may come first: one waits for timers, the other for a broker that does not answer.
    /(?=[\s\S]*^(order [014]: acked\n){3})(?=[\s\S]*^(order [235]: failed, persisted: 'maybe'\n){3})/m,
    /^verified: topic example-retry-failed has 6 records, each once and in order \(partitions: 2\)$/m,
  ],
  'schema-registry': [
    // Of each schema the id and the text, though a thousand records waited for them.
    /^6 requests to the registry:\n( {2}GET \/subjects\/example-[\w-]+-value\/versions\/latest\n {2}GET \/schemas\/ids\/\d\n){3}/m,
    // A magic byte, the id in four bytes, and of Protobuf the index of the message.
    /^verified: example-avro has all orders; the first one begins with 0000000001/m,
    /^verified: example-json-schema has all orders; the first one begins with 00000000027b$/m,
    /^verified: example-protobuf has all orders; the first one begins with 000000000300$/m,
  ],
  outbox: [
    /^begins behind row 0\n(rows up to \d+ are committed\n){4}/m,
    /^verified: topic example-outbox has 2000 records, each once and in order \(partitions: 3\)$/m,
  ],
  express: [
    /^100 of 100 were answered with 201$/m,
    /^verified: topic example-express has 100 records, each once and in order \(partitions: 3\)$/m,
    /^refused: 503, retry after 1 s$/m,
  ],
  fastify: [
    /^100 of 100 were answered with 201$/m,
    /^refused: 503, retry after 1 s$/m,
    /^the server is closed, and so is the producer: closed$/m,
    /^verified: topic example-fastify has 100 records, each once and in order \(partitions: 3\)$/m,
  ],
  'http-body': [
    /^200: \{"lines":100000\}$/m,
    /^verified: topic example-http-body has 100000 records, each once and in order \(partitions: 3\)$/m,
  ],
  cron: [
    /^batches that are stored: 1\nbatches that are stored: 2\nonce more: it is stored already$/m,
    /^verified: topic example-cron has 200 records, each once and in order \(partitions: 1\)$/m,
  ],
  kubernetes: [
    /^ready: 200\n200 of 200 accepted; not all have their ack\ndelivered: 0 records are lost$/m,
    /^verified: topic example-kubernetes has 200 records, each once and in order \(partitions: 3\)$/m,
  ],
  'worker-threads': [
    /^the threads have stored 10200, 9900, 9900 records$/m,
    /^verified: 30000 records, each once, and in order along each key$/m,
  ],
}

/** What ends an example that goes on for as long as somebody looks. */
const args: Readonly<Record<string, readonly string[]>> = { dashboard: ['--port', '0', '--seconds', '2'] }

for (const name of Object.keys(examples)) {
  test(`example ${name}: runs, ends by itself, and what it wrote is verified`, async () => {
    const { code, stdout, stderr } = await run(name, ...(args[name] ?? []))
    assert.equal(code, 0, stdout + stderr)
    let from = 0
    for (const pattern of expected[name]!) {
      const rest = stdout.slice(from)
      assert.match(rest, pattern)
      from += pattern.exec(rest)!.index
    }
  })
}

test('every file in examples/ is in the list, and the other way round', async () => {
  const files = (await readdir(join(root, 'examples'))).filter(name => name.endsWith('.ts'))
  const others = ['main-job.ts', 'make-sample.ts', 'run.ts']
  const names = Object.keys(examples).map(name => `${name}.ts`)
  assert.deepEqual(files.sort(), [...names, ...others].sort())
})

test('without a name, the examples are listed; with a wrong one too, and the exit code is 1', async () => {
  const list = Object.entries(examples).map(([name, shows]) => new RegExp(`^ +${name} +${shows}$`, 'm'))
  const { code, stdout } = await run()
  assert.equal(code, 0)
  for (const line of list) assert.match(stdout, line)
  const wrong = await run('toString')
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /^there is no example 'toString'$/m)
  for (const line of list) assert.match(wrong.stderr, line)
})

test('with --brokers and a file of your own: lines that are no JSON are told of, the others are in your Kafka', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'rx-kafka-examples-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'mine.ndjson')
  await writeFile(file, '{"user":7,"n":1}\r\nnot JSON\n{"user":7,"n":2}\n{"n":3}')
  await using cluster = await startCluster({ defaultPartitions: 1 })
  const { code, stdout, stderr } = await run('ndjson-file', file, 'user', '--brokers', cluster.brokers.join())
  assert.equal(code, 1)
  assert.match(stderr, /^not written: not JSON: .*could not be serialized/)
  assert.match(stdout, /^3 lines of .* are acked$/m)
  const stored = cluster.records('example-ndjson-file', 0).map(({ key, value }) => [key && String(key), String(value)])
  assert.deepEqual(stored, [
    ['7', '{"user":7,"n":1}'],
    ['7', '{"user":7,"n":2}'],
    [null, '{"n":3}'],
  ])
})

test('with --brokers where there is no Kafka: exit code 1, and what happened there', async () => {
  const { code, stderr } = await run('acks', '--brokers', '127.0.0.1:1')
  assert.equal(code, 1)
  assert.match(stderr, /^no connection: connect ECONNREFUSED 127\.0\.0\.1:1$/m)
})

test('wrong options: exit code 2, and what is wrong', async () => {
  const { code, stderr } = await run('acks', '--frobnicate')
  assert.equal(code, 2)
  assert.match(stderr, /Unknown option '--frobnicate'/)
})

import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startCluster } from '../../src/testing/index.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Job {
  readonly child: ChildProcessWithoutNullStreams
  /** What was printed so far. */
  output(): string
  /** Resolves when something that was printed fits. */
  printed(pattern: RegExp): Promise<void>
  /** Resolves with the exit code. */
  ended: Promise<number>
}

const children = new Set<ChildProcessWithoutNullStreams>()
after(() => {
  for (const child of children) child.kill('SIGKILL')
})

function start(...args: string[]): Job {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/main-job.ts', ...args], { cwd: root })
  children.add(child)
  let output = ''
  const waiting = new Set<() => void>()
  const collect = (chunk: Buffer): void => {
    output += chunk
    for (const check of waiting) check()
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  return {
    child,
    output: () => output,
    printed: pattern =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!pattern.test(output)) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        child.on('exit', () => reject(new Error(`ended without printing ${pattern}:\n${output}`)))
        check()
      }),
    ended: once(child, 'close').then(([code]) => code as number),
  }
}

test('the main job: everything is acked, read back and verified, and the depth of the window is reported', async () => {
  const job = start('--records', '5000')
  assert.equal(await job.ended, 0, job.output())
  assert.match(
    job.output(),
    /window depth reached: broker 1: [1-4], broker 2: [1-4], broker 3: [1-4]; seen by brokers: [1-4]\n/,
  )
  assert.match(job.output(), /5000 lines read, 5000 acked, 0 failed\nevery record was acked and verified\n/)
  const rows = [...job.output().matchAll(/^ +(\d) +(\d+) +0 +(\d+) +yes +0 +0$/gm)]
  assert.deepEqual(rows.map(([, partition]) => partition).join(''), '012345', 'a row for each partition')
  assert.equal(sum(rows.map(([, , records]) => Number(records))), 5000)
  for (const [, , records, last] of rows) assert.equal(Number(last), Number(records) - 1)
  assert.match(job.output(), /^100% \| \d+ records\/s \| 5000 acked, 0 failed \| in flight broker 1: \d/m)
  assertPlain(job.output())
})

test('a file of two lines cannot fill the window, and is delivered all the same', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'main-job-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'two.ndjson')
  await writeFile(file, '{"customer":"a","n":1}\n{"customer":"a","n":2}\n')
  const job = start('--file', file)
  assert.equal(await job.ended, 0, job.output())
  assert.match(job.output(), /window depth reached: broker \d: [12](, broker \d: [0-2])*; seen by brokers: [12]\n/)
  assert.match(job.output(), /2 lines read, 2 acked, 0 failed\nevery record was acked and verified\n/)
})

test('a Kafka and standard input: lines that are not JSON too', async () => {
  await using cluster = await startCluster({ nodes: 1 })
  const job = start('--brokers', cluster.brokers.join(), '--topic', 'mine', '--file', '-', '--compression', 'snappy')
  job.child.stdin.end('{"customer":"a","n":1}\r\nnot JSON\n"text"\n\n{"customer":"a","n":2}')
  assert.equal(await job.ended, 0, job.output())
  const stored = [0, 1, 2].flatMap(partition => cluster.records('mine', partition))
  assert.deepEqual(stored.map(record => String(record.value)).sort(), [
    '"text"',
    'not JSON',
    '{"customer":"a","n":1}',
    '{"customer":"a","n":2}',
  ])
  assert.equal(stored.filter(record => String(record.key) === 'a').length, 2)
})

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  test(`${signal} delivers what was accepted, says what was not, and exits`, async () => {
    const job = start('--file', '-')
    await job.printed(/→ topic/)
    let line = 0
    job.child.stdin.on('error', () => {})
    const feed = (): void => {
      while (!job.child.stdin.destroyed && job.child.stdin.write(`{"customer":"c${line % 10}","line":${line++}}\n`)) {}
    }
    job.child.stdin.on('drain', feed)
    feed()
    await job.printed(/\d records\/s \| [1-9]\d* acked/)
    job.child.kill(signal)
    assert.equal(await job.ended, code, job.output())
    const [, read, acked] = /(\d+) lines read, (\d+) acked, 0 failed/.exec(job.output()) ?? []
    const [, delivered, left] =
      /interrupted: (\d+) records delivered, (\d+) lines read but not accepted/.exec(job.output()) ?? []
    assert.ok(Number(acked) > 0, job.output())
    assert.equal(delivered, acked)
    assert.equal(Number(delivered) + Number(left), Number(read))
    assert.match(job.output(), /every accepted record was acked and verified/)
    assert.doesNotMatch(job.output(), /the stream ended early/)
  })

test('nobody reads the output any more: the job goes on, and ends without a stack', async () => {
  const job = start('--records', '5000')
  await job.printed(/→ topic/)
  job.child.stdout.destroy()
  assert.equal(await job.ended, 0, job.output())
  assert.doesNotMatch(job.output(), /EPIPE|^ +at /m)
})

test('a line that is longer than a record can be fails, and the others are delivered', async () => {
  const job = start('--file', '-')
  job.child.stdin.end(`first\n${'x'.repeat(3_000_000)}\nlast\n`)
  assert.equal(await job.ended, 1, job.output())
  assert.match(job.output(), /3 lines read, 2 acked, 1 failed/)
  assert.match(job.output(), /1 records failed, the first with: .*`maxRequestSize` \(1048576\)/)
})

test('a second Ctrl-C does not wait for brokers that never answer', async t => {
  const silent = createServer(socket => socket.on('error', () => {})).listen(0, '127.0.0.1')
  t.after(() => silent.close())
  await once(silent, 'listening')
  const job = start('--brokers', `127.0.0.1:${(silent.address() as AddressInfo).port}`, '--records', '10')
  await job.printed(/0 acked/)
  job.child.kill('SIGINT')
  await job.printed(/interrupted: delivering what was accepted; Ctrl-C again stops at once/)
  job.child.kill('SIGINT')
  assert.equal(await job.ended, 130, job.output())
  assert.match(job.output(), /stopped: 10 of 10 lines were not delivered, or not confirmed/)
})

test('brokers that cannot be reached, or are none: exit code 1, and each address is named with what happened there', async t => {
  const server = createHttpServer((_, response) => response.end())
  server.listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const job = start('--brokers', `127.0.0.1:1,127.0.0.1:${port}`, '--records', '10', '--delivery-timeout', '500')
  assert.equal(await job.ended, 1, job.output())
  assert.match(job.output(), /127\.0\.0\.1:1: no connection: connect ECONNREFUSED/)
  assert.match(job.output(), new RegExp(`127\\.0\\.0\\.1:${port}: an HTTP server answers here`))
  assert.match(job.output(), /10 records failed, the first with: /)
  assertPlain(job.output())
  assert.match(job.output(), /NOT every record was acked and verified/)
})

test('wrong options: exit code 2, and what is wrong', async () => {
  for (const [args, expected] of [
    [['--frobnicate'], /Unknown option '--frobnicate'/],
    [['--records', 'many'], /--records is a whole number from 1 to 2147483647, not 'many'/],
    [['--compression', 'zip'], /--compression is none or snappy, not 'zip'/],
    [['--brokers', 'a:1,b:99999'], /--brokers is HOST:PORT,.* not 'b:99999'/],
    [['--file', 'no-such-file'], /--file cannot be read: ENOENT.*'no-such-file'/],
    [['--linger', '500', '--delivery-timeout', '500'], /--delivery-timeout is a whole number from 501 /],
  ] as const) {
    const job = start(...args)
    assert.equal(await job.ended, 2, job.output())
    assert.match(job.output(), expected)
    assert.match(job.output(), /--brokers HOST:PORT/)
  }
})

test('--help tells the options and exits with 0', async () => {
  const job = start('--help')
  assert.equal(await job.ended, 0)
  assert.match(job.output(), /--brokers HOST:PORT.*Exit codes: 0 every record was acked and verified/s)
})

/** Where there is no terminal, there is nothing but lines of text. */
function assertPlain(output: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is control characters that are looked for.
  assert.doesNotMatch(output, /[\x00-\x09\x0b-\x1f]/)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

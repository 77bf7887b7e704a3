import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
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

function start(...args: string[]): Job {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/main-job.ts', ...args], { cwd: root })
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

test('the main job: everything is acked, read back and verified, four requests deep', async () => {
  const job = start('--records', '20000')
  assert.equal(await job.ended, 0, job.output())
  assert.match(job.output(), /window depth reached: 4, seen by the brokers: 4/)
  assert.match(job.output(), /20000 lines read, 20000 acked, 0 failed\nevery record was acked and verified/)
  assert.equal(job.output().match(/'yes'/g)?.length, 6, 'six partitions in order')
})

test('a Kafka and standard input: lines that are not JSON too', async () => {
  await using cluster = await startCluster({ nodes: 1 })
  const job = start('--brokers', cluster.brokers.join(), '--topic', 'mine', '--file', '-', '--compression', 'snappy')
  job.child.stdin.end('{"customer":"a","n":1}\nnot JSON\n"text"\n\n{"customer":"a","n":2}')
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

test('Ctrl-C delivers what was accepted, says what was not, and exits', async () => {
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
  job.child.kill('SIGINT')
  assert.equal(await job.ended, 130, job.output())
  const [, read, acked] = /(\d+) lines read, (\d+) acked, 0 failed/.exec(job.output()) ?? []
  assert.ok(Number(acked) > 0 && Number(read) >= Number(acked), job.output())
  assert.match(
    job.output(),
    /interrupted: what was accepted has been delivered, \d+ lines that were read were not accepted/,
  )
  assert.ok(!job.output().includes("'NO'"))
})

test('brokers that cannot be reached, or are none: exit code 1, and each address is named with what happened there', async () => {
  const server = createServer((_, response) => response.end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const job = start('--brokers', `127.0.0.1:1,127.0.0.1:${port}`, '--records', '10', '--delivery-timeout', '500')
  assert.equal(await job.ended, 1, job.output())
  server.close()
  assert.match(job.output(), /127\.0\.0\.1:1: no connection: connect ECONNREFUSED/)
  assert.match(job.output(), new RegExp(`127\\.0\\.0\\.1:${port}: an HTTP server answers here`))
  assert.match(job.output(), /NOT every record was acked and verified/)
})

test('wrong options: exit code 2, and what is wrong', async () => {
  for (const [args, expected] of [
    [['--frobnicate'], /Unknown option '--frobnicate'/],
    [['--records', 'many'], /--records is a whole number from 0, not 'many'/],
    [['--compression', 'zip'], /--compression is none or snappy, not 'zip'/],
  ] as const) {
    const job = start(...args)
    assert.equal(await job.ended, 2)
    assert.match(job.output(), expected)
    assert.match(job.output(), /--brokers HOST:PORT/)
  }
})

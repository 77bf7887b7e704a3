import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { filter, firstValueFrom } from 'rxjs'
import { startCluster, type TestCluster } from '../../src/testing/index.js'
import { runHere, start, startHere, stored, tempFolder, values } from './support/command.js'

const file = tempFolder()

/** One topic, `t`, of one partition. */
const oneTopic = () => startCluster({ topics: { t: { partitions: 1 } } })
const to = (brokers: readonly string[]) => ['produce', '-b', brokers.join(','), '-t', 't']

test('the lines of files and of standard input, in their order', async () => {
  await using cluster = await oneTopic()
  const a = file('a.txt', 'a1\na2')
  const b = file('b.txt.gz', gzipSync('b1\r\nb2\r\n'))
  const { code, stdout, stderr } = await runHere([...to(cluster.brokers), a, '-', b], { stdin: 's1\ns2\n' })
  assert.deepEqual(values(cluster, 't'), ['a1', 'a2', 's1', 's2', 'b1', 'b2'])
  assert.deepEqual([code, stdout], [0, ''])
  assert.match(stderr, /^6 records acked in \d+\.\d s \([\d,]+\/s, \d+\.\d MB\/s\)\n$/)
})

test('fields of JSON', async () => {
  await using cluster = await oneTopic()
  const line = JSON.stringify({ customer: 'c-1', app: 'shop', payload: { n: 1 }, at: '2026-01-31T12:00:00Z' })
  const fields = [
    '--key',
    '.customer',
    '--header',
    'source=.app',
    '-H',
    'fixed=yes',
    '--value',
    '.payload',
    '--timestamp',
    '.at',
  ]
  const { code } = await runHere([...to(cluster.brokers), ...fields], { stdin: `${line}\n` })
  assert.equal(code, 0)
  assert.deepEqual(stored(cluster, 't'), [
    {
      ...{ partition: 0, timestamp: BigInt(Date.UTC(2026, 0, 31, 12)), key: 'c-1', value: '{"n":1}' },
      headers: ['source=shop', 'fixed=yes'],
    },
  ])
})

test('a million short lines pass through a small buffer', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 1 } }, trace: false })
  const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i}`)
  const options = ['--buffer-memory', '50000', '--max-request-size', '20000', '--batch-size', '10000', '-q']
  const { code, stderr } = await runHere([...to(cluster.brokers), ...options, file('many.txt', lines.join('\n'))])
  assert.deepEqual([code, stderr], [0, ''])
  assert.deepEqual(values(cluster, 't'), lines)
})

test('malformed lines: reported with file and line, counted, kept to be fed in again', async () => {
  await using cluster = await oneTopic()
  const input = file('mixed.ndjson', '{"k":"a"}\r\n{"k":\r\n\r\n{"k":"b"}\r\n[\u001b[31m\r\n')
  const failed = file('failed.ndjson')
  const args = [...to(cluster.brokers), '--key', '.k', '--failed', failed, '--json', input]
  const { code, stdout, stderr } = await runHere(args)
  assert.equal(code, 1)
  assert.deepEqual(
    stored(cluster, 't').map(({ key }) => key),
    ['a', 'b'],
  )
  assert.equal(readFileSync(failed, 'utf8'), '{"k":\r\n[\u001b[31m\r\n')
  assert.match(stderr, /^.*mixed\.ndjson:2: it is not valid JSON: /m)
  assert.match(stderr, /^.*mixed\.ndjson:5: it is not valid JSON: /m)
  assert.match(stderr, /^2 records acked in .*, 2 failed \(2 malformed\)$/m)
  assert.ok(!stderr.includes('\u001b'), 'raw control characters')
  const { seconds, recordsPerSecond, bytesPerSecond, last, ...counts } = JSON.parse(stdout)
  assert.deepEqual(counts, { acked: 2, failed: 2, malformed: 2, maybeStored: 0, bytes: 18, exitCode: 1 })
  assert.deepEqual(last, { input, line: 4 })
})

test('lines that a broker refuses are kept too, and the very same command sends them later', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 1, cleanupPolicy: 'compact' } } })
  const input = file('keys.ndjson', '{"k":"a"}\n{"x":1}\n{"k":"b"}\n')
  const failed = file('keyless.ndjson')
  const { code, stderr } = await runHere([...to(cluster.brokers), '-k', '.k', '--failed', failed, input])
  assert.equal(code, 1)
  assert.match(stderr, /keys\.ndjson:2: .*key/)
  assert.equal(readFileSync(failed, 'utf8'), '{"x":1}\n')
  const again = await runHere([...to(cluster.brokers), '-k', 'none', failed])
  assert.equal(again.code, 0)
  assert.deepEqual(
    stored(cluster, 't').map(({ key }) => key),
    ['a', 'b', 'none'],
  )
})

test('--strict ends at the first line that fails, and sends what is before it', async () => {
  await using cluster = await oneTopic()
  const { code, stderr } = await runHere([...to(cluster.brokers), '-k', '.k', '--strict'], {
    stdin: '{"k":1}\n{\n{"k":2}\n',
  })
  assert.equal(code, 1)
  assert.deepEqual(
    stored(cluster, 't').map(({ key }) => key),
    ['1'],
  )
  assert.match(stderr, /stdin:2: /)
})

test('failed lines that cannot be kept end it', { skip: !existsSync('/dev/full') && 'no /dev/full' }, async () => {
  await using cluster = await oneTopic()
  const bad = `${'x'.repeat(1_000)}\n`.repeat(100)
  const args = [...to(cluster.brokers), '-k', '.k', '--failed', '/dev/full']
  const { code, stderr } = await runHere(args, { stdin: `{"k":1}\n${bad}{"k":2}\n` })
  assert.equal(code, 1)
  assert.match(stderr, /^rx-kafka: --failed: \/dev\/full can't be written: ENOSPC/m)
  assert.deepEqual(
    stored(cluster, 't').map(({ key }) => key),
    ['1'],
  )
})

test('every file has line numbers and a header of its own', async () => {
  await using cluster = await oneTopic()
  const [a, b] = [file('a.csv', 'id,v\n1,a\n'), file('b.csv', 'v,id\nb,2\nx\n')]
  const { stderr } = await runHere([...to(cluster.brokers), '--csv', '-k', '.id', a, b])
  assert.deepEqual(
    stored(cluster, 't').map(({ key }) => key),
    ['1', '2'],
  )
  assert.match(stderr, /b\.csv:3: it has 1 columns instead of 2/)
})

test('of many failures ten are shown', async () => {
  await using cluster = await oneTopic()
  const { stderr } = await runHere([...to(cluster.brokers), '--format', 'ndjson'], { stdin: 'x\n'.repeat(15) })
  assert.equal(stderr.match(/stdin:\d+/g)?.length, 10)
  assert.match(stderr, /^… and 5 more failed$/m)
})

test('--limit sends so many records', async () => {
  await using cluster = await oneTopic()
  const { code } = await runHere([...to(cluster.brokers), '--limit', '2'], { stdin: '1\n2\n3\n4\n' })
  assert.equal(code, 0)
  assert.deepEqual(values(cluster, 't'), ['1', '2'])
})

test('CSV with a header; a failed row goes with it', async () => {
  await using cluster = await oneTopic()
  const input = file('rows.csv', 'id,v\n1,a\n2\n3,"b\nc"\n')
  const failed = file('failed.csv')
  const { code } = await runHere([...to(cluster.brokers), '--csv', '-k', '.id', '--failed', failed, input])
  assert.equal(code, 1)
  assert.deepEqual(values(cluster, 't'), ['{"id":"1","v":"a"}', '{"id":"3","v":"b\\nc"}'])
  assert.equal(readFileSync(failed, 'utf8'), 'id,v\n2\n')
})

test('--dry-run shows what would be sent, and asks no broker', async () => {
  const line = JSON.stringify({ k: 'a\u001b[2J', v: null, p: 3 })
  const fields = ['-t', 't', '-k', '.k', '--value', '.v', '-p', '.p', '-H', 'h=x', '--timestamp', '0', '-n']
  const { code, stdout, stderr } = await runHere(['produce', ...fields], { stdin: `${line}\n{"v":1}\n{}\n` })
  assert.equal(code, 1)
  assert.equal(
    stdout,
    'stdin:1  t[3]  key=a\\u001b[2J  value=null  h:x  at=1970-01-01T00:00:00.000Z\nstdin:2  t[any]  value=1  h:x  at=1970-01-01T00:00:00.000Z\n',
  )
  assert.match(stderr, /^stdin:3: \.v is missing.*\n2 records would be sent; 1 line malformed\n$/)
  const json = await runHere(['produce', '-t', 't', '-n', '--json', '-q'], { stdin: 'a\u009b\n' })
  assert.equal(json.stdout, '{"file":"stdin","line":1,"topic":"t","value":"a\\u009b"}\n')
})

test('exit code 3: no broker', async () => {
  const free = createServer()
  await new Promise<void>(resolve => free.listen(0, '127.0.0.1', resolve))
  const { port } = free.address() as { port: number }
  await new Promise(resolve => free.close(resolve))
  const { code, stderr, stdout } = await runHere([...to([`127.0.0.1:${port}`]), '--json'], { stdin: 'x\n' })
  assert.equal(code, 3)
  assert.match(stderr, /^rx-kafka: no broker of the bootstrap list could be reached[\s\S]*ECONNREFUSED/m)
  assert.equal(JSON.parse(stdout).exitCode, 3)
})

test('exit code 4: credentials that the broker refuses; the password comes from the environment', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 1 } }, sasl: { users: { app: 'right' } } })
  const args = [...to(cluster.brokers), '--sasl-mechanism', 'scram-sha-256', '--sasl-username', 'app']
  const wrong = await runHere(args, { stdin: 'x\n', env: { RX_KAFKA_SASL_PASSWORD: 'wrong' } })
  assert.equal(wrong.code, 4)
  assert.doesNotMatch(wrong.stderr, /wrong/)
  const right = await runHere(args, { stdin: 'x\n', env: { RX_KAFKA_SASL_PASSWORD: 'right' } })
  assert.deepEqual([right.code, values(cluster, 't')], [0, ['x']])
})

test('records that end before a broker confirmed them fail, and say whether they may be stored', async () => {
  await using cluster = await oneTopic()
  cluster.inject({ fault: { kind: 'neverAnswer' }, times: Number.POSITIVE_INFINITY })
  const timeouts = ['--delivery-timeout-ms', '300', '--request-timeout-ms', '200']
  const { code, stderr } = await runHere([...to(cluster.brokers), ...timeouts], { stdin: 'x\n' })
  assert.equal(code, 1)
  assert.match(stderr, /^stdin:1: .*\(it may be stored\)$/m)
  assert.match(stderr, /0 records acked .*, 1 failed \(1 may be stored\)$/m)
})

/** Resolves when something is appended to a log. */
const appended = (cluster: TestCluster) =>
  firstValueFrom(cluster.trace$.pipe(filter(({ kind }) => kind === 'appended')))

test('a producer that cannot go on ends the command, also while its input is silent', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 1 } }, sasl: { users: { app: 'right' } } })
  const failed = file('unsent.txt')
  const login = ['--sasl-mechanism', 'plain', '--sasl-username', 'app', '--failed', failed]
  const here = startHere([...to(cluster.brokers), ...login], { env: { RX_KAFKA_SASL_PASSWORD: 'right' } })
  const first = appended(cluster)
  here.stdin.write('one\n')
  await first
  cluster.setUser('app', 'changed')
  cluster.inject({ fault: { kind: 'dropBeforeAppend' } })
  here.stdin.write('two\n')
  const { code, stderr } = await here.ended
  assert.deepEqual([code, values(cluster, 't'), readFileSync(failed, 'utf8')], [4, ['one'], 'two\n'])
  assert.match(stderr, /^rx-kafka: .*the last line that was sent is stdin:2$/ms)
})

test('a producer that ends in the middle of a block: what is acked and what failed are together all that was taken', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 1 } }, sasl: { users: { app: 'right' } } })
  const lines = Array.from({ length: 5_000 }, (_, i) => `line ${i}`)
  const [input, failed] = [file('half.txt', lines.join('\n')), file('half-failed.txt')]
  const login = ['--sasl-mechanism', 'plain', '--sasl-username', 'app']
  const small = ['--buffer-memory', '50000', '--max-request-size', '20000', '--batch-size', '2000']
  const args = [...to(cluster.brokers), ...login, ...small, '--json', '--failed', failed, input]
  const { ended } = startHere(args, { env: { RX_KAFKA_SASL_PASSWORD: 'right' } })
  cluster.inject({ after: 5, fault: { kind: 'dropBeforeAppend' }, times: Number.POSITIVE_INFINITY })
  await appended(cluster)
  cluster.setUser('app', 'changed')
  const { code, stdout } = await ended
  assert.equal(code, 4)
  const stored = values(cluster, 't')
  const lost = readFileSync(failed, 'utf8').trimEnd().split('\n')
  const summary = JSON.parse(stdout)
  assert.deepEqual([summary.acked, summary.failed], [stored.length, lost.length])
  assert.deepEqual([...stored, ...lost], lines.slice(0, summary.last.line))
  assert.ok(lost.length > 0 && summary.last.line < 5_000, `${lost.length} failed, ${summary.last.line} read`)
})

test('an input that cannot be read to its end: what is before it is sent', async () => {
  await using cluster = await oneTopic()
  const good = file('good.txt', 'one\n')
  const bad = file('bad.txt.gz', Buffer.concat([gzipSync('two\n'.repeat(30_000)).subarray(0, 60), Buffer.alloc(100)]))
  const { code, stderr } = await runHere([...to(cluster.brokers), good, bad])
  assert.equal(code, 1)
  assert.equal(values(cluster, 't')[0], 'one')
  assert.match(stderr, /^rx-kafka: .*bad\.txt\.gz can't be read further, from byte \d+ on: /m)
})

test('Ctrl-C before a broker has answered', async () => {
  const silent = createServer(() => {})
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  const connected = once(silent, 'connection')
  const here = startHere(to([`127.0.0.1:${(silent.address() as { port: number }).port}`]))
  const [socket] = await connected
  here.interrupts$.next('SIGINT')
  assert.equal((await here.ended).code, 130)
  socket.destroy()
  silent.close()
})

test('Ctrl-C sends what was read, and gives 130; the beginning of a line is not sent', async () => {
  await using cluster = await oneTopic()
  const here = startHere(to(cluster.brokers))
  const first = appended(cluster)
  here.stdin.write('one\ntwo\nthr')
  await first
  here.interrupts$.next('SIGINT')
  const { code, stderr } = await here.ended
  assert.deepEqual([code, here.exited, values(cluster, 't')], [130, undefined, ['one', 'two']])
  assert.match(
    stderr,
    /interrupted: sending what was read; a second time ends it at once\nthe last line that was sent is stdin:2\n/,
  )
})

test('a second Ctrl-C does not wait; failed lines are in their file by then', async () => {
  await using cluster = await oneTopic()
  const failed = file('interrupted.ndjson')
  const soon = ['--delivery-timeout-ms', '500', '--request-timeout-ms', '400']
  const here = startHere([...to(cluster.brokers), '-k', '.k', '--failed', failed, ...soon])
  cluster.inject({ fault: { kind: 'neverAnswer' }, times: Number.POSITIVE_INFINITY })
  const first = appended(cluster)
  here.stdin.write('{"k":1}\n{\n')
  await first
  here.interrupts$.next('SIGTERM')
  here.interrupts$.next('SIGINT')
  assert.equal(here.exited, 143)
  assert.equal(readFileSync(failed, 'utf8'), '{\n')
  // Not in a real process, which is gone by now.
  await here.ended
})

for (const [signal, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`a real process: ${signal} flushes a pipe that is still open`, async () => {
    await using cluster = await oneTopic()
    const { child, ended } = start(to(cluster.brokers))
    const first = appended(cluster)
    child.stdin.write('one\n')
    await first
    child.stdin.write('two\nthr')
    await appended(cluster)
    child.kill(signal)
    const { code, stdout, stderr } = await ended
    assert.deepEqual([code, stdout, values(cluster, 't')], [expected, '', ['one', 'two']], stderr)
  })
}

test('a real process: a file behind `<`', async () => {
  await using cluster = await oneTopic()
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}`)
  const input = openSync(file('redirected.txt', lines.join('\n')), 'r')
  const args = ['--import', 'tsx', 'src/cli/main.ts', ...to(cluster.brokers)]
  const [code] = await once(spawn(process.execPath, args, { stdio: [input, 'ignore', 'ignore'] }), 'exit')
  closeSync(input)
  assert.equal(code, 0)
  assert.deepEqual(values(cluster, 't'), lines)
})

test('a real process: nobody reads its output any more, and it goes on quietly', async () => {
  await using cluster = await oneTopic()
  const { child, ended } = start([...to(cluster.brokers), '--json'])
  child.stdout.destroy()
  child.stderr.destroy()
  child.stdin.end('one\nno\n')
  const { code } = await ended
  assert.deepEqual([code, values(cluster, 't')], [0, ['one', 'no']])
})

test('a real process: --dry-run behind `| head` ends', async () => {
  const input = file('long.txt', 'some line\n'.repeat(200_000))
  const run = start(['produce', '-t', 't', '-n', input])
  await run.until('stdout', /some line/)
  run.child.stdout.destroy()
  const { code, stderr } = await run.ended
  assert.equal(code, 0)
  assert.doesNotMatch(stderr, /EPIPE/)
})

test('--follow sends lines as they are completed, and goes on where the file is rotated', async () => {
  await using cluster = await oneTopic()
  const log = file('app.log', 'one\ntw')
  const here = startHere([...to(cluster.brokers), '--follow', log])
  const append = async (text: string) => {
    const next = appended(cluster)
    appendFileSync(log, text)
    await next
  }
  await appended(cluster)
  await append('o\nthr')
  assert.deepEqual(values(cluster, 't'), ['one', 'two'])
  const rotated = appended(cluster)
  renameSync(log, file('app.log.1'))
  appendFileSync(file('app.log.1'), 'ee\n')
  file('app.log', 'four\n')
  await rotated
  if (values(cluster, 't').length < 4) await appended(cluster)
  assert.deepEqual(values(cluster, 't'), ['one', 'two', 'three', 'four'])
  const truncated = appended(cluster)
  file('app.log', '5\n')
  await truncated
  here.interrupts$.next('SIGINT')
  assert.equal((await here.ended).code, 130)
  assert.deepEqual(values(cluster, 't'), ['one', 'two', 'three', 'four', '5'])
})

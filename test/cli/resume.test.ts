/** `rx-kafka produce --resume`: an import that may be ended at any moment, and begun again. */
import assert from 'node:assert/strict'
import { appendFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { filter, firstValueFrom, take } from 'rxjs'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'
import { runHere, start, startHere, tempFolder } from './support/command.js'

const file = tempFolder()
const oneTopic = () => startCluster({ topics: { t: { partitions: 1 } }, trace: true })
const importing = (brokers: readonly string[], ...more: string[]) => [
  ...['produce', '-b', brokers.join(','), '-t', 't', '--resume', 'import', ...more],
]
const lines = (count: number, width = 60): string[] =>
  Array.from({ length: count }, (_, i) => `line ${i} `.padEnd(width, '.'))

/** What a consumer of committed records reads. */
function committed(cluster: TestCluster): string[] {
  return cluster.records('t', 0, { isolation: 'read_committed' }).map(({ value }) => String(value))
}

/** Resolves when so many transactions are committed. */
function commits(cluster: TestCluster, count: number): Promise<unknown> {
  const done$ = cluster.trace$.pipe(filter(entry => entry.kind === 'transaction' && entry.state === 'CompleteCommit'))
  return firstValueFrom(
    done$.pipe(
      take(count),
      filter((_, i) => i === count - 1),
    ),
  )
}

test('a second run sends nothing again, and what was appended meanwhile', async () => {
  await using cluster = await oneTopic()
  const all = lines(20_000)
  const name = file('twice.txt', `${all.join('\n')}\n`)
  const first = await runHere(importing(cluster.brokers, name))
  assert.deepEqual([first.code, first.stdout], [0, ''])
  assert.match(first.stderr, /^20,000 records acked in /)
  assert.deepEqual(committed(cluster), all)
  assert.equal((await runHere(importing(cluster.brokers, name))).code, 0)
  assert.equal(committed(cluster).length, all.length)
  appendFileSync(name, 'one more\nand another\n')
  assert.match((await runHere(importing(cluster.brokers, name))).stderr, /^2 records acked/)
  assert.deepEqual(committed(cluster), [...all, 'one more', 'and another'])
})

test('killed again and again: every line once, in order', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 1 } }, replyDelayMs: 20 })
  const all = lines(60_000)
  const name = file('killed.txt', all.join('\n'))
  let kills = 0
  for (;;) {
    const { child, ended } = start(importing(cluster.brokers, '-q', name))
    const some = commits(cluster, 2 + kills)
    // The last run ends by itself, and there are not so many transactions any more.
    const killed = some.then(
      () => child.kill('SIGKILL'),
      () => {},
    )
    const { code, stderr } = await ended
    if (code === 0) break
    assert.equal(code, null, stderr)
    await killed
    kills++
  }
  assert.ok(kills >= 2, `${kills}`)
  assert.deepEqual(committed(cluster), all)
})

test('Ctrl-C commits what was read, and the next run goes on there', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 1 } }, replyDelayMs: 50 })
  const all = lines(60_000)
  const name = file('interrupted.txt', all.join('\n'))
  const here = startHere(importing(cluster.brokers, name))
  await commits(cluster, 2)
  here.interrupts$.next('SIGINT')
  const first = await here.ended
  assert.equal(first.code, 130)
  const before = committed(cluster).length
  assert.ok(before > 0 && before < all.length, `${before}`)
  assert.equal((await runHere(importing(cluster.brokers, name))).code, 0)
  assert.deepEqual(committed(cluster), all)
})

test('follows a file that grows', async () => {
  await using cluster = await oneTopic()
  const name = file('grows.txt', 'a\nb\n')
  const here = startHere(importing(cluster.brokers, '--follow', name))
  await commits(cluster, 1)
  const more = commits(cluster, 1)
  appendFileSync(name, 'c\nd')
  await more
  here.interrupts$.next('SIGINT')
  await here.ended
  assert.deepEqual(committed(cluster), ['a', 'b', 'c'])
  assert.equal((await runHere(importing(cluster.brokers, name))).code, 0)
  assert.deepEqual(committed(cluster), ['a', 'b', 'c', 'd'])
})

test('another file is refused, and says why', async () => {
  await using cluster = await oneTopic()
  const name = file('changed.txt', `${lines(100).join('\n')}\n`)
  assert.equal((await runHere(importing(cluster.brokers, name))).code, 0)
  for (const [content, why] of [
    ['short\n', /changed\.txt is not the file that --resume import began with: it has 6 bytes, and 6100 are imported/],
    [`X${lines(100).join('\n').slice(1)}\n`, /it begins with other bytes/],
    [`${lines(99).join('\n')}\n${'X'.repeat(60)}\n`, /other bytes stand before byte 6100/],
  ] as const) {
    writeFileSync(name, content)
    const { code, stderr } = await runHere(importing(cluster.brokers, name))
    assert.equal(code, 2)
    assert.match(stderr, why)
    assert.match(stderr, /name that file, or begin another import with another ID/)
  }
  assert.equal(committed(cluster).length, 100)
})

test('when the coordinator does not tell how far the file is imported, nothing is sent again', async () => {
  await using cluster = await oneTopic()
  const all = lines(100)
  const name = file('refused-position.txt', `${all.join('\n')}\n`)
  assert.equal((await runHere(importing(cluster.brokers, name))).code, 0)
  for (const [code, names, exitCode] of [
    ['GROUP_AUTHORIZATION_FAILED', {}, 4],
    ['TOPIC_AUTHORIZATION_FAILED', { topic: 't' }, 4],
    ['UNKNOWN_SERVER_ERROR', {}, 1],
  ] as const) {
    cluster.inject({ api: 'OffsetFetch', ...names, fault: { kind: 'error', code: ErrorCode[code] } })
    const refused = await runHere(importing(cluster.brokers, name))
    assert.equal(refused.code, exitCode, refused.stderr)
    assert.match(refused.stderr, new RegExp(`the position of \`transactionalId\` 'import' could not be read: ${code}`))
    assert.match(refused.stderr, /the consumer group of that name, which the client must be allowed to read/)
    assert.deepEqual(committed(cluster), all)
  }
})

test('malformed lines are reported with their numbers, also after a restart, and passed over', async () => {
  await using cluster = await oneTopic()
  const name = file('malformed.ndjson', '{"k":1}\nno json\n{"k":2}\n')
  const paths = ['--key', '.k', name]
  const first = await runHere(importing(cluster.brokers, ...paths))
  assert.equal(first.code, 1)
  assert.match(first.stderr, /malformed\.ndjson:2: it is not valid JSON/)
  appendFileSync(name, '{"k":3}\nbad\n')
  const second = await runHere(importing(cluster.brokers, ...paths))
  assert.match(second.stderr, /malformed\.ndjson:5: it is not valid JSON/)
  assert.deepEqual(committed(cluster), ['{"k":1}', '{"k":2}', '{"k":3}'])
})

test('a record that is refused ends the import: its block is not committed, those before it are', async () => {
  await using cluster = await oneTopic()
  const good = lines(10_000)
  const name = file('refused.txt', [...good, 'x'.repeat(5_000), ...good].join('\n'))
  const { code, stderr } = await runHere(
    importing(cluster.brokers, '--max-request-size', '4000', '--batch-size', '4000', name),
  )
  assert.equal(code, 1)
  assert.match(stderr, /the transaction was aborted: this record was not sent: it takes 5\d+ bytes/)
  const read = committed(cluster)
  assert.ok(read.length > 0 && read.length < good.length)
  assert.deepEqual(read, good.slice(0, read.length))
})

test('what can’t be imported so that no crash breaks it is refused', async () => {
  const name = file('plain.txt', 'a\n')
  const args = importing(['localhost:1'])
  for (const [given, message] of [
    [[name, name], /--resume imports one file/],
    [['-'], /--resume imports one file, which is not compressed, no pipe and not standard input/],
    [['--csv', name], /--resume imports lines and ndjson, not csv/],
    [['--limit', '5', name], /--limit can't be used with --resume/],
    [['--failed', file('f.txt', ''), name], /--failed can't be used with --resume/],
  ] as const) {
    const { code, stderr } = await runHere([...args, ...given])
    assert.equal(code, 2)
    assert.match(stderr, message)
  }
})

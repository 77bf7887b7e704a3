import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import kafkajs from 'kafkajs'
import { VERSION } from '../src/version.js'
import { secondTaken } from './support/ports.js'

const root = fileURLToPath(new URL('../', import.meta.url))
const children = new Set<ChildProcessWithoutNullStreams>()
after(() => {
  for (const child of children) child.kill('SIGKILL')
})

interface Run {
  readonly child: ChildProcessWithoutNullStreams
  readonly out: { stdout: string; stderr: string }
  readonly ended: Promise<number | null>
}

function run(...args: string[]): Run {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli.ts', ...args], { cwd: root })
  children.add(child)
  const out = { stdout: '', stderr: '' }
  child.stdout.on('data', chunk => {
    out.stdout += chunk
  })
  child.stderr.on('data', chunk => {
    out.stderr += chunk
  })
  return { child, out, ended: once(child, 'close').then(([code]) => code as number | null) }
}

let runs = 0

/** Runs what ends at once in this process: a process for each takes half a second. */
async function runHere(
  t: TestContext,
  args: readonly string[],
): Promise<Record<'stdout' | 'stderr', string> & { exitCode: unknown }> {
  const [argv, lines] = [process.argv, { stdout: [] as string[], stderr: [] as string[] }]
  t.mock.method(console, 'log', (line: string) => lines.stdout.push(line))
  t.mock.method(console, 'error', (line: string) => lines.stderr.push(line))
  process.argv = [...argv.slice(0, 2), ...args]
  try {
    await import(`../src/cli.ts?${++runs}`)
    return { exitCode: process.exitCode, stdout: lines.stdout.join('\n'), stderr: lines.stderr.join('\n') }
  } finally {
    process.argv = argv
    process.exitCode = undefined
  }
}

/** The addresses that a broker prints once it listens. */
async function addresses({ child, out, ended }: Run): Promise<string[]> {
  for (;;) {
    const [, list] = /listening at (\S+);/.exec(out.stdout) ?? []
    if (list !== undefined) return list.split(',')
    const code = await Promise.race([ended, once(child.stdout, 'data').then(() => 'more' as const)])
    assert.equal(code, 'more', `ended with ${code}: ${out.stderr}`)
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`brokers that another client writes to and reads from, until ${signal}`, async () => {
    const broker = run('broker', '--port', '0', '--nodes', '2', '--topic', 'a:2')
    const brokers = await addresses(broker)
    assert.equal(brokers.length, 2)
    for (const address of brokers) assert.match(address, /^127\.0\.0\.1:\d+$/)
    assert.notEqual(brokers[0], brokers[1])

    const kafka = new kafkajs.Kafka({ brokers: [brokers[1]!], logLevel: kafkajs.logLevel.NOTHING })
    const [admin, producer] = [kafka.admin(), kafka.producer({ idempotent: true, maxInFlightRequests: 1 })]
    await Promise.all([admin.connect(), producer.connect()])
    const { topics } = await admin.fetchTopicMetadata({ topics: ['a'] })
    assert.deepEqual(topics[0]?.partitions.map(({ partitionId, leader }) => [partitionId, leader]).sort(), [
      [0, 1],
      [1, 2],
    ])
    for (const partition of [0, 1, 1]) {
      await producer.send({ topic: 'a', messages: [{ partition, value: `to ${partition}` }] })
    }
    const ends = await admin.fetchTopicOffsets('a')
    assert.deepEqual(
      ends.sort((a, b) => a.partition - b.partition).map(({ partition, offset }) => [partition, offset]),
      [
        [0, '1'],
        [1, '2'],
      ],
    )
    // Clients are still connected: they must not hold up the end.
    broker.child.kill(signal)
    assert.equal(await broker.ended, 0)
    assert.equal(broker.out.stderr, '')
    await Promise.all([admin.disconnect(), producer.disconnect()])
  })
}

for (const [args, message] of [
  [['broker', '--port', 'abc'], /^rx-kafka: --port must be a whole number from 0 to 65535, not 'abc'$/],
  [['broker', '--port', ''], /^rx-kafka: --port must be a whole number from 0 to 65535, not ''$/],
  [['broker', '--port', '65536'], /^rx-kafka: --port must be a whole number from 0 to 65535, not '65536'$/],
  [['broker', '--port', '65535', '--nodes', '3'], /option `port` is 65535, but .* from 0 to 65533/],
  [['broker', '--nodes', '0'], /^rx-kafka: --nodes must be a whole number from 1 to 100, not '0'$/],
  [['broker', '--nodes', '1.5'], /^rx-kafka: --nodes must be a whole number from 1 to 100, not '1.5'$/],
  [['broker', '--partitions', '0'], /^rx-kafka: --partitions must be a whole number from 1 to 100000, not '0'$/],
  [['broker', '--reply-delay', '1s'], /^rx-kafka: --reply-delay must be a whole number from 0 to \d+, not '1s'$/],
  [['broker', '--topic', 'x:abc'], /^rx-kafka: --topic x:abc: partitions must be a whole number .* not 'abc'$/],
  [['broker', '--topic', 'x:1:2'], /^rx-kafka: --topic x:1:2: partitions must be a whole number .* not '1:2'$/],
  [['broker', '--port', '0', '--topic', 'no spaces:1'], /^rx-kafka: 'no spaces' is not a valid topic name$/],
  [['broker', '--bogus'], /^rx-kafka: Unknown option '--bogus'/],
  [['consumer'], /^rx-kafka: the only command is 'broker', not 'consumer'\n\nrx-kafka [\s\S]*--port N/],
  [[], /^rx-kafka: the only command is 'broker', none was given\n\nrx-kafka /],
] as const) {
  test(`${JSON.stringify(args)} ends with 1 and says why`, async t => {
    const { exitCode, stdout, stderr } = await runHere(t, args)
    assert.equal(exitCode, 1)
    assert.match(stderr, message)
    assert.doesNotMatch(stderr, /\n {4}at /)
    assert.equal(stdout, '')
  })
}

test('an address that is taken ends it with 1, also when it is not the first', async () => {
  const { first, release } = await secondTaken()
  const { out, ended } = run('broker', '--port', `${first}`, '--nodes', '2')
  assert.equal(await ended, 1)
  assert.match(out.stderr, new RegExp(`^rx-kafka: .*EADDRINUSE.*${first + 1}`))
  await release()
})

test('--version and --help', async t => {
  assert.equal((await runHere(t, ['--version'])).stdout, VERSION)
  const help = await runHere(t, ['broker', '--help'])
  assert.match(help.stdout, /rx-kafka broker \[options\]/)
  assert.deepEqual([help.exitCode, help.stderr], [undefined, ''])
})

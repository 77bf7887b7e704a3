import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { VERSION } from '../../src/version.js'
import { secondTaken } from '../support/ports.js'
import { runHere, type Started, start } from './support/command.js'

/** The addresses that a broker prints once it listens. */
async function addresses(broker: Started): Promise<string[]> {
  const [, list] = await broker.until('stdout', /listening at (\S+);/)
  return list!.split(',')
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`brokers that another client writes to and reads from, until ${signal}`, async () => {
    const broker = start(['broker', '--port', '0', '--nodes', '2', '--topic', 'a:2'])
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
    const { code, stderr } = await broker.ended
    assert.deepEqual([code, stderr], [0, ''])
    await Promise.all([admin.disconnect(), producer.disconnect()])
  })
}

for (const [args, message] of [
  [['broker', '--port', 'abc'], /^rx-kafka: --port must be a whole number from 0 to 65535, not 'abc'\n$/],
  [['broker', '--port', ''], /^rx-kafka: --port must be a whole number from 0 to 65535, not ''\n$/],
  [['broker', '--port', '65536'], /^rx-kafka: --port must be a whole number from 0 to 65535, not '65536'\n$/],
  [['broker', '--port', '65535', '--nodes', '3'], /option `port` is 65535, but .* from 0 to 65533/],
  [['broker', '--nodes', '0'], /^rx-kafka: --nodes must be a whole number from 1 to 100, not '0'\n$/],
  [['broker', '--nodes', '1.5'], /^rx-kafka: --nodes must be a whole number from 1 to 100, not '1.5'\n$/],
  [['broker', '--partitions', '0'], /^rx-kafka: --partitions must be a whole number from 1 to 100000, not '0'\n$/],
  [['broker', '--reply-delay', '1s'], /^rx-kafka: --reply-delay must be a whole number from 0 to \d+, not '1s'\n$/],
  [['broker', '--topic', 'x:abc'], /^rx-kafka: --topic x:abc: partitions must be a whole number .* not 'abc'\n$/],
  [['broker', '--topic', 'x:1:2'], /^rx-kafka: --topic x:1:2: partitions must be a whole number .* not '1:2'\n$/],
  [['broker', '--port', '0', '--topic', 'no spaces:1'], /^rx-kafka: 'no spaces' is not a valid topic name\n$/],
  [['broker', '--bogus'], /^rx-kafka: there is no flag --bogus of broker; rx-kafka broker --help lists the flags\n$/],
  [['broker', '--prot', '1'], /^rx-kafka: there is no flag --prot of broker; did you mean --port\?\n$/],
  [['broker', '--port'], /^rx-kafka: --port needs a value: --port N\n$/],
  [
    ['broker', '--port', '--nodes'],
    /^rx-kafka: --port needs a value, and '--nodes' follows; a value with a dash: --port=--nodes\n$/,
  ],
  [['broker', '--port', '1', '--port', '2'], /^rx-kafka: --port is given 2 times; it can be given once\n$/],
  [['broker', 'x'], /^rx-kafka: broker takes only flags, and 'x' was given\n$/],
  [['prodcue'], /^rx-kafka: there is no command 'prodcue'; did you mean produce\?\n$/],
  [
    ['consumer'],
    /^rx-kafka: there is no command 'consumer'; the commands are produce, broker, dashboard, top, completion\n$/,
  ],
] as const) {
  test(`${JSON.stringify(args)} ends with 2 and says why on one line`, async () => {
    const { code, stdout, stderr } = await runHere(args)
    assert.match(stderr, message)
    assert.deepEqual([code, stdout], [2, ''])
  })
}

test('an address that is taken ends it with 1, also when it is not the first', async () => {
  const { first, release } = await secondTaken()
  const { code, stderr } = await runHere(['broker', '--port', `${first}`, '--nodes', '2'])
  assert.equal(code, 1)
  assert.match(stderr, new RegExp(`^rx-kafka: .*EADDRINUSE.*${first + 1}`))
  await release()
})

test('--version, and help: of all commands, and of each with its examples', async () => {
  assert.deepEqual(await runHere(['--version']), { code: 0, stdout: `${VERSION}\n`, stderr: '' })
  const overview = await runHere([])
  assert.deepEqual([overview.code, overview.stderr], [2, ''])
  assert.match(overview.stdout, /rx-kafka produce[\s\S]*rx-kafka broker[\s\S]*rx-kafka completion/)
  for (const command of ['produce', 'broker', 'dashboard', 'top', 'completion']) {
    const { code, stdout, stderr } = await runHere([command, '--bogus', '--help'])
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, new RegExp(`^rx-kafka ${command} .*\n[\\s\\S]*\nExamples\n {2}# `))
    for (const line of stdout.split('\n')) if (!line.startsWith('  rx-kafka')) assert.ok(line.length <= 120, line)
  }
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { BrokerError, DataLossError, type Logger, type ProducerEvent } from '../../src/index.js'
import { EventLog } from '../../src/producer/event-log.js'
import { brokerError, ErrorCode } from '../../src/protocol/error-codes.js'
import { VirtualTime } from '../../src/testing/index.js'
import { Lines } from '../support/lines.js'
import { open, startWorld } from '../support/world.js'

test('a rolling restart of three brokers is a story of less than ten lines at level info', async () => {
  const lines = new Lines()
  const it = await startWorld({
    latencyMs: 1,
    cluster: { nodes: 3, topics: { t: { partitions: 6 } } },
    producer: { logger: lines },
  })
  const { push, acks } = open(it.producer)
  let sent = 0
  const forMs = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 20) {
      for (let partition = 0; partition < 6; partition++) push.next({ topic: 't', partition, value: `v${sent++}` })
      await it.time.advance(20)
    }
  }
  await forMs(1_000)
  const before = lines.story.length
  assert.deepEqual(
    lines.story.map(line => line.replace(/ at .*/, '')),
    ['info: connected to broker 1', 'info: connected to broker 2', 'info: connected to broker 3'],
  )
  const ports = new Map(it.cluster.brokers.map((address, i) => [i + 1, Number(address.split(':')[1])]))
  for (const node of [1, 2, 3]) {
    await it.cluster.stopNode(node)
    await forMs(3_000)
    await it.cluster.startNode(node, ports.get(node)!)
    for (const partition of [node - 1, node + 2]) it.cluster.moveLeader('t', partition, node)
    await forMs(3_000)
  }
  push.complete()
  await it.time.until(() => acks.done)
  assert.ok(acks.values.every(({ kind }) => kind === 'acked'))
  const story = lines.story.slice(before)
  assert.ok(story.length < 10, story.join('\n'))
  for (const node of [1, 2, 3]) {
    assert.ok(
      story.some(line => new RegExp(`^warn: lost the connection to broker ${node} at .*, trying again: `).test(line)),
      story.join('\n'),
    )
    assert.ok(
      story.some(line => new RegExp(`^info: connected to broker ${node} at .* again after \\d+\\.\\d s$`).test(line)),
      story.join('\n'),
    )
  }
  await it.end()
  assert.deepEqual(lines.story.slice(before + story.length), ['info: the producer is closed'])
  // One line an event, with its plain fields.
  assert.deepEqual(
    lines.all.map(({ fields }) => (fields as { kind: string }).kind),
    it.events.map(({ kind }) => kind),
  )
  assert.deepEqual(JSON.parse(JSON.stringify(lines.all)), lines.all)
})

const log = (...events: ProducerEvent[]): Lines => {
  const lines = new Lines()
  const time = new VirtualTime()
  const eventLog = new EventLog(lines, time)
  for (const event of events) eventLog.log(event)
  return lines
}

test('text from brokers cannot end a line, move the cursor or reverse the text, in the message or in the fields', () => {
  const foreign = 'up\u001b[2J\r\ninfo: all is well\u202e'
  const error = new Error(`outer\n  ${foreign}`, {
    cause: new BrokerError(brokerError(ErrorCode.INVALID_RECORD), foreign),
  })
  const lines = log(
    { kind: 'metadataFailed', error },
    { kind: 'retrying', topic: 't', partition: 0, failures: 9, error },
    { kind: 'blocked', bufferedBytes: 1, waitingOn: [{ topic: 't', partition: 0, bytes: 1, error }] },
    { kind: 'interceptorFailed', method: 'onAck', error },
    { kind: 'dataLoss', topic: 't', partition: 0, error: new DataLossError(foreign, { cause: error }) },
    { kind: 'fatal', error },
  )
  const strings: string[] = []
  JSON.stringify(lines.all, (_, value) => {
    if (typeof value === 'string') strings.push(value)
    return value
  })
  assert.ok(strings.length > 30)
  for (const text of strings) assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
  assert.equal(lines.story.length, 6)
})

test('what fails again and again is one warning, and one line when it works again', () => {
  const error = new Error('nobody there')
  const metadata: ProducerEvent = { kind: 'metadata', topics: [{ name: 't', leaders: [1] }] }
  const failed: ProducerEvent = { kind: 'metadataFailed', error }
  const idFailed: ProducerEvent = { kind: 'producerIdFailed', error }
  const lines = log(failed, idFailed, failed, idFailed, failed, metadata, metadata, {
    kind: 'producerId',
    producerId: 7n,
    producerEpoch: 0,
  })
  assert.deepEqual(lines.story, [
    'warn: could not get the metadata, trying again: nobody there',
    'warn: could not get a producer id, trying again: nobody there',
    'info: got the metadata after 0.0 s',
    'info: got the producer id 7 after 0.0 s',
  ])
  assert.equal(lines.all.length, 8)
  assert.deepEqual(lines.all[5]!.fields, { kind: 'metadata', topics: 1 })
})

test('a partition that is not stored for long is a warning, once in 30 s', async () => {
  const lines = new Lines()
  const it = await startWorld({ cluster: { topics: { t: { partitions: 4 } } }, producer: { logger: lines } })
  const code = ErrorCode.NOT_ENOUGH_REPLICAS
  it.cluster.inject({ topic: 't', times: Number.POSITIVE_INFINITY, fault: { kind: 'error', code } })
  const { push } = open(it.producer)
  for (const partition of [0, 1, 2, 3]) push.next({ topic: 't', partition, value: 'v' })
  await it.time.advance(40_000)
  const warnings = lines.all.filter(({ level }) => level === 'warn')
  assert.equal(warnings.length, 2)
  assert.match(
    warnings[0]!.message,
    /^the records of t-\d were not stored 8 times in a row, trying again: NOT_ENOUGH_REPLICAS/,
  )
  assert.ok(lines.all.length > 50)
  await it.time.until(it.producer.close({ timeoutMs: 0 }))
  await it.end()
})

test('a logger that throws is a process warning, once, and breaks nothing', async t => {
  const warnings: unknown[] = []
  t.mock.method(process, 'emitWarning', (text: string, { code }: { code: string }) => warnings.push([code, text]))
  const fails = (): never => {
    throw new Error('disk full')
  }
  const logger: Logger = { debug: fails, info: fails, warn: fails, error: fails }
  const it = await startWorld({ cluster: { topics: { t: { partitions: 1 } } }, producer: { logger } })
  await it.time.until(it.producer.sendOne({ topic: 't', value: 'v' }))
  await it.end()
  assert.deepEqual(warnings, [['RX_KAFKA_LOGGER', 'rx-kafka: option `logger` failed: disk full']])
})

test('docs/events.md has the level of each event', () => {
  const error = new Error('why')
  const base = {
    topic: 't',
    partition: 0,
    nodeId: 1,
    address: 'a:1',
    error,
    topics: [],
    waitingOn: [],
    bufferedBytes: 1,
  }
  const more = { failures: 1, producerId: 1n, producerEpoch: 0, mechanism: 'PLAIN', throttleTimeMs: 1, method: 'onAck' }
  const page = readFileSync(new URL('../../docs/events.md', import.meta.url), 'utf8')
  let rows = 0
  for (const [, kind, first] of page.matchAll(/^\| `(?!kind)(\w+)` \|.*\| `(\w+)`[^|]*\|$/gm)) {
    const [line] = log({ kind, ...base, ...more } as never).all
    assert.equal(line!.level, first, kind)
    rows++
  }
  assert.equal(rows, 18)
})

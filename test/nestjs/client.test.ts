import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type INestApplicationContext, Logger } from '@nestjs/common'
import { ClientProxy, ClientsModule } from '@nestjs/microservices'
import { lastValueFrom } from 'rxjs'
import { type Acked, InvalidArgumentError, type Producer, RecordFailedError } from '../../src/index.js'
import { RxKafkaClient } from '../../src/nestjs/microservices.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { startCluster } from '../../src/testing/index.js'
import { startWorld, type World, watch } from '../support/world.js'
import { createContext, Lines } from './support.js'

const world = async (): Promise<World & { client: RxKafkaClient }> => {
  const it = await startWorld({ latencyMs: 5, cluster: { topics: { t: { partitions: 1 } } } })
  return { ...it, client: new RxKafkaClient({ producer: it.producer }) }
}

const stored = ({ cluster }: World): unknown[] =>
  cluster
    .records('t', 0)
    .map(({ key, value, headers }) => [
      key && String(key),
      value && String(value),
      ...headers.map(([name, text]) => `${name}=${text}`),
    ])

test('emit sends at once, emits the ack and completes when the record is stored, not before', async () => {
  const it = await world()
  it.cluster.inject({ fault: { kind: 'delay', ms: 1_000 } })
  const emitted$ = it.client.emit('t', { key: 'k', value: { a: 1 } })
  const seen = watch(emitted$)
  await it.time.advance(500)
  assert.deepEqual([stored(it).length, seen.values.length, seen.done], [1, 0, false])
  await it.time.advance(1_000)
  assert.deepEqual([seen.values.length, seen.done], [1, true])
  const [{ kind, topic, partition, offset }] = seen.values as [Acked]
  assert.deepEqual([kind, topic, partition, offset], ['acked', 't', 0, 0n])
  // Who comes late gets the same ack, and nothing is sent again.
  assert.deepEqual(watch(emitted$).values, seen.values)
  await it.time.advance(1_000)
  assert.deepEqual(stored(it), [['k', '{"a":1}']])
  await it.end()
})

test('emit sends though nobody subscribes, in the order of the calls', async () => {
  const it = await world()
  for (let i = 0; i < 100; i++) it.client.emit('t', `v${i}`)
  await it.client.close()
  assert.equal(it.producer.health().state, 'starting', 'a client that was given a producer leaves it open')
  await it.time.until(it.producer.close())
  assert.deepEqual(
    stored(it),
    Array.from({ length: 100 }, (_, i) => [null, `v${i}`]),
  )
  await it.end()
})

test('data is read as ClientKafka reads it, and stays as it was', async () => {
  const it = await world()
  class Money {
    constructor() {
      this.cents = 5
    }
    readonly cents: number
    toString(): string {
      return '5 cents'
    }
  }
  class Plain {
    readonly a = 1
  }
  const data = [
    'text',
    7,
    false,
    { a: 1 },
    ['a', 2],
    new Money(),
    new Plain(),
    Buffer.from('bytes'),
    new TextEncoder().encode('more bytes'),
    { key: { id: 1 }, value: 'v' },
    { key: 'k', value: null },
    { key: 'k' },
    { value: undefined },
    { key: null, value: 'v' },
    { value: 'v', headers: { a: 'x', b: ['y', Buffer.from('z')], c: undefined } },
  ]
  const before = structuredClone(
    data.filter(one => typeof one !== 'object' || Object.getPrototypeOf(one) === Object.prototype),
  )
  for (const one of data) await it.time.until(lastValueFrom(it.client.emit('t', one)))
  assert.deepEqual(stored(it), [
    [null, 'text'],
    [null, '7'],
    [null, 'false'],
    [null, '{"a":1}'],
    [null, '["a",2]'],
    [null, '5 cents'],
    [null, '{"a":1}'],
    [null, 'bytes'],
    [null, 'more bytes'],
    ['{"id":1}', 'v'],
    ['k', null],
    ['k', null],
    [null, null],
    [null, 'v'],
    [null, 'v', 'a=x', 'b=y', 'b=z', 'c=null'],
  ])
  const after = data.filter(one => typeof one !== 'object' || Object.getPrototypeOf(one) === Object.prototype)
  assert.deepEqual(structuredClone(after), before)
  await it.end()
})

test('partition and timestamp are those of the message', async () => {
  const it = await startWorld({ cluster: { topics: { t: { partitions: 3 } } } })
  const client = new RxKafkaClient({ producer: it.producer })
  const emitted$ = client.emit('t', { value: 'v', partition: 2, timestamp: '1700000000000' })
  const { partition, timestamp } = await it.time.until(lastValueFrom(emitted$))
  assert.deepEqual([partition, timestamp], [2, 1_700_000_000_000])
  await assert.rejects(lastValueFrom(client.emit('t', { value: 'v', timestamp: 'noon' })), /timestamp/)
  await it.end()
})

test('a failed record errors its Observable, with what is known of it; a failure that nobody observes is logged', async t => {
  const it = await world()
  const lines = new Lines()
  Logger.overrideLogger(lines)
  t.after(() => Logger.overrideLogger(false))
  const code = ErrorCode.TOPIC_AUTHORIZATION_FAILED
  it.cluster.inject({ fault: { kind: 'error', code }, times: 2 })
  const emitted$ = it.client.emit('t', 'refused')
  const seen = watch(emitted$)
  await it.time.advance(100)
  assert.ok(seen.error instanceof RecordFailedError)
  assert.equal(seen.error.persisted, 'no')
  assert.equal(watch(emitted$).error, seen.error)
  assert.deepEqual(lines.lines, [])

  const unobserved$ = it.client.emit('t', 'refused')
  await it.time.advance(100)
  assert.equal(lines.lines.length, 1)
  assert.match(
    lines.lines[0]!,
    /^error \[RxKafkaClient\] a record for "t" was not written: .*TOPIC_AUTHORIZATION_FAILED/,
  )
  assert.ok(watch(unobserved$).error instanceof RecordFailedError)

  for (const [pattern, data] of [
    ['t', null],
    ['t', undefined],
    [null, 'v'],
  ])
    assert.match(watch(it.client.emit(pattern, data)).error!.message, /invalid data or message pattern/)
  assert.deepEqual(stored(it), [])
  await it.end()
})

test('a serializer may return a promise, and replaces the default; one that fails, fails its record', async () => {
  const it = await startWorld({ cluster: { topics: { t: { partitions: 1 } } } })
  const client = new RxKafkaClient({
    producer: it.producer,
    serializer: {
      serialize: async (value: unknown, { pattern }: { pattern: string }) => {
        if (value === 'bad') throw new Error('no schema')
        return { key: pattern, value: Buffer.from(`<${value}>`) }
      },
    },
  })
  await it.time.until(lastValueFrom(client.emit('t', 'v')))
  await assert.rejects(lastValueFrom(client.emit('t', 'bad')), /no schema/)
  // Closing waits for serializers that have not settled.
  client.emit('t', 'last')
  client.emitBatch('t', { messages: ['of', 'all'] })
  await client.close()
  await it.end()
  assert.deepEqual(
    stored(it),
    ['v', 'last', 'of', 'all'].map(value => ['t', `<${value}>`]),
  )
})

test('emitBatch emits the acks of all messages in their order, when all are stored, and errors when one failed', async () => {
  const it = await startWorld({ latencyMs: 5, cluster: { topics: { t: { partitions: 3 } } } })
  const client = new RxKafkaClient({ producer: it.producer })
  // The first message's partition is the last one to be acked.
  await it.time.until(
    lastValueFrom(client.emitBatch('t', { messages: [0, 1, 2].map(partition => ({ partition, value: 'warm' })) })),
  )
  it.cluster.inject({ partition: 0, fault: { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS } })
  const messages = Array.from({ length: 30 }, (_, i) => ({ partition: i % 3, value: { i } }))
  const seen = watch(client.emitBatch('t', { messages }))
  await it.time.advance(1_000)
  assert.equal(seen.done, true)
  assert.deepEqual(
    seen.values[0]!.map(({ record }) => String(record.value)),
    messages.map(({ value }) => JSON.stringify(value)),
  )
  assert.deepEqual(await it.time.until(lastValueFrom(client.emitBatch('t', { messages: [] }))), [])

  it.cluster.inject({ partition: 1, fault: { kind: 'error', code: ErrorCode.TOPIC_AUTHORIZATION_FAILED } })
  const failed = watch(client.emitBatch('t', { messages }))
  await it.time.advance(1_000)
  assert.ok(failed.error instanceof RecordFailedError)
  assert.equal(it.cluster.records('t', 2).length, 21, 'the others are sent all the same')
  await it.end()
})

test('send() and on() are refused, with what to use instead', async () => {
  const it = await world()
  const refused = (call: () => unknown, message: RegExp): void =>
    assert.throws(call, (error: Error) => error instanceof InvalidArgumentError && message.test(error.message))
  refused(() => it.client.send({ cmd: 'sum' }), /^send\(\{"cmd":"sum"\}\) waits for a reply.*: use emit\(\)/)
  refused(() => it.client.on(), /events\$/)
  await it.end()
})

test('connect, status and unwrap', async () => {
  const it = await world()
  const seen = watch(it.client.status)
  assert.equal(await it.time.until(it.client.connect()), it.producer)
  assert.equal(it.client.unwrap<Producer>(), it.producer)
  assert.ok(it.client instanceof ClientProxy)
  it.client.emit('t', 'v')
  await it.time.advance(100)
  assert.deepEqual(seen.values, ['connected'])
  const [node] = it.producer.inFlight.keys()
  await it.cluster.stopNode(node!)
  await it.time.advance(100)
  assert.deepEqual(seen.values, ['connected', 'disconnected'])
  await it.cluster.startNode(node!)
  it.client.emit('t', 'v')
  await it.time.advance(10_000)
  assert.deepEqual(seen.values, ['connected', 'disconnected', 'connected'])
  await it.end()
  assert.deepEqual(seen.values.at(-1), 'disconnected')
})

test('registered with ClientsModule it has a producer of its own, which closes with the application and loses nothing', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 1 } } })
  const lines = new Lines()
  const app: INestApplicationContext = await createContext(
    {
      imports: [
        ClientsModule.register([
          { name: 'KAFKA', customClass: RxKafkaClient, options: { brokers: cluster.brokers, closeTimeoutMs: 10_000 } },
        ]),
      ],
    },
    lines,
  )
  const client = app.get<RxKafkaClient>('KAFKA')
  cluster.inject({ fault: { kind: 'delay', ms: 100 } })
  for (let i = 0; i < 100; i++) client.emit('t', `v${i}`)
  await app.close()
  assert.equal(cluster.records('t', 0).length, 100)
  assert.equal(client.unwrap().health().state, 'closed')
  assert.ok(
    lines.lines.some(line => line.startsWith('log [RxKafkaClient] ')),
    lines.lines.join('\n'),
  )
  assert.throws(() => new RxKafkaClient({ brokers: [] }), InvalidArgumentError)
})

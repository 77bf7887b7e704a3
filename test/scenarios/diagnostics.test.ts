import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import type { ConnectionTrace, ProduceTrace, RequestTrace, TraceEnd } from '../../src/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { startWorld, type World } from '../support/world.js'

interface Heard<C> {
  /** The names of the events of each message, in the order of the first. */
  readonly messages: Map<C, string[]>
}

/** Subscribes to a tracing channel until the test ends. */
function listen<C extends TraceEnd>(t: TestContext, channel: string): Heard<C> {
  const messages = new Map<C, string[]>()
  const on = (name: string) => (message: unknown) => {
    messages.set(message as C, [...(messages.get(message as C) ?? []), name])
  }
  const handlers = {
    start: on('start'),
    end: on('end'),
    asyncStart: on('asyncStart'),
    asyncEnd: on('asyncEnd'),
    error: on('error'),
  }
  const tracing = tracingChannel(channel)
  tracing.subscribe(handlers)
  t.after(() => void tracing.unsubscribe(handlers))
  return { messages }
}

const world = (): Promise<World> =>
  startWorld({ latencyMs: 5, cluster: { topics: { t: { partitions: 1 } } }, producer: { clientId: 'me' } })

const send = ({ time, producer }: World, value: string): Promise<unknown> =>
  time.until(producer.sendOne({ topic: 't', value }).catch(error => error))

test('rx-kafka:produce tells each request: its batches when it starts, the results when it ends', async t => {
  const { messages } = listen<ProduceTrace>(t, 'rx-kafka:produce')
  const it = await world()
  await send(it, 'a')
  const [[message, events]] = [...messages] as [[ProduceTrace, string[]]]
  assert.deepEqual(events, ['start', 'end', 'asyncStart', 'asyncEnd'])
  const { clientId, nodeId, address, batches, results, error, producer } = message
  assert.equal(producer, it.producer)
  assert.ok(!Object.keys(message).includes('producer'))
  assert.deepEqual(
    { clientId, nodeId, address, results, error },
    {
      clientId: 'me',
      nodeId: 1,
      address: it.cluster.brokers[0],
      results: [{ baseOffset: 0n, error: undefined }],
      error: undefined,
    },
  )
  const [{ topic, partition, count, attempt, bytes, producerEpoch, baseSequence }] = batches as [
    ProduceTrace['batches'][0],
  ]
  assert.deepEqual({ topic, partition, count, attempt }, { topic: 't', partition: 0, count: 1, attempt: 1 })
  assert.deepEqual({ producerEpoch, baseSequence }, { producerEpoch: 0, baseSequence: 0 })
  assert.equal(bytes, it.cluster.batches('t', 0)[0]!.bytes.length)
  assert.deepEqual(batches[0]!.records, [])
  await it.end()
})

test('a batch has its records while the request is on its way', async t => {
  const records: unknown[] = []
  const tracing = tracingChannel('rx-kafka:produce')
  const handlers = { start: (message: unknown) => void records.push(...(message as ProduceTrace).batches[0]!.records) }
  tracing.subscribe(handlers as never)
  t.after(() => void tracing.unsubscribe(handlers as never))
  const marked = { topic: 't', value: 'marked' }
  const it = await startWorld({
    cluster: { topics: { t: { partitions: 1 } } },
    producer: { interceptors: [{ onSend: record => record }, { onSend: () => marked }] },
  })
  await send(it, 'a')
  assert.equal(records[0], marked)
  await it.end()
})

test('a batch that is not stored has the error in its result; a request without a response fails', async t => {
  const { messages } = listen<ProduceTrace>(t, 'rx-kafka:produce')
  const it = await world()
  it.cluster.inject({ fault: { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS } })
  await send(it, 'a')
  it.cluster.inject({ fault: { kind: 'dropBeforeAppend' } })
  await send(it, 'b')
  const all = [...messages]
  assert.deepEqual(
    all.map(([{ batches, results, error }, events]) => [
      batches[0]!.attempt,
      results?.at(0)?.error?.message.slice(0, 19),
      error?.name,
      events.join(' '),
    ]),
    [
      [1, 'NOT_ENOUGH_REPLICAS', undefined, 'start end asyncStart asyncEnd'],
      [2, undefined, undefined, 'start end asyncStart asyncEnd'],
      [1, undefined, 'ConnectionError', 'start end error asyncStart asyncEnd'],
      [2, undefined, undefined, 'start end asyncStart asyncEnd'],
    ],
  )
  await it.end()
})

test('rx-kafka:connection tells each attempt to connect, and rx-kafka:request what any broker can answer', async t => {
  const connections = listen<ConnectionTrace>(t, 'rx-kafka:connection').messages
  const requests = listen<RequestTrace>(t, 'rx-kafka:request').messages
  const it = await world()
  await send(it, 'a')
  const address = it.cluster.brokers[0]!
  assert.deepEqual(
    [...connections].map(([message, events]) => [message, events.join(' ')]),
    [
      [{ clientId: 'me', address, nodeId: undefined }, 'start end asyncStart asyncEnd'],
      [{ clientId: 'me', address, nodeId: 1 }, 'start end asyncStart asyncEnd'],
    ],
  )
  assert.deepEqual([...requests].map(([{ api, error }, events]) => [api, error, events.at(-1)]).sort(), [
    ['InitProducerId', undefined, 'asyncEnd'],
    ['Metadata', undefined, 'asyncEnd'],
  ])
  await it.cluster.stopNode(1)
  const pending = send(it, 'b')
  await it.time.advance(300)
  const last = [...connections].filter(([{ nodeId }]) => nodeId === 1).at(-1)!
  assert.equal(last[0].error?.name, 'ConnectionError')
  assert.deepEqual(last[1], ['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
  await it.time.until(it.producer.close({ timeoutMs: 0 }))
  await pending
  // Whatever was given up has ended too.
  for (const [message, events] of [...connections, ...requests])
    assert.equal(events.at(-1), 'asyncEnd', JSON.stringify(message))
  await it.end()
})

test('a request that the producer gives up when it closes has failed', async t => {
  const { messages } = listen<ProduceTrace>(t, 'rx-kafka:produce')
  const it = await world()
  it.cluster.inject({ fault: { kind: 'neverAnswer' } })
  const pending = it.producer.sendOne({ topic: 't', value: 'a' }).catch(error => error)
  await it.time.advance(100)
  await it.time.until(it.producer.close({ timeoutMs: 0 }))
  await it.time.until(pending)
  const [[{ error }, events]] = [...messages] as [[ProduceTrace, string[]]]
  assert.match(error!.message, /given up/)
  assert.deepEqual(events, ['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
  await it.end()
})

test('a store that is bound to a channel has its value while the request is written', async t => {
  const storage = new AsyncLocalStorage<ProduceTrace>()
  const tracing = tracingChannel('rx-kafka:produce')
  tracing.start.bindStore(storage, message => message as ProduceTrace)
  t.after(() => void tracing.start.unbindStore(storage))
  const it = await world()
  const seen: unknown[] = []
  const { connect } = it.network
  t.mock.method(it.network, 'connect', (...args: Parameters<typeof connect>) => {
    const socket = connect.apply(it.network, args)
    const write = socket.write.bind(socket)
    socket.write = (...bytes) => {
      const current = storage.getStore()
      if (current !== undefined) seen.push(current.nodeId)
      return write(...bytes)
    }
    return socket
  })
  await send(it, 'a')
  assert.deepEqual(seen, [1])
  await it.end()
})

test('docs/diagnostics.md names every channel, and each field of its messages', () => {
  const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  const page = text('docs/diagnostics.md')
  const source = text('src/diagnostics.ts')
  for (const name of ['ProduceTrace', 'ProduceTraceBatch', 'ProduceTraceResult', 'ConnectionTrace', 'RequestTrace']) {
    const body = new RegExp(`^export interface ${name} .*?\\{$(.*?)^\\}$`, 'ms').exec(source)![1]!
    for (const [, field] of body.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm))
      assert.ok(page.includes(`\`${field}\``), `${name}.${field}`)
  }
  for (const [, channel] of source.matchAll(/tracingChannel\('(.*?)'\)/g)) assert.ok(page.includes(`\`${channel}\``))
})

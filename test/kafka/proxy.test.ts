import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { produce } from '../../src/protocol/messages/produce.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'
import { tcp } from '../support/tcp.js'
import { batch, RawClient } from '../testing/raw-client.js'
import { TcpProxy } from './proxy.js'

interface Bench extends AsyncDisposable {
  readonly cluster: TestCluster
  readonly proxy: TcpProxy
  client(): RawClient
  /** What is stored. */
  values(): string[]
}

async function startBench(): Promise<Bench> {
  const cluster = await startCluster({ topics: { t: { partitions: 1 } } })
  const proxy = await TcpProxy.start(Number(cluster.brokers[0]!.split(':')[1]))
  return {
    cluster,
    proxy,
    client: () => new RawClient(tcp, `127.0.0.1:${proxy.port}`),
    values: () => cluster.records('t', 0).map(record => String(record.value)),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      await cluster.stop()
    },
  }
}

const send = (client: RawClient, value: string) => client.produce({ 't/0': batch({ values: [value] }) })

/** Resolves when the predicate holds, which is looked at on every turn of the event loop. */
async function eventually(predicate: () => boolean): Promise<void> {
  while (!predicate()) await new Promise(resolve => setImmediate(resolve))
}

test('what is sent through it arrives, pipelined and large, and so do the answers', async () => {
  await using bench = await startBench()
  const client = bench.client()
  const values = ['a', 'b'.repeat(400_000), 'c'.repeat(300_000), 'd']
  const answers = await Promise.all(values.map(value => send(client, value)))
  assert.deepEqual(
    answers.map(answer => answer.responses[0]?.partitionResponses[0]?.baseOffset),
    [0n, 1n, 2n, 3n],
  )
  assert.deepEqual(bench.values(), values)
  assert.equal(bench.proxy.connections, 1)
  client.destroy()
  await eventually(() => bench.proxy.connections === 0)
})

test('a reply that is swallowed: the request is carried out', async () => {
  await using bench = await startBench()
  const client = bench.client()
  const hit = bench.proxy.inject({ on: 'reply', api: produce.key, skip: 1, fate: { kind: 'swallow' } })
  const [first, , third] = [send(client, 'a'), send(client, 'b'), send(client, 'c')]
  await Promise.all([hit, first, third])
  assert.equal(client.frames.length, 2)
  assert.deepEqual(bench.values(), ['a', 'b', 'c'])
})

test('a request that is swallowed is not carried out, and its neighbours are', async () => {
  await using bench = await startBench()
  const client = bench.client()
  const hit = bench.proxy.inject({ on: 'request', api: produce.key, skip: 1, times: 2, fate: { kind: 'swallow' } })
  const answers = ['a', 'b', 'c', 'd'].map(value => send(client, value))
  await Promise.all([hit, answers[0], answers[3]])
  assert.deepEqual(bench.values(), ['a', 'd'])
})

test('the first two of four are carried out and not answered, the others swallowed; older ones are left alone', async () => {
  await using bench = await startBench()
  const client = bench.client()
  const older = send(client, 'older')
  await eventually(() => bench.values().length === 1)
  const hit = [
    bench.proxy.inject({ on: 'request', api: produce.key, skip: 2, times: 2, fate: { kind: 'swallow' } }),
    bench.proxy.inject({ on: 'reply', api: produce.key, times: 2, fate: { kind: 'swallow' } }),
  ]
  for (const value of ['a', 'b', 'c', 'd']) void send(client, value)
  await Promise.all([older, ...hit])
  assert.deepEqual(bench.values(), ['older', 'a', 'b'])
  assert.equal(client.frames.length, 1)
})

test('only frames of the API are hit', async () => {
  await using bench = await startBench()
  const client = bench.client()
  const hit = bench.proxy.inject({ on: 'reply', api: initProducerId.key, fate: { kind: 'cut', after: 0 } })
  await send(client, 'a')
  const request = { transactionalId: null, transactionTimeoutMs: 1000, producerId: -1n, producerEpoch: -1 }
  await assert.rejects(client.request(initProducerId, 4, request))
  await hit
})

for (const after of [0, 3, 20]) {
  test(`cut after ${after} bytes of a request, or of a reply`, async () => {
    await using bench = await startBench()
    for (const on of ['request', 'reply'] as const) {
      const client = bench.client()
      const hit = bench.proxy.inject({ on, api: produce.key, fate: { kind: 'cut', after } })
      await assert.rejects(send(client, on))
      await hit
      assert.ok(client.bytes.length === 0 || on === 'reply')
    }
    await eventually(() => bench.proxy.connections === 0)
    assert.deepEqual(bench.values(), ['reply'])
  })
}

test('a delayed reply holds up those behind it, and keeps the order', async () => {
  await using bench = await startBench()
  const client = bench.client()
  const start = performance.now()
  const hit = bench.proxy.inject({ on: 'reply', api: produce.key, fate: { kind: 'delay', ms: 100 } })
  await Promise.all([hit, send(client, 'a'), send(client, 'b')])
  assert.ok(performance.now() - start >= 99)
  assert.deepEqual(
    client.frames.map(frame => frame.readInt32BE(0)),
    [1, 2],
  )
})

test('held: nothing gets through; after that a request arrives though its sender has gone', async () => {
  await using bench = await startBench()
  const client = bench.client()
  await send(client, 'a')
  bench.proxy.hold()
  void send(client, 'b')
  // The proxy sees them in this order.
  const other = bench.client()
  await eventually(() => bench.proxy.connections === 2)
  client.destroy()
  await eventually(() => client.closed)
  assert.deepEqual(bench.values(), ['a'])
  await bench.proxy.heal()
  await eventually(() => bench.proxy.connections === 1)
  assert.deepEqual(bench.values(), ['a', 'b'])
  other.destroy()
})

test('a rate: bytes go through no faster', async () => {
  await using bench = await startBench()
  const client = bench.client()
  bench.proxy.rate = 1_000_000
  const start = performance.now()
  await Promise.all([send(client, 'a'.repeat(100_000)), send(client, 'b'.repeat(100_000))])
  assert.ok(performance.now() - start >= 199)
})

test('cut: every connection ends; a new one works', async () => {
  await using bench = await startBench()
  const clients = [bench.client(), bench.client()]
  await Promise.all(clients.map(client => send(client, 'a')))
  bench.proxy.cut()
  await eventually(() => clients.every(client => client.closed) && bench.proxy.connections === 0)
  await send(bench.client(), 'b')
  assert.deepEqual(bench.values(), ['a', 'a', 'b'])
})

test('refuse: nobody is there; healed, somebody is there again', async () => {
  await using bench = await startBench()
  const client = bench.client()
  await send(client, 'a')
  bench.proxy.refuse()
  await eventually(() => client.closed)
  const refused = connect({ host: '127.0.0.1', port: bench.proxy.port })
  const [error] = await once(refused, 'error').catch(reason => [reason])
  assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED')
  await bench.proxy.heal()
  await send(bench.client(), 'b')
  assert.deepEqual(bench.values(), ['a', 'b'])
})

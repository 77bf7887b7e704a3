import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { metadata } from '../../src/protocol/messages/metadata.js'
import { startCluster } from '../../src/testing/index.js'
import { tcpNetwork } from '../../src/testing/network/tcp-network.js'
import { secondTaken } from '../support/ports.js'
import { tcp } from '../support/tcp.js'
import { batch, RawClient } from './raw-client.js'

const address = (broker: string): { host: string; port: number } => {
  const [host = '', port] = broker.split(':')
  return { host, port: Number(port) }
}

/** Resolves when the predicate holds, which is looked at on every turn of the event loop. */
async function eventually(predicate: () => boolean): Promise<void> {
  while (!predicate()) await new Promise(resolve => setImmediate(resolve))
}

test('brokers on real sockets: what is produced is there, and metadata tells the addresses', async () => {
  await using cluster = await startCluster({ nodes: 2, topics: { t: { partitions: 2 } } })
  const client = new RawClient(tcp, cluster.brokers[1]!)
  const request = {
    topics: null,
    allowAutoTopicCreation: false,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  }
  const { brokers } = await client.request(metadata, 9, request)
  assert.deepEqual(
    brokers.map(({ host, port }) => `${host}:${port}`),
    cluster.brokers,
  )
  // Far more than one segment, and pipelined.
  const values = ['x'.repeat(300_000), 'y'.repeat(200_000)]
  const answers = await Promise.all(values.map(value => client.produce({ 't/1': batch({ values: [value] }) })))
  assert.deepEqual(
    answers.map(({ responses }) => responses[0]?.partitionResponses[0]?.baseOffset),
    [0n, 1n],
  )
  assert.deepEqual(
    cluster.records('t', 1).map(({ value }) => value?.toString()),
    values,
  )
  client.destroy()
})

test('a request that comes byte by byte', async () => {
  await using cluster = await startCluster()
  const { host, port } = address(cluster.brokers[0]!)
  const socket = connect({ host, port, noDelay: true })
  // ApiVersions version 0, correlation id 7, no client id.
  for (const byte of Buffer.from('0000000a0012000000000007ffff', 'hex')) {
    socket.write(Buffer.of(byte))
    await new Promise(resolve => setImmediate(resolve))
  }
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.equal(answer.readInt32BE(0), answer.length - 4)
  assert.equal(answer.readInt32BE(4), 7)
  assert.equal(answer.readInt16BE(8), ErrorCode.NONE)
  socket.destroy()
})

test('what the broker wrote before it ends a connection arrives', async () => {
  await using cluster = await startCluster({ topics: { t: {} } })
  cluster.inject({ fault: { kind: 'cutReply', atByte: 9 } })
  const client = new RawClient(tcp, cluster.brokers[0]!)
  await assert.rejects(client.produce({ 't/0': batch() }), /the connection ended/)
  assert.equal(client.bytes.length, 9)
  assert.equal(client.error, undefined)
  assert.equal(cluster.records('t', 0).length, 1)
})

test('clients that vanish in the middle of a request, or send no Kafka, do no harm', async () => {
  await using cluster = await startCluster()
  const { host, port } = address(cluster.brokers[0]!)
  const half = connect({ host, port })
  half.write(Buffer.from('0000000a0012000000000007ffff0000ffff0012', 'hex'))
  await once(half, 'data')
  half.resetAndDestroy()
  const http = connect({ host, port })
  http.on('error', () => undefined)
  http.end('GET / HTTP/1.1\r\n\r\n')
  await once(http, 'close')
  await eventually(() => cluster.trace.filter(({ kind }) => kind === 'disconnected').length === 2)
  assert.match(cluster.trace.flatMap(entry => (entry.kind === 'refused' ? [entry.reason] : [])).join(), /GET \/ HTTP/)
  const client = new RawClient(tcp, cluster.brokers[0]!)
  assert.equal((await client.apiVersions()).errorCode, ErrorCode.NONE)
  client.destroy()
})

test('a node that is stopped refuses connections, and comes back at its address', async () => {
  await using cluster = await startCluster({ nodes: 2 })
  const [, second] = cluster.brokers
  const client = new RawClient(tcp, second!)
  await client.apiVersions()
  await cluster.stopNode(2)
  await eventually(() => client.closed)
  const refused = new RawClient(tcp, second!)
  await eventually(() => refused.closed)
  assert.match(`${refused.error}`, /ECONNREFUSED/)
  await cluster.startNode(2)
  assert.deepEqual(cluster.brokers[1], second)
  const again = new RawClient(tcp, second!)
  assert.equal((await again.apiVersions()).errorCode, ErrorCode.NONE)
  again.destroy()
})

test('an address that is taken: it says so, and the nodes that listened already do no more', async () => {
  const { first, release } = await secondTaken()
  await assert.rejects(startCluster({ nodes: 2, port: first }), /EADDRINUSE/)
  const listening = await tcpNetwork().listen({ host: '127.0.0.1', port: first }, () => assert.fail())
  await listening.close()
  await release()
})

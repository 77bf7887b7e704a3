import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetch } from '../../src/protocol/messages/fetch.js'
import { joinGroup } from '../../src/protocol/messages/join-group.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'
import { tcp } from '../support/tcp.js'
import { batch, type RawClient as Client, RawClient, startBench } from './raw-client.js'

const FOREVER = 2 ** 30

/** Has everything going on that a broker has timers for. None of it is over when this returns. */
function keepBusy(cluster: TestCluster, clients: readonly Client[]): void {
  const [poller, member, newcomer, delayed, throttled, slow] = clients
  const wait = { replicaId: -1, maxWaitMs: FOREVER, minBytes: 1, maxBytes: 1000, isolationLevel: 0, sessionId: 0 }
  const partition = { partition: 0, currentLeaderEpoch: -1, fetchOffset: 0n, lastFetchedEpoch: -1, logStartOffset: -1n }
  void poller!.request(fetch, 4, {
    ...wait,
    sessionEpoch: -1,
    forgottenTopicsData: [],
    rackId: '',
    topics: [{ topic: 'silent', partitions: [{ ...partition, partitionMaxBytes: 1000 }] }],
  })
  const join = {
    groupId: 'g',
    sessionTimeoutMs: FOREVER,
    rebalanceTimeoutMs: FOREVER,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  }
  // The first one has a session and is asked to join again, the second waits for it, the third was promised an id.
  void member!.request(joinGroup, 2, join)
  void newcomer!.request(joinGroup, 2, join)
  void newcomer!.request(joinGroup, 2, join)
  void delayed!.request(joinGroup, 4, join)
  cluster.inject({ topic: 'd', fault: { kind: 'delay', ms: FOREVER } })
  void delayed!.produce({ 'd/0': batch() })
  cluster.inject({ topic: 't', partition: 0, fault: { kind: 'throttle', ms: FOREVER } })
  for (let i = 0; i < 2; i++) void throttled!.produce({ 't/0': batch() })
  cluster.inject({ topic: 't', partition: 1, fault: { kind: 'slowDrain', bytesPerSecond: 1 } })
  for (let i = 0; i < 2; i++) void slow!.produce({ 't/1': batch() })
}

const topics = { silent: { partitions: 1 }, d: { partitions: 1 }, t: { partitions: 2 } }

test('stop ends every timer and connection, whatever is going on', async () => {
  const bench = await startBench({ topics, nodes: 2 })
  const clients = await Promise.all(Array.from({ length: 6 }, () => bench.connect()))
  let completed = 0
  bench.cluster.trace$.subscribe({ complete: () => completed++ })
  keepBusy(bench.cluster, clients)
  await bench.time.advance(10)
  assert.ok(bench.time.pending >= 6, `${bench.time.pending} timers were going on`)

  await bench.cluster.stop()
  await bench.time.advance(0)
  assert.equal(bench.time.pending, 0)
  assert.equal(bench.network.connections, 0)
  assert.ok(clients.every(({ closed }) => closed))
  assert.equal(bench.cluster.trace.filter(({ kind }) => kind === 'disconnected').length, 6)
  const late = new RawClient(bench.network, bench.cluster.brokers[0]!)
  await bench.time.idle()
  assert.match(`${late.error}`, /ECONNREFUSED/)
  assert.equal(completed, 1)
})

test('stop on real sockets leaves no socket, no listener and no timer', async () => {
  const resources = (): string[] => process.getActiveResourcesInfo().filter(name => /TCP|Timeout/.test(name))
  const before = resources()
  const cluster = await startCluster({ nodes: 2, topics, replyDelayMs: 1000 })
  const clients = Array.from({ length: 6 }, () => new RawClient(tcp, cluster.brokers[0]!))
  keepBusy(cluster, clients)
  while (cluster.trace.filter(({ kind }) => kind === 'request').length < 8) {
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.ok(resources().includes('Timeout'))
  assert.ok(resources().includes('TCPServerWrap'))
  await cluster.stop()
  while (!clients.every(({ closed }) => closed)) await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(resources(), before)
})

test('stop twice, and after a node was stopped', async () => {
  const bench = await startBench({ nodes: 2 })
  await bench.cluster.stopNode(1)
  await bench.cluster.stop()
  await bench.cluster.stop()
})

test('an `await using` stops it', async () => {
  const { time, network } = await startBench()
  let brokers: string[]
  {
    await using cluster = await startCluster({ scheduler: time, network })
    brokers = cluster.brokers
  }
  const refused = new RawClient(network, brokers[0]!)
  await time.idle()
  assert.ok(refused.closed)
})

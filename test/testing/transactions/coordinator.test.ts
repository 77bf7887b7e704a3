import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode } from '../../../src/protocol/error-codes.js'
import { CoordinatorType, findCoordinator } from '../../../src/protocol/messages/find-coordinator.js'
import { type Bench, startBench } from '../raw-client.js'
import { CLASSIC, NEW, rawProducer } from './raw-producer.js'

async function find(bench: Bench, version: number, ...keys: string[]): Promise<number[]> {
  const client = await bench.connect(bench.cluster.brokers.length)
  const request = { key: keys[0]!, keyType: CoordinatorType.TRANSACTION, coordinatorKeys: keys }
  const answer = await bench.wait(client.request(findCoordinator, version, request))
  return version < 4 ? [answer.nodeId] : answer.coordinators.map(({ nodeId }) => nodeId)
}

describe('FindCoordinator', () => {
  for (let version = 1; version <= 4; version++) {
    test(`each transactional id has a node of its own, version ${version}`, async () => {
      await using bench = await startBench({ nodes: 3 })
      const ids = Array.from({ length: 20 }, (_, i) => `tx-${i}`)
      const found =
        version < 4 ? (await Promise.all(ids.map(id => find(bench, version, id)))).flat() : await find(bench, 4, ...ids)
      assert.deepEqual([...new Set(found)].sort(), [1, 2, 3])
      assert.deepEqual(
        found,
        ids.map(id => bench.cluster.coordinator(id)),
      )
    })
  }

  test('tells where it has moved', async () => {
    await using bench = await startBench({ nodes: 3 })
    for (const node of [2, 3, 1]) {
      bench.cluster.moveCoordinator('tx', node)
      assert.deepEqual(await find(bench, 4, 'tx'), [node])
    }
    assert.throws(() => bench.cluster.moveCoordinator('tx', 4), /node 4 is not up/)
  })

  test('the nodes that are left take over from one that stops', async () => {
    await using bench = await startBench({ nodes: 2 })
    bench.cluster.moveCoordinator('tx', 1)
    await bench.cluster.stopNode(1)
    assert.deepEqual(await find(bench, 4, 'tx'), [2])
    await bench.cluster.stopNode(2)
    assert.equal(bench.cluster.coordinator('tx'), -1)
    await bench.cluster.startNode(1)
    assert.equal(bench.cluster.coordinator('tx'), 1)
  })
})

describe('another node', () => {
  test('answers NOT_COORDINATOR', async () => {
    await using bench = await startBench({ nodes: 2 })
    bench.cluster.moveCoordinator('tx', 2)
    const producer = await rawProducer(bench, CLASSIC)
    assert.deepEqual(
      [await producer.init(), await producer.add('t/0'), await producer.addOffsets(), await producer.commit()],
      ['NOT_COORDINATOR', 'NOT_COORDINATOR', 'NOT_COORDINATOR', 'NOT_COORDINATOR'],
    )
  })

  test('asks the coordinator before it appends', async () => {
    await using bench = await startBench({ nodes: 2 })
    bench.cluster.moveCoordinator('tx', 1)
    const producer = await rawProducer(bench)
    await producer.init()
    const node = bench.cluster.leader('t', 1)
    assert.equal(node, 2)
    const there = Object.assign(await rawProducer(bench, NEW, 'tx', node), { ...producer })
    assert.equal(await there.produce('t/1'), 'NONE at 0')
  })
})

describe('a coordinator that has moved', () => {
  test('loads its state first', async () => {
    await using bench = await startBench({ nodes: 2, coordinatorLoadMs: 100 })
    bench.cluster.moveCoordinator('tx', 1)
    await bench.time.advance(100)
    const producer = await rawProducer(bench, CLASSIC)
    await producer.init()
    await producer.add('t/0')
    bench.cluster.moveCoordinator('tx', 1)
    const loading = 'COORDINATOR_LOAD_IN_PROGRESS'
    assert.deepEqual(
      [await producer.twin().init(), await producer.add('t/2'), await producer.addOffsets(), await producer.commit()],
      [loading, loading, loading, loading],
    )
    assert.equal(await producer.produce('t/0'), 'NOT_ENOUGH_REPLICAS')
    assert.equal(await producer.commitOffsets({ 't/0': 1 }), loading)
    await bench.time.advance(100)
    assert.deepEqual([await producer.produce('t/0'), await producer.commit()], ['NONE at 0', 'NONE'])
  })

  for (const how of ['moved', 'stopped'] as const) {
    test(`completes what was prepared: ${how}`, async () => {
      await using bench = await startBench({ nodes: 2, markerDelayMs: 50, coordinatorLoadMs: 100 })
      bench.cluster.moveCoordinator('tx', 1)
      await bench.time.advance(100)
      bench.cluster.moveLeader('t', 0, 2)
      const producer = await rawProducer(bench)
      const there = await rawProducer(bench, NEW, 'tx', 2)
      await producer.init()
      Object.assign(there, { producerId: producer.producerId, epoch: producer.epoch })
      await there.produce('t/0')
      assert.equal(await producer.commit(), 'NONE epoch 1')
      await bench.time.advance(20)
      if (how === 'moved') bench.cluster.moveCoordinator('tx', 2)
      else await bench.cluster.stopNode(1)
      await bench.time.advance(100)
      assert.equal(bench.cluster.transaction('tx')?.state, 'PrepareCommit', 'the old node writes nothing more')
      assert.equal(await there.twin().commit(), 'CONCURRENT_TRANSACTIONS')
      await bench.time.advance(50)
      assert.deepEqual(bench.cluster.transaction('tx')?.state, 'CompleteCommit')
      assert.equal(bench.cluster.records('t', 0, { isolation: 'read_committed' }).length, 1)
      assert.equal(bench.cluster.batches('t', 0).length, 2, 'one marker')
    })
  }

  test('nobody is up: it goes on when a node is', async () => {
    await using bench = await startBench({ markerDelayMs: 50 })
    const producer = await rawProducer(bench)
    await producer.init()
    await producer.produce('t/0')
    await producer.commit()
    await bench.cluster.stopNode(1)
    await bench.time.advance(1000)
    assert.equal(bench.cluster.transaction('tx')?.state, 'PrepareCommit')
    await bench.cluster.startNode(1)
    await bench.time.advance(50)
    assert.equal(bench.cluster.transaction('tx')?.state, 'CompleteCommit')
  })
})

test('the trace tells every state', async () => {
  await using bench = await startBench()
  const producer = await rawProducer(bench)
  await producer.init()
  await producer.produce('t/0')
  await producer.produce('t/1')
  await producer.commit()
  const states = bench.cluster.trace.flatMap(entry =>
    entry.kind === 'transaction' ? [[entry.transactionalId, entry.state, entry.producerEpoch, entry.node]] : [],
  )
  assert.deepEqual(states, [
    ['tx', 'Empty', 0, 1],
    ['tx', 'Ongoing', 0, 1],
    ['tx', 'PrepareCommit', 1, 1],
    ['tx', 'CompleteCommit', 1, 1],
  ])
})

test('ApiVersions tells the level of transaction.version from version 3 on', async () => {
  for (const transactionVersion of [0, 1, 2] as const) {
    await using bench = await startBench({ transactionVersion })
    const client = await bench.connect()
    const level = {
      name: 'transaction.version',
      maxVersionLevel: transactionVersion,
      minVersionLevel: transactionVersion,
    }
    for (const version of [0, 3, 4]) {
      const { errorCode, finalizedFeatures } = await bench.wait(client.apiVersions(version))
      assert.equal(errorCode, ErrorCode.NONE)
      assert.deepEqual(finalizedFeatures, version < 3 || transactionVersion === 0 ? [] : [level])
    }
  }
  await assert.rejects(
    startBench({ transactionVersion: 3 as 2 }),
    /`transactionVersion` is 3, but it must be an integer from 0 to 2/,
  )
})

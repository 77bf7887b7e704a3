import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { type FetchPartitionData, fetch } from '../../src/protocol/messages/fetch.js'
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, listOffsets } from '../../src/protocol/messages/list-offsets.js'
import { type MetadataResponse, metadata } from '../../src/protocol/messages/metadata.js'
import { type Bench, batch, type RawClient, startBench } from './raw-client.js'

const { NONE, NOT_LEADER_OR_FOLLOWER, UNKNOWN_TOPIC_OR_PARTITION, OFFSET_OUT_OF_RANGE } = ErrorCode

async function describeAll(bench: Bench, client: RawClient): Promise<MetadataResponse> {
  const request = {
    topics: null,
    allowAutoTopicCreation: false,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  }
  return bench.wait(client.request(metadata, 12, request))
}

/** Leader and leader epoch of each partition of `t`, as metadata has them. */
async function leaders(bench: Bench, node = 1): Promise<[number, number][]> {
  const client = await bench.connect(node)
  const { topics } = await describeAll(bench, client)
  client.destroy()
  return topics.find(({ name }) => name === 't')!.partitions.map(({ leaderId, leaderEpoch }) => [leaderId, leaderEpoch])
}

function poll(client: RawClient, fetchOffset: bigint, maxWaitMs = 0, partition = 0): Promise<FetchPartitionData> {
  const wanted = { partition, currentLeaderEpoch: -1, fetchOffset, lastFetchedEpoch: -1, logStartOffset: -1n }
  const request = {
    replicaId: -1,
    maxWaitMs,
    minBytes: 1,
    maxBytes: 2 ** 20,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [{ topic: 't', partitions: [{ ...wanted, partitionMaxBytes: 2 ** 20 }] }],
    forgottenTopicsData: [],
    rackId: '',
  }
  return client.request(fetch, 11, request).then(({ responses }) => responses[0]!.partitions[0]!)
}

async function ends(bench: Bench, partition = 0): Promise<[bigint, bigint]> {
  const client = await bench.connect(bench.cluster.leader('t', partition))
  const at = async (timestamp: bigint): Promise<bigint> => {
    const partitions = [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }]
    const request = { replicaId: -1, isolationLevel: 0, topics: [{ name: 't', partitions }] }
    return (await bench.wait(client.request(listOffsets, 5, request))).topics[0]!.partitions[0]!.offset
  }
  const both: [bigint, bigint] = [await at(EARLIEST_TIMESTAMP), await at(LATEST_TIMESTAMP)]
  client.destroy()
  return both
}

describe('leaders', () => {
  test('partitions are spread over the nodes, and topics begin at different ones', async () => {
    await using bench = await startBench({ nodes: 3, topics: { a: { partitions: 4 }, b: { partitions: 2 } } })
    assert.deepEqual(
      [0, 1, 2, 3].map(partition => bench.cluster.leader('a', partition)),
      [1, 2, 3, 1],
    )
    assert.deepEqual(
      [0, 1].map(partition => bench.cluster.leader('b', partition)),
      [2, 3],
    )
  })

  test('moveLeader: the new leader goes on where the old one was, which refuses from now on', async () => {
    await using bench = await startBench({ nodes: 2 })
    const [old, fresh] = [await bench.connect(1), await bench.connect(2)]
    const send = async (client: RawClient, sequence: number): Promise<[number, bigint]> => {
      const answer = await bench.wait(client.produce({ 't/0': batch({ producerId: 1n, sequence }) }))
      const { errorCode, baseOffset } = answer.responses[0]!.partitionResponses[0]!
      return [errorCode, baseOffset]
    }
    assert.deepEqual(await send(fresh, 0), [NOT_LEADER_OR_FOLLOWER, -1n])
    assert.deepEqual(await send(old, 0), [NONE, 0n])
    const epoch = (await leaders(bench))[0]![1]
    bench.cluster.moveLeader('t', 0, 2)
    assert.deepEqual((await leaders(bench))[0], [2, epoch + 1])
    assert.deepEqual(await send(old, 1), [NOT_LEADER_OR_FOLLOWER, -1n])
    assert.deepEqual(await send(fresh, 0), [NONE, 0n], 'what is known of producers moves too')
    assert.deepEqual(await send(fresh, 1), [NONE, 1n])
    assert.deepEqual(
      bench.cluster.batches('t', 0).map(stored => stored.partitionLeaderEpoch),
      [epoch, epoch + 1],
    )
    assert.equal((await bench.wait(poll(old, 0n))).errorCode, NOT_LEADER_OR_FOLLOWER)
    assert.equal((await bench.wait(poll(fresh, 0n))).errorCode, NONE)
  })

  test('moveLeader to a node that is not up, or of a partition that is not there, is refused', async () => {
    await using bench = await startBench({ nodes: 2 })
    await bench.cluster.stopNode(2)
    assert.throws(() => bench.cluster.moveLeader('t', 0, 2), /RangeError: node 2 is not up/)
    assert.throws(() => bench.cluster.moveLeader('t', 0, 3), /RangeError: node 3 is not up/)
    assert.throws(() => bench.cluster.moveLeader('t', 9, 1), /RangeError: topic 't' has no partition 9/)
    assert.throws(() => bench.cluster.moveLeader('u', 0, 1), /RangeError: there is no topic 'u'/)
  })

  test('a fetch that waits is answered when the leader moves, or the topic is deleted', async () => {
    await using bench = await startBench({ nodes: 2 })
    const client = await bench.connect(1)
    const moved = poll(client, 0n, 30_000)
    await bench.time.advance(100)
    bench.cluster.moveLeader('t', 0, 2)
    assert.equal((await bench.wait(moved)).errorCode, NOT_LEADER_OR_FOLLOWER)
    const deleted = poll(client, 0n, 30_000, 2)
    await bench.time.advance(100)
    bench.cluster.deleteTopic('t')
    assert.equal((await bench.wait(deleted)).errorCode, UNKNOWN_TOPIC_OR_PARTITION)
    assert.equal(bench.time.now(), 200)
  })
})

describe('stopNode and startNode', () => {
  test('connections are cut, others lead and are the only ones that metadata names', async () => {
    await using bench = await startBench({ nodes: 3, topics: { t: { partitions: 6 } } })
    const [stopped, other] = [await bench.connect(1), await bench.connect(2)]
    await bench.cluster.stopNode(1)
    await bench.time.advance(0)
    assert.ok(stopped.closed)
    assert.equal(other.closed, false)
    const { brokers, controllerId } = await describeAll(bench, other)
    assert.deepEqual(
      brokers.map(({ nodeId }) => nodeId),
      [2, 3],
    )
    assert.equal(controllerId, 2)
    assert.deepEqual(await leaders(bench, 2), [
      [2, 1],
      [2, 0],
      [3, 0],
      [3, 1],
      [2, 0],
      [3, 0],
    ])
    const refused = await bench.connect(1)
    assert.match(`${refused.error}`, /ECONNREFUSED/)
    await assert.rejects(bench.cluster.stopNode(1), /RangeError: node 1 is not up/)
  })

  test('the node comes back at its address, and leads nothing that others lead', async () => {
    await using bench = await startBench({ nodes: 2 })
    const { brokers } = bench.cluster
    await bench.cluster.stopNode(1)
    await bench.cluster.startNode(1)
    assert.deepEqual(bench.cluster.brokers, brokers)
    assert.deepEqual(
      (await leaders(bench)).map(([leader]) => leader),
      [2, 2, 2],
    )
    await assert.rejects(bench.cluster.startNode(1), /RangeError: node 1 is not down/)
    await assert.rejects(bench.cluster.startNode(7), /RangeError: node 7 is not down/)
  })

  test('the node comes back at another port, and metadata says so', async () => {
    await using bench = await startBench({ nodes: 2 })
    const [old, other] = bench.cluster.brokers
    await bench.cluster.stopNode(1)
    await bench.cluster.startNode(1, 0)
    const [now, ...rest] = bench.cluster.brokers
    assert.notEqual(now, old)
    assert.deepEqual(rest, [other])
    const { brokers } = await describeAll(bench, await bench.connect(1))
    assert.deepEqual(
      brokers.map(({ host, port }) => `${host}:${port}`),
      bench.cluster.brokers,
    )
    await bench.cluster.stopNode(1)
    await assert.rejects(bench.cluster.startNode(1, Number(other!.split(':')[1])), /EADDRINUSE/)
  })

  test('addNode: one more, at an address of its own, which leads what nobody leads', async () => {
    await using bench = await startBench({ nodes: 2 })
    assert.equal(await bench.cluster.addNode(), 3)
    assert.equal(new Set(bench.cluster.brokers).size, 3)
    assert.deepEqual(
      (await leaders(bench, 3)).map(([leader]) => leader),
      [1, 2, 1],
    )
    for (const node of [1, 2, 3]) await bench.cluster.stopNode(node)
    assert.equal(await bench.cluster.addNode(), 4)
    assert.deepEqual(
      (await leaders(bench, 4)).map(([leader]) => leader),
      [4, 4, 4],
    )
    await bench.cluster.startNode(2)
    bench.cluster.moveLeader('t', 0, 2)
  })

  test('when the last node stops nobody leads; the next that starts leads all, and has every record', async () => {
    await using bench = await startBench({ nodes: 2, topics: { t: { partitions: 2 } } })
    await bench.produce('t/0', batch({ producerId: 1n, count: 2 }))
    await bench.cluster.stopNode(1)
    await bench.cluster.stopNode(2)
    assert.deepEqual([bench.cluster.leader('t', 0), bench.cluster.leader('t', 1)], [-1, -1])
    await bench.cluster.startNode(2)
    assert.deepEqual([bench.cluster.leader('t', 0), bench.cluster.leader('t', 1)], [2, 2])
    assert.equal((await bench.produce('t/0', batch({ producerId: 1n, sequence: 2 }))).baseOffset, 2n)
  })

  test('a request that waits on the node that stops is never answered, and leaves no timer', async () => {
    await using bench = await startBench({ nodes: 2 })
    const client = await bench.connect(1)
    const waiting = poll(client, 0n, 30_000)
    await bench.time.advance(10)
    await bench.cluster.stopNode(1)
    await assert.rejects(bench.wait(waiting), /ECONNRESET/)
    assert.equal(bench.time.pending, 0)
  })
})

describe('topics', () => {
  test('addPartitions: new ones are empty and led, the old ones stay as they are', async () => {
    await using bench = await startBench({ nodes: 2, topics: { t: { partitions: 1 } } })
    await bench.produce('t/0', batch())
    assert.equal((await bench.produce('t/1', batch())).errorCode, UNKNOWN_TOPIC_OR_PARTITION)
    bench.cluster.addPartitions('t', 3)
    assert.deepEqual(
      (await leaders(bench)).map(([leader]) => leader),
      [1, 2, 1],
    )
    assert.equal(bench.cluster.records('t', 0).length, 1)
    assert.equal((await bench.produce('t/1', batch())).baseOffset, 0n)
    for (const total of [3, 2, 0, Number.NaN, 4.5, 100_001, 2 ** 31 - 1]) {
      assert.throws(() => bench.cluster.addPartitions('t', total), /RangeError: topic 't' has 3 partitions/)
    }
    assert.throws(() => bench.cluster.addPartitions('u', 3), /RangeError: there is no topic 'u'/)
  })

  test('a topic that is deleted and made again has another id and none of the old records', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const id = async (): Promise<Buffer> => (await describeAll(bench, client)).topics[0]!.topicId
    await bench.produce('t/0', batch({ producerId: 1n, count: 3 }))
    const before = await id()
    assert.deepEqual(await id(), before)
    bench.cluster.deleteTopic('t')
    assert.deepEqual((await describeAll(bench, client)).topics, [])
    assert.equal((await bench.produce('t/0', batch())).errorCode, UNKNOWN_TOPIC_OR_PARTITION)
    assert.throws(() => bench.cluster.records('t', 0), /RangeError: there is no topic 't'/)
    assert.throws(() => bench.cluster.deleteTopic('t'), /RangeError: there is no topic 't'/)
    bench.cluster.createTopic('t', { partitions: 1 })
    assert.notDeepEqual(await id(), before)
    assert.deepEqual(await ends(bench), [0n, 0n])
  })

  test('createTopic refuses a name that is taken or not valid, and less than one partition', async () => {
    await using bench = await startBench()
    assert.throws(() => bench.cluster.createTopic('t'), /RangeError: topic 't' exists already/)
    for (const name of ['', '.', '..', 'a b', 'ä', 'x'.repeat(250)]) {
      assert.throws(() => bench.cluster.createTopic(name), /RangeError: '.*' is not a valid topic name/)
    }
    for (const partitions of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => bench.cluster.createTopic('u', { partitions }), /RangeError: a topic needs 1 partition/)
    }
    bench.cluster.createTopic('x'.repeat(249), { partitions: 1 })
  })
})

describe('the log', () => {
  const values = (bench: Bench): string[] => bench.cluster.records('t', 0).map(({ value }) => `${value}`)
  const fill = async (): Promise<Bench> => {
    const bench = await startBench()
    await bench.produce('t/0', batch({ values: ['a', 'b', 'c'] }))
    await bench.produce('t/0', batch({ values: ['d', 'e'] }))
    return bench
  }

  test('deleteRecords: what is below the offset can be read no more, in the middle of a batch too', async () => {
    await using bench = await fill()
    const client = await bench.connect()
    bench.cluster.deleteRecords('t', 0, 2n)
    assert.deepEqual(values(bench), ['c', 'd', 'e'])
    assert.deepEqual(await ends(bench), [2n, 5n])
    assert.equal((await bench.wait(poll(client, 1n))).errorCode, OFFSET_OUT_OF_RANGE)
    const fetched = await bench.wait(poll(client, 2n))
    assert.deepEqual([fetched.errorCode, fetched.logStartOffset, fetched.highWatermark], [NONE, 2n, 5n])
    assert.equal((await bench.produce('t/0', batch())).logStartOffset, 2n)
    bench.cluster.deleteRecords('t', 0, 1n)
    assert.deepEqual(await ends(bench), [2n, 6n], 'it does not go back')
    bench.cluster.deleteRecords('t', 0, 99n)
    assert.deepEqual(await ends(bench), [6n, 6n], 'nor beyond the end')
    assert.equal((await bench.produce('t/0', batch())).baseOffset, 6n)
  })

  test('truncate: whole batches are gone from the end, their offsets are given again', async () => {
    await using bench = await fill()
    bench.cluster.truncate('t', 0, 5n)
    assert.deepEqual(values(bench), ['a', 'b', 'c', 'd', 'e'])
    bench.cluster.truncate('t', 0, 4n)
    assert.deepEqual(values(bench), ['a', 'b', 'c'])
    assert.deepEqual(await ends(bench), [0n, 3n])
    assert.equal((await bench.produce('t/0', batch({ values: ['f'] }))).baseOffset, 3n)
    assert.deepEqual(values(bench), ['a', 'b', 'c', 'f'])
    bench.cluster.truncate('t', 0, 0n)
    assert.deepEqual(values(bench), [])
    assert.deepEqual(await ends(bench), [0n, 0n])
  })

  test('truncate after deleteRecords: the log never ends before it starts', async () => {
    await using bench = await fill()
    bench.cluster.deleteRecords('t', 0, 4n)
    bench.cluster.truncate('t', 0, 1n)
    assert.deepEqual(await ends(bench), [4n, 4n])
    assert.equal((await bench.produce('t/0', batch())).baseOffset, 4n)
  })
})

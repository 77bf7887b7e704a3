import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { createTopics } from '../../src/protocol/messages/create-topics.js'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { type MetadataResponse, metadata } from '../../src/protocol/messages/metadata.js'
import { ZERO_UUID } from '../../src/protocol/wire/uuid.js'
import { type Bench, batch, type RawClient, startBench } from './raw-client.js'

const { NONE, LEADER_NOT_AVAILABLE, UNKNOWN_TOPIC_OR_PARTITION } = ErrorCode

interface Asked {
  readonly version?: number
  readonly create?: boolean
  readonly id?: Buffer
}

function ask(
  bench: Bench,
  client: RawClient,
  names: readonly string[] | null,
  asked: Asked = {},
): Promise<MetadataResponse> {
  const { version = 12, create = true, id } = asked
  const byName = names?.map(name => ({ topicId: ZERO_UUID, name })) ?? null
  const request = {
    topics: id === undefined ? byName : [{ topicId: id, name: null }],
    allowAutoTopicCreation: create,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  }
  return bench.wait(client.request(metadata, version, request))
}

const errorOf = ({ topics: [topic] }: MetadataResponse): number | undefined => topic?.errorCode

describe('Metadata', () => {
  for (let version = 4; version <= 12; version++) {
    test(`version ${version}: brokers, and the leaders of a topic's partitions, spread over the nodes`, async () => {
      await using bench = await startBench({ nodes: 3, topics: { t: { partitions: 4 }, u: { partitions: 1 } } })
      const client = await bench.connect(2)
      bench.cluster.moveLeader('t', 3, 3)
      const answer = await ask(bench, client, ['t'], { version })
      assert.deepEqual(
        answer.brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]),
        [
          [1, bench.cluster.brokers[0]],
          [2, bench.cluster.brokers[1]],
          [3, bench.cluster.brokers[2]],
        ],
      )
      assert.deepEqual([answer.controllerId, answer.topics.length], [1, 1])
      const [topic] = answer.topics
      assert.deepEqual([topic?.name, topic?.errorCode, topic?.topicId.equals(ZERO_UUID)], ['t', NONE, version < 10])
      assert.deepEqual(
        topic?.partitions.map(one => [one.partitionIndex, one.leaderId, one.leaderEpoch, one.errorCode]),
        [
          [0, 1, version >= 7 ? 0 : -1, NONE],
          [1, 2, version >= 7 ? 0 : -1, NONE],
          [2, 3, version >= 7 ? 0 : -1, NONE],
          [3, 3, version >= 7 ? 1 : -1, NONE],
        ],
      )
      assert.deepEqual(topic?.partitions[0]?.isrNodes, [1, 2, 3])
    })
  }

  test('of all topics, of none, and by id', async () => {
    await using bench = await startBench({ topics: { t: {}, u: { partitions: 1 } } })
    const client = await bench.connect()
    const all = await ask(bench, client, null)
    assert.deepEqual(
      all.topics.map(({ name, partitions }) => [name, partitions.length]),
      [
        ['t', 3],
        ['u', 1],
      ],
    )
    assert.deepEqual((await ask(bench, client, [])).topics, [])
    const id = all.topics[1]!.topicId
    assert.equal((await ask(bench, client, null, { id })).topics[0]?.name, 'u')
    const unknown = await ask(bench, client, null, { id: Buffer.alloc(16, 7) })
    assert.deepEqual([errorOf(unknown), unknown.topics[0]?.name], [ErrorCode.UNKNOWN_TOPIC_ID, null])
    assert.deepEqual(unknown.topics[0]?.topicId, Buffer.alloc(16, 7))
  })

  test('a partition that nobody leads, and brokers that are down', async () => {
    await using bench = await startBench({ nodes: 2 })
    await bench.cluster.stopNode(1)
    const client = await bench.connect(2)
    const answer = await ask(bench, client, ['t'])
    assert.deepEqual(
      answer.brokers.map(({ nodeId }) => nodeId),
      [2],
    )
    assert.deepEqual(
      answer.topics[0]?.partitions.map(({ leaderId }) => leaderId),
      [2, 2, 2],
    )
    assert.equal(answer.controllerId, 2)
  })

  test('a topic that is deleted and made again has another id', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const before = (await ask(bench, client, ['t'])).topics[0]!.topicId
    bench.cluster.deleteTopic('t')
    assert.equal(errorOf(await ask(bench, client, ['t'], { create: false })), UNKNOWN_TOPIC_OR_PARTITION)
    bench.cluster.createTopic('t', { partitions: 5 })
    const after = (await ask(bench, client, ['t'])).topics[0]!
    assert.equal(after.partitions.length, 5)
    assert.notDeepEqual(after.topicId, before)
  })
})

describe('a topic that is created by asking for it', () => {
  test('first has no leader, then is there', async () => {
    await using bench = await startBench({ defaultPartitions: 6 })
    const client = await bench.connect()
    const first = await ask(bench, client, ['new'])
    assert.deepEqual([errorOf(first), first.topics[0]?.partitions], [LEADER_NOT_AVAILABLE, []])
    const second = await ask(bench, client, ['new'])
    assert.deepEqual([errorOf(second), second.topics[0]?.partitions.length], [NONE, 6])
  })

  test('has no leader for so long', async () => {
    await using bench = await startBench({ leaderElectionMs: 300 })
    const client = await bench.connect()
    for (const at of [0, 1, 299]) {
      await bench.time.advance(at - bench.time.now())
      assert.equal(errorOf(await ask(bench, client, ['new'])), LEADER_NOT_AVAILABLE)
    }
    await bench.time.advance(1)
    assert.equal(errorOf(await ask(bench, client, ['new'])), NONE)
  })

  test('is not, where the client or the cluster does not want it', async () => {
    await using willing = await startBench()
    await using unwilling = await startBench({ autoCreateTopics: false })
    for (const [bench, create] of [
      [willing, false],
      [unwilling, true],
    ] as const) {
      const client = await bench.connect()
      for (let i = 0; i < 2; i++) {
        assert.equal(errorOf(await ask(bench, client, ['new'], { create })), UNKNOWN_TOPIC_OR_PARTITION)
      }
    }
  })

  for (const name of ['', '.', '..', 'a b', 'ä', 'x'.repeat(250)]) {
    test(`is not called '${name.slice(0, 20)}'`, async () => {
      await using bench = await startBench()
      const client = await bench.connect()
      assert.equal(errorOf(await ask(bench, client, [name])), ErrorCode.INVALID_TOPIC_EXCEPTION)
    })
  }
})

describe('InitProducerId', () => {
  for (let version = 0; version <= 4; version++) {
    test(`version ${version}: a new id each time, epoch 0, whatever was asked before`, async () => {
      await using bench = await startBench({ nodes: 2 })
      const ids = new Set<bigint>()
      for (const node of [1, 2, 1]) {
        const client = await bench.connect(node)
        const request = { transactionalId: null, transactionTimeoutMs: 1, producerId: 7n, producerEpoch: 3 }
        const answer = await bench.wait(client.request(initProducerId, version, request))
        assert.deepEqual([answer.errorCode, answer.producerEpoch], [NONE, 0])
        ids.add(answer.producerId)
      }
      assert.equal(ids.size, 3)
    })
  }
})

describe('CreateTopics', () => {
  const request = (topic: object, validateOnly = false) => ({
    topics: [{ name: 'new', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [], ...topic }],
    timeoutMs: 1000,
    validateOnly,
  })

  for (let version = 2; version <= 7; version++) {
    test(`version ${version}`, async () => {
      await using bench = await startBench()
      const client = await bench.connect()
      const { topics } = await bench.wait(client.request(createTopics, version, request({})))
      assert.deepEqual([topics[0]?.name, topics[0]?.errorCode], ['new', NONE])
      if (version >= 5) assert.equal(topics[0]?.numPartitions, 2)
      const [described] = (await ask(bench, client, ['new'])).topics
      assert.equal(described?.partitions.length, 2)
      if (version >= 7) assert.deepEqual(topics[0]?.topicId, described?.topicId)
    })
  }

  for (const [what, topic, errorCode] of [
    ['a name that is taken', { name: 't' }, ErrorCode.TOPIC_ALREADY_EXISTS],
    ['a name that is not valid', { name: 'a b' }, ErrorCode.INVALID_TOPIC_EXCEPTION],
    ['no partitions', { numPartitions: 0 }, ErrorCode.INVALID_PARTITIONS],
    ['-2 partitions', { numPartitions: -2 }, ErrorCode.INVALID_PARTITIONS],
    ['100,001 partitions', { numPartitions: 100_001 }, ErrorCode.INVALID_PARTITIONS],
    ['2147483647 partitions', { numPartitions: 2_147_483_647 }, ErrorCode.INVALID_PARTITIONS],
  ] as const) {
    test(`${what} is refused`, async () => {
      await using bench = await startBench()
      const client = await bench.connect()
      const { topics } = await bench.wait(client.request(createTopics, 7, request(topic)))
      assert.equal(topics[0]?.errorCode, errorCode)
      assert.deepEqual(
        (await ask(bench, client, null)).topics.map(({ name }) => name),
        ['t'],
      )
    })
  }

  test('-1 partitions: as many as the cluster gives by default; validateOnly creates nothing', async () => {
    await using bench = await startBench({ defaultPartitions: 4 })
    const client = await bench.connect()
    const only = await bench.wait(client.request(createTopics, 7, request({ numPartitions: -1 }, true)))
    assert.deepEqual([only.topics[0]?.errorCode, only.topics[0]?.numPartitions], [NONE, 4])
    assert.throws(() => bench.cluster.records('new', 0), /no topic 'new'/)
    await bench.wait(client.request(createTopics, 7, request({ numPartitions: -1 })))
    assert.equal(bench.cluster.records('new', 3).length, 0)
  })

  test('message.timestamp.type=LogAppendTime is kept', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const configs = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }]
    await bench.wait(client.request(createTopics, 7, request({ configs })))
    await bench.time.advance(42)
    assert.equal((await bench.produce('new/0', batch({ timestamp: 7 }))).logAppendTimeMs, 42n)
  })
})

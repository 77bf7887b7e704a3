import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { createTopics } from '../../src/protocol/messages/create-topics.js'
import { CoordinatorType, findCoordinator } from '../../src/protocol/messages/find-coordinator.js'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { metadata } from '../../src/protocol/messages/metadata.js'
import type { Fault, FaultRule } from '../../src/testing/index.js'
import { type Bench, batch, type RawClient, startBench } from './raw-client.js'

const { NONE, NOT_ENOUGH_REPLICAS, NOT_ENOUGH_REPLICAS_AFTER_APPEND, OUT_OF_ORDER_SEQUENCE_NUMBER } = ErrorCode
const FAIL: Fault = { kind: 'error', code: NOT_ENOUGH_REPLICAS }

const values = (bench: Bench, partition = 0): string[] =>
  bench.cluster.records('t', partition).map(({ value }) => String(value))

/** The error codes of a request's partitions. */
async function codes(bench: Bench, client: RawClient, data: Record<string, Uint8Array>): Promise<number[]> {
  const { responses } = await bench.wait(client.produce(data))
  return responses.flatMap(({ partitionResponses }) => partitionResponses.map(({ errorCode }) => errorCode))
}

describe('faults of a partition', () => {
  test('error: answered with the code, nothing appended, no state changed', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const fault = bench.cluster.inject({ fault: FAIL })
    const bytes = batch({ producerId: 1n })
    assert.deepEqual(await codes(bench, client, { 't/0': bytes }), [NOT_ENOUGH_REPLICAS])
    assert.equal(values(bench).length, 0)
    assert.equal(fault.fired, 1)
    assert.deepEqual(await codes(bench, client, { 't/0': bytes }), [NONE])
    assert.equal(bench.cluster.trace.filter(({ kind }) => kind === 'duplicate').length, 0)
  })

  test('errorAfterAppend: answered with the code, and stored', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    bench.cluster.inject({ fault: { kind: 'errorAfterAppend', code: NOT_ENOUGH_REPLICAS_AFTER_APPEND } })
    const bytes = batch({ producerId: 1n })
    assert.deepEqual(await codes(bench, client, { 't/0': bytes }), [NOT_ENOUGH_REPLICAS_AFTER_APPEND])
    assert.equal(values(bench).length, 1)
    assert.deepEqual(await codes(bench, client, { 't/0': bytes }), [NONE])
    assert.equal(values(bench).length, 1)
  })

  test('errorAfterAppend: a batch that is refused keeps its own error', async () => {
    await using bench = await startBench()
    bench.cluster.inject({ fault: { kind: 'errorAfterAppend', code: NOT_ENOUGH_REPLICAS_AFTER_APPEND } })
    await bench.produce('t/1', batch({ producerId: 1n }))
    bench.cluster.inject({ fault: { kind: 'errorAfterAppend', code: NOT_ENOUGH_REPLICAS_AFTER_APPEND } })
    const answer = await bench.produce('t/1', batch({ producerId: 1n, sequence: 5 }))
    assert.equal(answer.errorCode, OUT_OF_ORDER_SEQUENCE_NUMBER)
  })

  test('the other partitions of the request are unharmed', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    bench.cluster.inject({ partition: 1, fault: FAIL })
    const request = { 't/0': batch(), 't/1': batch(), 't/2': batch() }
    assert.deepEqual(await codes(bench, client, request), [NONE, NOT_ENOUGH_REPLICAS, NONE])
  })
})

describe('faults of a request and its connection', () => {
  test('delay: this answer and those behind it leave later, in order; all are carried out meanwhile', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    bench.cluster.inject({ after: 1, fault: { kind: 'delay', ms: 100 } })
    const at: [string, number][] = []
    for (const name of ['a', 'b', 'c']) {
      void client.produce({ 't/0': batch({ values: [name] }) }).then(() => at.push([name, bench.time.now()]))
    }
    await bench.time.advance(1)
    assert.deepEqual(values(bench), ['a', 'b', 'c'])
    await bench.time.advance(200)
    assert.deepEqual(at, [
      ['a', 0],
      ['b', 100],
      ['c', 100],
    ])
  })

  test('neverAnswer: carried out; this and all that follows is never answered, and the connection stands', async () => {
    await using bench = await startBench()
    const [client, other] = [await bench.connect(), await bench.connect()]
    bench.cluster.inject({ after: 1, fault: { kind: 'neverAnswer' } })
    const first = client.produce({ 't/0': batch({ values: ['a'] }) })
    for (const name of ['b', 'c']) void client.produce({ 't/0': batch({ values: [name] }) })
    await bench.wait(first)
    await bench.time.advance(3_600_000)
    assert.deepEqual([client.frames.length, client.closed], [1, false])
    assert.deepEqual(values(bench), ['a', 'b'], 'what waits behind it is not carried out')
    assert.equal(bench.cluster.depth.now(), 2)
    await bench.wait(other.produce({ 't/0': batch({ values: ['d'] }) }))
  })

  test('carryOutLate: what waits behind it waits too; then all is carried out, and answered', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    bench.cluster.inject({ after: 1, fault: { kind: 'carryOutLate', ms: 500 } })
    const answers = ['a', 'b', 'c'].map(name => client.produce({ 't/0': batch({ values: [name] }) }))
    await bench.time.advance(499)
    assert.deepEqual(values(bench), ['a'])
    await bench.wait(Promise.all(answers))
    assert.deepEqual([values(bench), bench.time.now()], [['a', 'b', 'c'], 500])
  })

  test('carryOutLate: the end of the connection does not prevent it, that of the node does', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    bench.cluster.inject({ fault: { kind: 'carryOutLate', ms: 500 } })
    for (const name of ['a', 'b']) void client.produce({ 't/0': batch({ values: [name] }) })
    await bench.time.advance(1)
    client.destroy()
    const other = await bench.connect()
    await bench.wait(other.produce({ 't/0': batch({ values: ['before'] }) }))
    await bench.time.advance(500)
    assert.deepEqual(values(bench), ['before', 'a', 'b'])
    bench.cluster.inject({ fault: { kind: 'carryOutLate', ms: 500 } })
    void other.produce({ 't/0': batch({ values: ['c'] }) })
    await bench.time.advance(1)
    await bench.cluster.stopNode(1)
    await bench.cluster.startNode(1)
    await bench.time.advance(500)
    assert.deepEqual(values(bench), ['before', 'a', 'b'])
  })

  test('appendThenDrop: carried out, then cut; answers on their way are lost', async () => {
    await using bench = await startBench({ replyDelayMs: 10 })
    const client = await bench.connect()
    bench.cluster.inject({ after: 1, fault: { kind: 'appendThenDrop' } })
    for (const name of ['a', 'b', 'c']) void client.produce({ 't/0': batch({ values: [name] }) })
    await bench.time.until(() => client.closed)
    assert.deepEqual(values(bench), ['a', 'b'])
    assert.equal(client.bytes.length, 0)
  })

  test('dropBeforeAppend: cut, and not carried out', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const fault = bench.cluster.inject({ after: 1, fault: { kind: 'dropBeforeAppend' } })
    for (const name of ['a', 'b', 'c']) void client.produce({ 't/0': batch({ values: [name] }) })
    await bench.time.until(() => client.closed)
    assert.deepEqual(values(bench), ['a'])
    assert.equal(fault.fired, 1)
  })

  for (const latencyMs of [0, 5]) {
    for (const atByte of [0, 1, 4, 7, 30]) {
      test(`cutReply: ${atByte} bytes of the answer arrive, then the end (latency ${latencyMs} ms)`, async () => {
        await using bench = await startBench({}, latencyMs)
        const client = await bench.connect()
        const whole = await wholeAnswer(bench)
        bench.cluster.inject({ fault: { kind: 'cutReply', atByte } })
        void client.produce({ 't/0': batch() })
        void client.produce({ 't/0': batch() })
        await bench.time.until(() => client.closed)
        assert.deepEqual(client.bytes.subarray(0, 4), whole.subarray(0, Math.min(atByte, 4)))
        assert.equal(client.bytes.length, atByte)
        assert.equal(values(bench).length, 2, 'the one of the whole answer, and the one whose answer was cut')
      })
    }
  }

  test('throttle: the answer says so, and the broker hears nothing for so long', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    bench.cluster.inject({ fault: { kind: 'throttle', ms: 400 } })
    const first = client.produce({ 't/0': batch() })
    const second = client.produce({ 't/0': batch() })
    assert.equal((await bench.wait(first)).throttleTimeMs, 400)
    assert.equal(bench.time.now(), 0)
    assert.equal(values(bench).length, 1)
    assert.equal((await bench.wait(second)).throttleTimeMs, 0)
    assert.equal(bench.time.now(), 400)
  })

  for (const [change, expected] of [
    ['omit', ['t1', 't2']],
    ['duplicate', ['t0', 't0', 't1', 't2']],
    ['invent', ['t1000000', 't0', 't1', 't2']],
    ['reverse', ['t2', 't1', 't0']],
  ] as const) {
    test(`answerEntries: ${change}`, async () => {
      await using bench = await startBench()
      const client = await bench.connect()
      bench.cluster.inject({ fault: { kind: 'answerEntries', change } })
      const request = { 't/0': batch(), 't/1': batch(), 't/2': batch() }
      const { responses } = await bench.wait(client.produce(request))
      const entries = responses.flatMap(({ name, partitionResponses }) =>
        partitionResponses.map(one => `${name}${one.index}`),
      )
      assert.deepEqual(entries, expected)
      assert.deepEqual(
        [0, 1, 2].map(i => values(bench, i).length),
        [1, 1, 1],
      )
      assert.deepEqual(await codes(bench, client, { 't/0': batch() }), [NONE])
    })
  }

  test('hostileBytes: in place of the answer; the connection goes on', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    bench.cluster.inject({ fault: { kind: 'hostileBytes', hex: '0000000400000063' } })
    void client.produce({ 't/0': batch() })
    await bench.time.advance(0)
    assert.equal(client.bytes.toString('hex'), '0000000400000063')
    assert.equal(values(bench).length, 1)
    assert.deepEqual(await codes(bench, client, { 't/0': batch() }), [NONE])
  })

  test('slowDrain: from then on the connection is read no faster, the others are', async () => {
    await using bench = await startBench()
    const [client, other] = [await bench.connect(), await bench.connect()]
    bench.cluster.inject({ fault: { kind: 'slowDrain', bytesPerSecond: 10_000 } })
    const big = batch({ values: ['x'.repeat(20_000)] })
    await bench.wait(client.produce({ 't/0': big }))
    assert.equal(bench.time.now(), 0, 'the one that it struck had been read already')
    const slow = client.produce({ 't/0': big })
    await bench.wait(other.produce({ 't/0': big }))
    assert.equal(bench.time.now(), 0)
    await bench.wait(slow)
    const took = bench.time.now()
    assert.ok(took >= 2000 && took <= 2200, `${took} ms`)
    await bench.wait(Promise.all([client.produce({ 't/0': big }), client.produce({ 't/0': big })]))
    assert.ok(bench.time.now() - took >= 4000)
    assert.equal(values(bench).length, 5)
    assert.equal(bench.time.pending, 0)
  })

  test('slowDrain: less than a byte at a time still comes through', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    bench.cluster.inject({ fault: { kind: 'slowDrain', bytesPerSecond: 3 } })
    await bench.wait(client.produce({ 't/0': batch() }))
    const bytes = batch().length
    await bench.wait(client.produce({ 't/0': batch() }))
    assert.ok(bench.time.now() > (bytes / 3) * 1000)
  })
})

/** The bytes of an answer to a produce request as they are without a fault. */
async function wholeAnswer(bench: Bench): Promise<Buffer> {
  const client = await bench.connect()
  await bench.wait(client.produce({ 't/0': batch() }))
  client.destroy()
  return client.bytes
}

describe('which requests a rule strikes', () => {
  /** Sends to t/0, t/1, u/0 as producer 1, t/0 as producer 2, and t/0 at node 2; tells which failed. */
  async function struck(rule: Omit<FaultRule, 'fault'>): Promise<string> {
    await using bench = await startBench({ nodes: 2, topics: { t: { partitions: 2 }, u: { partitions: 1 } } })
    for (const partition of [0, 1]) bench.cluster.moveLeader('t', partition, 1)
    bench.cluster.moveLeader('u', 0, 1)
    bench.cluster.inject({ ...rule, fault: FAIL })
    const [one, two] = [await bench.connect(1), await bench.connect(2)]
    const results = [
      await codes(bench, one, { 't/0': batch({ producerId: 1n }) }),
      await codes(bench, one, { 't/1': batch({ producerId: 1n }) }),
      await codes(bench, one, { 'u/0': batch({ producerId: 1n }) }),
      await codes(bench, one, { 't/0': batch({ producerId: 2n }) }),
      await codes(bench, two, { 't/0': batch({ producerId: 1n }) }),
    ]
    return results.map(([code]) => (code === NOT_ENOUGH_REPLICAS ? 'x' : '-')).join('')
  }

  for (const [rule, expected] of [
    [{ times: 9 }, 'xxxxx'],
    [{}, 'x----'],
    [{ times: 2 }, 'xx---'],
    [{ after: 1 }, '-x---'],
    [{ after: 2, times: 2 }, '--xx-'],
    [{ after: 9 }, '-----'],
    [{ topic: 't', times: 9 }, 'xx-xx'],
    [{ partition: 1, times: 9 }, '-x---'],
    [{ topic: 'u', partition: 0, times: 9 }, '--x--'],
    [{ topic: 'u', partition: 1, times: 9 }, '-----'],
    [{ producerId: 2n, times: 9 }, '---x-'],
    [{ producerId: 1, times: Number.POSITIVE_INFINITY }, 'xxx-x'],
    [{ node: 2, times: 9 }, '----x'],
    [{ topic: 't', after: 1, times: 2 }, '-x-x-'],
    [{ api: 'Metadata', times: 9 }, '-----'],
  ] as const) {
    test(
      JSON.stringify(rule, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)),
      async () => {
        assert.equal(await struck(rule), expected)
      },
    )
  }

  test('a fault of a request: one of its partitions is enough', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    bench.cluster.inject({ topic: 't', partition: 2, fault: { kind: 'dropBeforeAppend' } })
    await bench.wait(client.produce({ 't/0': batch(), 't/1': batch() }))
    void client.produce({ 't/1': batch(), 't/2': batch() })
    await bench.time.until(() => client.closed)
  })

  test('of several rules the first strikes, and the others wait for the next', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const rules = [7, 19, 6].map(code => bench.cluster.inject({ fault: { kind: 'error', code } }))
    rules[1]!.remove()
    const seen = [
      await codes(bench, client, { 't/0': batch() }),
      await codes(bench, client, { 't/0': batch() }),
      await codes(bench, client, { 't/0': batch() }),
    ]
    assert.deepEqual(seen, [[7], [6], [NONE]])
    assert.deepEqual(
      rules.map(({ fired }) => fired),
      [1, 0, 1],
    )
  })

  test('a rule is a plain value: it survives JSON', async () => {
    await using bench = await startBench()
    const rule: FaultRule = { api: 'Produce', producerId: 1, after: 1, times: 1, fault: FAIL }
    bench.cluster.inject(JSON.parse(JSON.stringify(rule)) as FaultRule)
    const client = await bench.connect()
    assert.deepEqual(await codes(bench, client, { 't/0': batch({ producerId: 1n }) }), [NONE])
    assert.deepEqual(await codes(bench, client, { 't/0': batch({ producerId: 1n, sequence: 1 }) }), [
      NOT_ENOUGH_REPLICAS,
    ])
  })

  test('the trace tells of every strike', async () => {
    await using bench = await startBench()
    bench.cluster.inject({ fault: FAIL })
    bench.cluster.inject({ after: 1, fault: { kind: 'delay', ms: 1 } })
    for (let i = 0; i < 3; i++) await bench.produce('t/0', batch())
    const faults = bench.cluster.trace.flatMap(entry => (entry.kind === 'fault' ? [entry.fault] : []))
    assert.deepEqual(faults, [FAIL, { kind: 'delay', ms: 1 }])
  })

  for (const [rule, message] of [
    [{ api: 'Nope', fault: FAIL }, /no API 'Nope' here/],
    [{ api: 'Heartbeat', fault: FAIL }, /'error' can't strike Heartbeat, only Produce, AddPartitionsToTxn/],
    [{ api: 'Metadata', fault: { kind: 'errorAfterAppend', code: 1 } }, /can't strike Metadata, only Produce/],
    [{ fault: { kind: 'staleMetadata' } }, /'staleMetadata' can't strike Produce, only Metadata/],
    [{ api: 'Fetch', fault: { kind: 'answerEntries', change: 'omit' } }, /can't strike Fetch, only Produce/],
    [{ after: -1, fault: FAIL }, /`after` of fault 'error' is -1/],
    [{ times: 0, fault: FAIL }, /`times` of fault 'error' is 0/],
    [{ fault: { kind: 'delay', ms: Number.NaN } }, /`ms` of fault 'delay' is NaN/],
    [{ fault: { kind: 'cutReply', atByte: 1.5 } }, /`atByte` of fault 'cutReply' is 1.5/],
    [{ fault: { kind: 'slowDrain', bytesPerSecond: 0 } }, /`bytesPerSecond` of fault 'slowDrain' is 0/],
    [{ fault: { kind: 'error', code: 87, recordErrors: [{ index: 2 ** 31 }] } }, /`recordErrors` of .* is 2147483648/],
    [{ fault: { kind: 'error', code: 87, recordErrors: [{ index: 0.5 }] } }, /`recordErrors` of fault 'error' is 0.5/],
    [{ api: 'Fetch', fault: { kind: 'error', code: 87, recordErrors: [] } }, /`recordErrors` .* can't strike Fetch/],
    [{ fault: { kind: 'hostileBytes', hex: '0' } }, /`hex` of fault 'hostileBytes' is '0'/],
  ] as const) {
    test(`a rule that means nothing is refused: ${JSON.stringify(rule)}`, async () => {
      await using bench = await startBench()
      assert.throws(() => bench.cluster.inject(rule), { name: 'RangeError', message })
    })
  }
})

describe('faults of other requests than Produce', () => {
  const initRequest = { transactionalId: null, transactionTimeoutMs: 0, producerId: -1n, producerEpoch: -1 }
  const metadataRequest = (name: string) => ({
    topics: [{ topicId: Buffer.alloc(16), name }],
    allowAutoTopicCreation: true,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  })

  test('InitProducerId: denied, late, and then given', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const api = 'InitProducerId'
    bench.cluster.inject({ api, fault: { kind: 'error', code: ErrorCode.CLUSTER_AUTHORIZATION_FAILED } })
    bench.cluster.inject({ api, fault: { kind: 'delay', ms: 77 } })
    const denied = await bench.wait(client.request(initProducerId, 4, initRequest))
    assert.deepEqual([denied.errorCode, denied.producerId, denied.producerEpoch], [31, -1n, -1])
    const given = await bench.wait(client.request(initProducerId, 4, initRequest))
    assert.deepEqual([given.errorCode, given.producerEpoch, bench.time.now()], [NONE, 0, 77])
  })

  test('Metadata: the topics that were asked for have the error, and are not created by it', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    bench.cluster.inject({ api: 'Metadata', topic: 'new', fault: { kind: 'error', code: 29 } })
    const ask = (name: string) => bench.wait(client.request(metadata, 9, metadataRequest(name)))
    assert.equal((await ask('t')).topics[0]?.errorCode, NONE)
    const failed = await ask('new')
    assert.deepEqual([failed.topics[0]?.errorCode, failed.topics[0]?.partitions.length], [29, 0])
    assert.equal(failed.brokers.length, 1)
    assert.throws(() => bench.cluster.records('new', 0), /no topic 'new'/)
    await ask('new')
    assert.equal((await ask('new')).topics[0]?.errorCode, NONE)
  })

  test('staleMetadata: so many answers name the leader that was before the last move', async () => {
    await using bench = await startBench({ nodes: 3 })
    const client = await bench.connect()
    bench.cluster.moveLeader('t', 0, 2)
    bench.cluster.moveLeader('t', 0, 3)
    bench.cluster.inject({ api: 'Metadata', topic: 't', times: 2, fault: { kind: 'staleMetadata' } })
    const seen: unknown[] = []
    for (let i = 0; i < 3; i++) {
      const { topics } = await bench.wait(client.request(metadata, 9, metadataRequest('t')))
      const [moved, other] = topics[0]!.partitions
      seen.push([moved?.leaderId, moved?.leaderEpoch, other?.leaderId, other?.leaderEpoch])
    }
    const unmoved = [bench.cluster.leader('t', 1), 0]
    assert.deepEqual(seen, [
      [2, 1, ...unmoved],
      [2, 1, ...unmoved],
      [3, 2, ...unmoved],
    ])
  })

  test('staleMetadata: a topic that was deleted is there, also when it was recreated', async () => {
    await using bench = await startBench({ nodes: 3 })
    const client = await bench.connect()
    const ask = async () => (await bench.wait(client.request(metadata, 12, metadataRequest('t')))).topics[0]!
    const before = await ask()
    const stale = (): unknown => bench.cluster.inject({ api: 'Metadata', topic: 't', fault: { kind: 'staleMetadata' } })
    const summary = ({ errorCode, topicId, partitions }: typeof before): unknown => [
      errorCode,
      topicId.toString('hex'),
      partitions.map(({ leaderId, leaderEpoch }) => [leaderId, leaderEpoch]),
    ]
    bench.cluster.deleteTopic('t')
    stale()
    assert.deepEqual(summary(await ask()), summary(before))
    bench.cluster.createTopic('t', { partitions: 7 })
    stale()
    assert.deepEqual(summary(await ask()), summary(before))
    const after = await ask()
    assert.equal(after.partitions.length, 7)
    assert.notDeepEqual(after.topicId, before.topicId)
  })

  test('CreateTopics: refused, and nothing created', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    bench.cluster.inject({ api: 'CreateTopics', fault: { kind: 'error', code: ErrorCode.POLICY_VIOLATION } })
    const request = {
      topics: [{ name: 'new', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 1000,
      validateOnly: false,
    }
    const { topics } = await bench.wait(client.request(createTopics, 7, request))
    assert.equal(topics[0]?.errorCode, ErrorCode.POLICY_VIOLATION)
    assert.throws(() => bench.cluster.records('new', 0), /no topic 'new'/)
  })

  test('FindCoordinator: nobody', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    bench.cluster.inject({ api: 'FindCoordinator', times: 2, fault: { kind: 'error', code: 15 } })
    const request = { key: 'g', keyType: CoordinatorType.GROUP, coordinatorKeys: ['g'] }
    for (const version of [3, 4]) {
      const answer = await bench.wait(client.request(findCoordinator, version, request))
      const [first] = version < 4 ? [answer] : answer.coordinators
      assert.deepEqual([first?.errorCode, first?.nodeId], [15, -1])
    }
  })

  test('ApiVersions: dropped, then answered', async () => {
    await using bench = await startBench()
    bench.cluster.inject({ api: 'ApiVersions', fault: { kind: 'dropBeforeAppend' } })
    const client = await bench.connect()
    void client.apiVersions()
    await bench.time.until(() => client.closed)
    const again = await bench.connect()
    assert.equal((await bench.wait(again.apiVersions())).errorCode, NONE)
  })
})

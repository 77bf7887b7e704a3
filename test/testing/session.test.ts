import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { apiVersions } from '../../src/protocol/messages/api-versions.js'
import { fetch } from '../../src/protocol/messages/fetch.js'
import { produce } from '../../src/protocol/messages/produce.js'
import type { Api } from '../../src/protocol/wire/api.js'
import { encodeRequestFrame } from '../../src/protocol/wire/message.js'
import { ZERO_UUID } from '../../src/protocol/wire/uuid.js'
import { startCluster } from '../../src/testing/index.js'
import { type Bench, batch, startBench } from './raw-client.js'

const longPoll = (maxWaitMs: number) => ({
  replicaId: -1,
  maxWaitMs,
  minBytes: 1,
  maxBytes: 1_000_000,
  isolationLevel: 0,
  sessionId: 0,
  sessionEpoch: -1,
  topics: [
    {
      topic: 't',
      partitions: [
        {
          partition: 0,
          currentLeaderEpoch: -1,
          fetchOffset: 0n,
          lastFetchedEpoch: -1,
          logStartOffset: -1n,
          partitionMaxBytes: 1_000_000,
        },
      ],
    },
  ],
  forgottenTopicsData: [],
  rackId: '',
})

/** The kinds of what happened, without connections coming and going. */
const kinds = (bench: Bench): string[] =>
  bench.cluster.trace
    .filter(({ kind }) => kind !== 'connected' && kind !== 'disconnected')
    .map(entry => ('api' in entry ? `${entry.kind} ${entry.api}` : entry.kind))

describe('R8: one request at a time, in order', () => {
  test('four pipelined requests are appended and answered in the order in which they came', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const answers: number[] = []
    const all = [0, 1, 2, 3].map(i =>
      client.produce({ 't/0': batch({ values: [`${i}`] }) }).then(() => answers.push(i)),
    )
    await bench.wait(Promise.all(all))
    assert.deepEqual(answers, [0, 1, 2, 3])
    assert.deepEqual(
      bench.cluster.records('t', 0).map(({ value }) => String(value)),
      ['0', '1', '2', '3'],
    )
  })

  test('a request that waits holds back those behind it: they are not carried out', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const polled = client.request(fetch, 11, longPoll(300))
    const produced = client.produce({ 't/0': batch() })
    await bench.time.advance(299)
    assert.deepEqual(kinds(bench), ['request Fetch', 'request Produce'])
    assert.equal(bench.cluster.records('t', 0).length, 0)
    await bench.wait(polled)
    await bench.wait(produced)
    assert.equal(bench.time.now(), 300)
    assert.deepEqual(kinds(bench).slice(2), ['answered Fetch', 'appended', 'answered Produce'])
  })

  test('connections do not wait for each other', async () => {
    await using bench = await startBench()
    const [poller, producer] = [await bench.connect(), await bench.connect()]
    const polled = poller.request(fetch, 11, longPoll(10_000))
    await bench.wait(producer.produce({ 't/1': batch() }))
    assert.equal(bench.time.now(), 0)
    await bench.wait(polled)
    assert.equal(bench.time.now(), 10_000)
  })

  test('frames may come in any pieces', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const request = {
      transactionalId: null,
      acks: -1,
      timeoutMs: 1,
      topicData: [{ name: 't', topicId: ZERO_UUID, partitionData: [{ index: 0, records: batch() }] }],
    }
    const bytes = Buffer.concat([1, 2].flatMap(id => encodeRequestFrame(produce, 9, id, null, request)))
    for (const byte of bytes) client.write(Buffer.from([byte]))
    await bench.time.until(() => client.frames.length === 2)
    assert.equal(bench.cluster.records('t', 0).length, 2)
  })
})

describe('replyDelayMs', () => {
  test('delays pipelined requests together, not one after the other', async () => {
    await using bench = await startBench({ replyDelayMs: 50 })
    const client = await bench.connect()
    await bench.wait(Promise.all([1, 2, 3, 4].map(() => client.produce({ 't/0': batch() }))))
    assert.equal(bench.time.now(), 50)
  })

  test('counts from when each was carried out', async () => {
    await using bench = await startBench({ replyDelayMs: 50 })
    const client = await bench.connect()
    const at: number[] = []
    for (let i = 0; i < 3; i++) {
      void client.produce({ 't/0': batch() }).then(() => at.push(bench.time.now()))
      await bench.time.advance(20)
    }
    await bench.time.advance(100)
    assert.deepEqual(at, [50, 70, 90])
    assert.equal(bench.cluster.records('t', 0).length, 3)
  })
})

describe('depth: produce requests that are not answered yet', () => {
  test('of the connection that has most, now and at the most, by node', async () => {
    await using bench = await startBench({ nodes: 2, replyDelayMs: 50 })
    const [a, b] = [await bench.connect(1), await bench.connect(2)]
    for (let i = 0; i < 3; i++) void a.produce({ 't/0': batch() })
    for (let i = 0; i < 2; i++) void b.produce({ 't/1': batch() })
    void a.apiVersions()
    await bench.time.advance(10)
    const { depth } = bench.cluster
    assert.deepEqual([depth.now(), depth.now(1), depth.now(2), depth.now(3)], [3, 3, 2, 0])
    await bench.time.advance(50)
    assert.deepEqual([depth.now(), depth.most(), depth.most(1), depth.most(2), depth.most(3)], [0, 3, 3, 2, 0])
  })

  test('a request counts until its answer is on the wire, and a connection that ends has none', async () => {
    await using bench = await startBench({ replyDelayMs: 50 })
    const client = await bench.connect()
    void client.produce({ 't/0': batch() })
    await bench.time.advance(49)
    assert.equal(bench.cluster.depth.now(), 1)
    client.destroy()
    await bench.time.advance(0)
    assert.equal(bench.cluster.depth.now(), 0)
    assert.equal(bench.cluster.depth.most(), 1)
  })
})

describe('ApiVersions', () => {
  test('tells what can be asked, in versions 0 to 4', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const ranges = new Map<number, string>()
    for (let version = 0; version <= 4; version++) {
      const { errorCode, apiKeys } = await bench.wait(client.apiVersions(version))
      assert.equal(errorCode, ErrorCode.NONE)
      for (const { apiKey, minVersion, maxVersion } of apiKeys) ranges.set(apiKey, `${minVersion}-${maxVersion}`)
      assert.equal(apiKeys.length, 20)
    }
    assert.deepEqual(
      [0, 1, 3, 18, 19, 22, 24, 25, 26, 28].map(key => ranges.get(key)),
      ['3-13', '4-12', '4-13', '0-4', '2-7', '0-5', '0-3', '0-4', '0-5', '0-5'],
    )
  })

  test('of an unknown version: error 35 in the form of version 0, the versions it has, and the connection lives on', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    client.write(...encodeRequestFrame({ ...apiVersions, maxVersion: 99 } as typeof apiVersions, 99, 7, 'raw', nobody))
    await bench.time.until(() => client.frames.length === 1)
    // CorrelationId ErrorCode [ApiKey MinVersion MaxVersion], as classic types.
    assert.equal(client.frames[0]?.toString('hex'), '00000007' + '0023' + '00000001' + '001200000004')
    assert.equal((await bench.wait(client.apiVersions(0))).errorCode, ErrorCode.NONE)
  })

  for (const [software, errorCode] of [
    [['raw', '1'], ErrorCode.NONE],
    [['a.b-c', '0.1.0-rc.1'], ErrorCode.NONE],
    [['', '1'], ErrorCode.INVALID_REQUEST],
    [['raw', '-1'], ErrorCode.INVALID_REQUEST],
    [['a library', '1'], ErrorCode.INVALID_REQUEST],
  ] as const) {
    test(`from '${software.join("' '")}' has code ${errorCode}, and is in the trace (KIP-511)`, async () => {
      await using bench = await startBench()
      const client = await bench.connect()
      const [clientSoftwareName, clientSoftwareVersion] = software
      const answer = client.request(apiVersions, 3, { clientSoftwareName, clientSoftwareVersion })
      assert.equal((await bench.wait(answer)).errorCode, errorCode)
      const traced = bench.cluster.trace.find(({ kind }) => kind === 'request')
      assert.deepEqual(traced?.kind === 'request' && traced.software, { name: software[0], version: software[1] })
    })
  }

  test('says less where the options say so, and less is accepted: Kafka 2.1', async () => {
    await using bench = await startBench({ apiVersions: { Produce: [3, 7], ApiVersions: [0, 2], Metadata: [0, 99] } })
    const client = await bench.connect()
    const { apiKeys } = await bench.wait(client.apiVersions(2))
    const range = (key: number): number[] => {
      const { minVersion, maxVersion } = apiKeys.find(({ apiKey }) => apiKey === key)!
      return [minVersion, maxVersion]
    }
    assert.deepEqual(
      [range(0), range(18), range(3)],
      [
        [3, 7],
        [0, 2],
        [4, 13],
      ],
    )
    const { responses } = await bench.wait(client.produce({ 't/0': batch() }, { version: 7 }))
    assert.equal(responses[0]?.partitionResponses[0]?.errorCode, ErrorCode.NONE)
    void client.produce({ 't/0': batch() }, { version: 8 })
    await bench.time.until(() => client.closed)
  })

  for (const [offered, message] of [
    [{ Nope: [0, 1] }, /names 'Nope', but there are only Produce, Fetch,/],
    [{ Produce: [0, 2] }, /offers Produce 0 to 2, but 3 to 13 can be spoken/],
    [{ Produce: [14, 15] }, /offers Produce 14 to 15, but 3 to 13/],
    [{ Produce: [7, 5] }, /offers Produce 7 to 5/],
  ] as const) {
    test(`an option that offers nothing is refused: ${JSON.stringify(offered)}`, async () => {
      await assert.rejects(startCluster({ apiVersions: offered }), error => {
        assert.ok(error instanceof RangeError)
        assert.match(error.message, message)
        return true
      })
    })
  }
})

const nobody = { clientSoftwareName: 'raw', clientSoftwareVersion: '1' }
const unknownApi: Api<null, null> = {
  key: 999,
  name: 'Unknown',
  minVersion: 0,
  maxVersion: 0,
  firstFlexibleVersion: 99,
  encodeRequest: () => undefined,
  decodeRequest: () => null,
  encodeResponse: () => undefined,
  decodeResponse: () => null,
}

describe('what is not understood ends the connection, after the answers to what came before', () => {
  for (const [what, bytes, reason] of [
    ['an unknown API', Buffer.concat(encodeRequestFrame(unknownApi, 0, 9, null, null)), /API key 999 is not known/],
    [
      'a version that is not spoken',
      Buffer.concat(encodeRequestFrame({ ...fetch, maxVersion: 99 } as typeof fetch, 3, 9, null, longPoll(0))),
      /Fetch version 3 is not supported/,
    ],
    ['a body that is cut short', Buffer.from('0000000a' + '0000' + '0009' + '00000009' + 'ffff', 'hex'), /is cut off/],
    ['a header that is cut short', Buffer.from('00000003' + '000000', 'hex'), /is cut off/],
    ['a negative size', Buffer.from('ffffffff', 'hex'), /a frame announces -1 bytes/],
    ['a size above socket.request.max.bytes', Buffer.from('06400001', 'hex'), /a frame announces 104857601 bytes/],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /a frame announces 1195725856 bytes/],
  ] as const) {
    test(what, async () => {
      await using bench = await startBench({ replyDelayMs: 30 })
      const client = await bench.connect()
      const before = client.produce({ 't/0': batch() })
      client.write(bytes)
      void client.produce({ 't/0': batch() })
      await bench.wait(before)
      await bench.time.until(() => client.closed)
      assert.equal(bench.time.now(), 30)
      assert.equal(client.frames.length, 1)
      assert.equal(bench.cluster.records('t', 0).length, 1)
      const refused = bench.cluster.trace.flatMap(entry => (entry.kind === 'refused' ? [entry.reason] : []))
      assert.equal(refused.length, 1)
      assert.match(refused[0]!, reason)
    })
  }
})

describe('connectionsMaxIdleMs', () => {
  test('ends a connection so long after its last answer, and none that a request is carried out on', async () => {
    await using bench = await startBench({ connectionsMaxIdleMs: 1_000, replyDelayMs: 0 })
    const client = await bench.connect()
    await bench.wait(client.produce({ 't/0': batch() }))
    await bench.time.advance(900)
    bench.cluster.inject({ fault: { kind: 'delay', ms: 5_000 } })
    await bench.wait(client.produce({ 't/0': batch() }))
    const answered = bench.time.now()
    await bench.time.advance(999)
    assert.equal(client.closed, false)
    await bench.time.until(() => client.closed)
    assert.equal(bench.time.now() - answered, 1_000)
  })

  test('is 0 by default: never', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    await bench.time.advance(10_000_000)
    assert.equal(client.closed, false)
  })

  test('below 0 is refused', async () => {
    await assert.rejects(startCluster({ connectionsMaxIdleMs: -1 }), /`connectionsMaxIdleMs` is -1, but it must be/)
  })
})

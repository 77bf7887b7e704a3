import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { createTopics } from '../../src/protocol/messages/create-topics.js'
import type { PartitionProduceResponse } from '../../src/protocol/messages/produce.js'
import type { TopicOptions } from '../../src/testing/index.js'
import { type Bench, batch, startBench } from './raw-client.js'

const { NONE, INVALID_RECORD, INVALID_TIMESTAMP, CORRUPT_MESSAGE, OUT_OF_ORDER_SEQUENCE_NUMBER } = ErrorCode

const startWith = (options: TopicOptions): Promise<Bench> =>
  startBench({ topics: { t: { partitions: 1, ...options } } })
const named = ({ recordErrors }: PartitionProduceResponse): [number, string | null][] =>
  recordErrors.map(({ batchIndex, batchIndexErrorMessage }) => [batchIndex, batchIndexErrorMessage])
const NO_KEY = 'Compacted topic cannot accept message without key in topic partition t-0'

describe('records that a topic refuses (KIP-467)', () => {
  test('cleanupPolicy compact: records without key are named, and nothing of the batch is appended', async () => {
    await using bench = await startWith({ cleanupPolicy: 'compact' })
    const answer = await bench.produce('t/0', batch({ keys: ['a', null, '', null, null, null] }))
    assert.equal(answer.errorCode, INVALID_RECORD)
    assert.deepEqual(
      named(answer),
      [1, 3, 4, 5].map(index => [index, NO_KEY]),
    )
    // As Kafka 3.9.1 and 4.1.2 put it.
    const shown = [1, 3, 4].map(index => `RecordError(batchIndex=${index}, message='${NO_KEY}')`).join(', ')
    assert.equal(
      answer.errorMessage,
      `One or more records have been rejected due to 4 record errors in total, and only showing the first three errors at most: [${shown}]`,
    )
    assert.equal(answer.baseOffset, -1n)
    assert.deepEqual(bench.cluster.records('t', 0), [])
    const [rejected] = bench.cluster.trace.filter(entry => entry.kind === 'rejected')
    assert.deepEqual([rejected?.rule, rejected?.errorCode], ['record', INVALID_RECORD])
    assert.equal((await bench.produce('t/0', batch({ keys: ['a', ''] }))).errorCode, NONE)
  })

  test('messageTimestampBeforeMaxMs and messageTimestampAfterMaxMs, by the clock of the cluster', async () => {
    await using bench = await startWith({ messageTimestampBeforeMaxMs: 100, messageTimestampAfterMaxMs: 10 })
    await bench.time.advance(1_000)
    const answer = await bench.produce('t/0', batch({ timestamps: [900, 899, 1_010, 1_011, 1_000, -1] }))
    const outOfRange = (index: number, at: number): [number, string] => [
      index,
      `Timestamp ${at} of message with offset ${index} is out of range. The timestamp should be within [900, 1010]`,
    ]
    assert.equal(answer.errorCode, INVALID_TIMESTAMP)
    assert.deepEqual(named(answer), [outOfRange(1, 899), outOfRange(3, 1_011)])
    assert.equal(answer.errorMessage, 'One or more records have been rejected due to invalid timestamp')
    assert.deepEqual(bench.cluster.records('t', 0), [])
    assert.equal((await bench.produce('t/0', batch({ timestamps: [900, 1_010, -1] }))).errorCode, NONE)
  })

  test('only one bound is set', async () => {
    await using bench = await startWith({ messageTimestampAfterMaxMs: 10 })
    await bench.time.advance(1_000)
    assert.equal((await bench.produce('t/0', batch({ timestamps: [0] }))).errorCode, NONE)
    assert.equal((await bench.produce('t/0', batch({ timestamps: [1_011] }))).errorCode, INVALID_TIMESTAMP)
  })

  test('with logAppendTime any timestamp is taken, for the topic does not use it', async () => {
    await using bench = await startWith({ messageTimestampBeforeMaxMs: 100, logAppendTime: true })
    await bench.time.advance(1_000)
    assert.equal((await bench.produce('t/0', batch({ timestamps: [0, 5_000] }))).errorCode, NONE)
  })

  test('both kinds: the key is looked at first, and one wrong timestamp decides the code', async () => {
    await using bench = await startWith({ cleanupPolicy: 'compact', messageTimestampBeforeMaxMs: 100 })
    await bench.time.advance(1_000)
    const both = await bench.produce('t/0', batch({ keys: [null, 'a', 'b'], timestamps: [0, 0, 1_000] }))
    assert.equal(both.errorCode, INVALID_TIMESTAMP)
    assert.deepEqual(
      named(both).map(([index, message]) => [index, message?.slice(0, 9)]),
      [
        [0, 'Compacted'],
        [1, 'Timestamp'],
      ],
    )
    assert.equal((await bench.produce('t/0', batch({ keys: [null], timestamps: [0] }))).errorCode, INVALID_RECORD)
  })

  test('records come before duplicates and sequences: what is stored is refused when it has grown too old', async () => {
    await using bench = await startWith({ messageTimestampBeforeMaxMs: 100, cleanupPolicy: 'compact' })
    const first = batch({ producerId: 1n, keys: ['a'], timestamps: [0] })
    assert.equal((await bench.produce('t/0', first)).errorCode, NONE)
    assert.equal((await bench.produce('t/0', first)).baseOffset, 0n)
    await bench.time.advance(101)
    assert.equal((await bench.produce('t/0', first)).errorCode, INVALID_TIMESTAMP)
    const codes: number[] = []
    for (const key of [null, 'a']) {
      const gap = batch({ producerId: 1n, sequence: 7, keys: [key], timestamp: 101 })
      codes.push((await bench.produce('t/0', gap)).errorCode)
    }
    assert.deepEqual(codes, [INVALID_RECORD, OUT_OF_ORDER_SEQUENCE_NUMBER])
  })

  test('before Produce 8 none is named, and a record without key makes the batch corrupt, as in Kafka 2.3', async () => {
    await using bench = await startWith({ cleanupPolicy: 'compact', messageTimestampBeforeMaxMs: 100 })
    await bench.time.advance(1_000)
    const client = await bench.connect()
    for (const version of [3, 7, 8]) {
      const old = version < 8
      const codes: number[] = []
      for (const [key, timestamp] of [
        [null, 1_000],
        ['a', 0],
        [null, 0],
      ] as const) {
        const bytes = batch({ keys: ['k', key], timestamps: [1_000, timestamp] })
        const { responses } = await bench.wait(client.produce({ 't/0': bytes }, { version }))
        const [answer] = responses[0]!.partitionResponses
        assert.deepEqual(
          named(answer!).map(([index]) => index),
          old ? [] : [1],
        )
        codes.push(answer!.errorCode)
      }
      const expected = [old ? CORRUPT_MESSAGE : INVALID_RECORD, INVALID_TIMESTAMP]
      assert.deepEqual(codes, [...expected, expected[0]], `version ${version}`)
    }
  })

  test('CreateTopics: the settings are kept', async () => {
    await using bench = await startBench()
    const client = await bench.connect()
    const configs = [
      { name: 'cleanup.policy', value: 'compact,delete' },
      { name: 'message.timestamp.before.max.ms', value: '100' },
      { name: 'message.timestamp.after.max.ms', value: '10' },
    ]
    const topic = { name: 'new', numPartitions: 1, replicationFactor: 1, assignments: [], configs }
    await bench.wait(client.request(createTopics, 7, { topics: [topic], timeoutMs: 1000, validateOnly: false }))
    await bench.time.advance(1_000)
    for (const [key, timestamp, code] of [
      ['a', 1_000, NONE],
      [null, 1_000, INVALID_RECORD],
      ['a', 899, INVALID_TIMESTAMP],
      ['a', 1_011, INVALID_TIMESTAMP],
    ] as const) {
      const answer = await bench.produce('new/0', batch({ keys: [key], timestamps: [timestamp] }))
      assert.equal(answer.errorCode, code, `${key} ${timestamp}`)
    }
  })

  test('options that mean nothing are refused', async () => {
    await using bench = await startBench()
    const cleanupPolicy = 'compress' as 'compact'
    assert.throws(
      () => bench.cluster.createTopic('u', { cleanupPolicy }),
      /RangeError: option `cleanupPolicy` is 'compress'/,
    )
    for (const value of [-1, Number.NaN]) {
      assert.throws(
        () => bench.cluster.createTopic('u', { messageTimestampBeforeMaxMs: value }),
        /RangeError: option `messageTimestampBeforeMaxMs` is (-1|NaN)/,
      )
      assert.throws(
        () => bench.cluster.createTopic('u', { messageTimestampAfterMaxMs: value }),
        /RangeError: option `messageTimestampAfterMaxMs` is (-1|NaN)/,
      )
    }
  })
})

test('fault error with recordErrors names records, whether they are there or not; from Produce 8 on', async () => {
  await using bench = await startBench()
  const client = await bench.connect()
  const recordErrors = [{ index: 2, message: 'bad' }, { index: -1 }, { index: 2147483647, message: 'a lie' }]
  bench.cluster.inject({ fault: { kind: 'error', code: INVALID_RECORD, recordErrors }, times: 2 })
  for (const version of [8, 7]) {
    const { responses } = await bench.wait(client.produce({ 't/0': batch({ count: 3 }) }, { version }))
    const [answer] = responses[0]!.partitionResponses
    assert.equal(answer!.errorCode, INVALID_RECORD)
    const expected = [
      [2, 'bad'],
      [-1, null],
      [2147483647, 'a lie'],
    ]
    assert.deepEqual(named(answer!), version === 8 ? expected : [])
  }
  assert.deepEqual(bench.cluster.records('t', 0), [])
})

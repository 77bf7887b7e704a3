/** The counting broker reads a stream that is cut anywhere, and sees what a producer does wrong. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiVersions } from '../../src/protocol/messages/api-versions.js'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.js'
import { metadata } from '../../src/protocol/messages/metadata.js'
import { NO_LEADER, type ProduceTopicData, produce } from '../../src/protocol/messages/produce.js'
import {
  BASE_SEQUENCE_OFFSET,
  BATCH_HEADER_SIZE,
  PRODUCER_EPOCH_OFFSET,
  PRODUCER_ID_OFFSET,
  RECORD_COUNT_OFFSET,
} from '../../src/protocol/records/record-batch.js'
import { decodeCorrelationId, decodeResponseBody, encodeRequestFrame } from '../../src/protocol/wire/message.js'
import { ZERO_UUID } from '../../src/protocol/wire/uuid.js'
import { CountingBroker, type Counts } from './counting-broker.js'

interface BatchOptions {
  readonly count: number
  readonly sequence: number
  readonly producerId?: bigint
  readonly producerEpoch?: number
}

/** The broker looks at headers only, so the records are no records. */
function batch({ count, sequence, producerId = 1n, producerEpoch = 0 }: BatchOptions): Buffer {
  const bytes = Buffer.alloc(BATCH_HEADER_SIZE + 40 * count, 'record')
  bytes.writeBigInt64BE(producerId, PRODUCER_ID_OFFSET)
  bytes.writeInt16BE(producerEpoch, PRODUCER_EPOCH_OFFSET)
  bytes.writeInt32BE(sequence, BASE_SEQUENCE_OFFSET)
  bytes.writeInt32BE(count, RECORD_COUNT_OFFSET)
  return bytes
}

const topic = (name: string, ...batches: (readonly [index: number, records: Buffer])[]): ProduceTopicData => ({
  name,
  topicId: ZERO_UUID,
  partitionData: batches.map(([index, records]) => ({ index, records })),
})

const request = (version: number, correlationId: number, topicData: ProduceTopicData[], acks = -1): Buffer =>
  Buffer.concat(
    encodeRequestFrame(produce, version, correlationId, 'test', {
      transactionalId: null,
      acks,
      timeoutMs: 1000,
      topicData,
    }),
  )

const newBroker = (): CountingBroker => new CountingBroker([{ host: 'local', port: 9092 }], 3)

/** What a broker says to one connection on which the chunks come. */
function talk(chunks: readonly Buffer[], broker: CountingBroker = newBroker()): { frames: Buffer[]; counts: Counts } {
  const frames: Buffer[] = []
  const connection = broker.connection((frame, toProduce) => {
    frames.push(frame)
    if (toProduce) connection.answered(1)
  })
  // What is lent to the broker is taken back at once.
  for (const chunk of chunks) {
    const lent = Buffer.from(chunk)
    connection.receive(lent)
    lent.fill(0xff)
  }
  return { frames, counts: broker.counts }
}

function cut(bytes: Buffer, ...at: number[]): Buffer[] {
  const ends = [0, ...at, bytes.length]
  return ends.slice(1).map((end, i) => bytes.subarray(ends[i]!, end))
}

for (let version = produce.minVersion; version <= 12; version++) {
  test(`Produce version ${version}: counted and answered the same, wherever the stream is cut`, () => {
    const first = request(version, 7, [
      topic('t', [0, batch({ count: 3, sequence: 0 })], [2, batch({ count: 1, sequence: 0 })]),
      topic('another', [1, batch({ count: 2, sequence: 0 })]),
    ])
    const hello = encodeRequestFrame(apiVersions, 3, 8, 'test', { clientSoftwareName: 'a', clientSoftwareVersion: '1' })
    const second = request(version, 9, [topic('t', [0, batch({ count: 4, sequence: 3 })])])
    const stream = Buffer.concat([first, ...hello, second])

    const whole = talk([stream])
    assert.deepEqual(
      whole.frames.map(frame => decodeCorrelationId(frame.subarray(4))),
      [7, 8, 9],
    )
    assert.deepEqual(
      { ...whole.counts, batchBytes: 0 },
      {
        ...{ records: 10, batches: 4, requests: 2, batchBytes: 0, violations: [] },
        ...{ maxInFlight: 1, meanInFlight: 1 },
      },
    )
    const { responses } = decodeResponseBody(produce, version, whole.frames[0]!.subarray(4))
    assert.deepEqual(
      responses.map(({ name, partitionResponses }) => [name, partitionResponses.map(({ index }) => index)]),
      [
        ['t', [0, 2]],
        ['another', [1]],
      ],
    )
    const [{ partitionResponses } = assert.fail()] = decodeResponseBody(
      produce,
      version,
      whole.frames[2]!.subarray(4),
    ).responses
    assert.deepEqual(partitionResponses, [
      {
        ...{ index: 0, errorCode: 0, baseOffset: 3n, logAppendTimeMs: -1n, recordErrors: [], errorMessage: null },
        logStartOffset: version >= 5 ? 0n : -1n,
        currentLeader: NO_LEADER,
      },
    ])

    const bytewise = talk(Array.from(stream, (_, i) => stream.subarray(i, i + 1)))
    assert.deepEqual(bytewise, whole)
    for (let at = 1; at < stream.length; at++) assert.deepEqual(talk(cut(stream, at)), whole, `cut at ${at}`)
    for (let size = 2; size < 100; size++) {
      const ends = Array.from({ length: Math.floor(stream.length / size) }, (_, i) => (i + 1) * size)
      assert.deepEqual(talk(cut(stream, ...ends)), whole, `chunks of ${size}`)
    }
  })
}

test('a request of another API that spans chunks and is longer than what is kept at first is read whole', () => {
  const names = Array.from({ length: 1000 }, (_, i) => ({ topicId: Buffer.alloc(16), name: `topic-${i}` }))
  const frame = Buffer.concat(
    encodeRequestFrame(metadata, 12, 5, 'test', {
      topics: names,
      allowAutoTopicCreation: true,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    }),
  )
  const broker = new CountingBroker(
    [1, 2].map(port => ({ host: 'local', port })),
    3,
  )
  const { frames } = talk(cut(frame, 3, 100, 5000), broker)
  const { topics, brokers } = decodeResponseBody(metadata, 12, frames[0]!.subarray(4))
  assert.deepEqual(
    brokers.map(({ nodeId, port }) => [nodeId, port]),
    [
      [1, 1],
      [2, 2],
    ],
  )
  assert.equal(topics.length, 1000)
  assert.deepEqual(
    topics[0]!.partitions.map(({ leaderId }) => leaderId),
    [1, 2, 1],
  )
})

test('every producer gets an id of its own', () => {
  const ask = { transactionalId: null, transactionTimeoutMs: 0, producerId: -1n, producerEpoch: -1 }
  const frame = Buffer.concat(encodeRequestFrame(initProducerId, 4, 1, 'test', ask))
  const { frames } = talk([frame, frame])
  const ids = frames.map(bytes => decodeResponseBody(initProducerId, 4, bytes.subarray(4)).producerId)
  assert.deepEqual(ids, [1n, 2n])
})

/** What is wrong with these batches, sent to one partition one after the other. */
const violations = (batches: readonly BatchOptions[], acks?: number): readonly string[] =>
  talk(batches.map((options, i) => request(9, i, [topic('t', [1, batch(options)])], acks))).counts.violations

test('sequences without gap and duplicate, of each producer and epoch for itself, are as they should be', () => {
  assert.deepEqual(
    violations([
      { count: 2, sequence: 0 },
      { count: 1, sequence: 0, producerId: 2n },
      { count: 1, sequence: 2 },
      { count: 1, sequence: 1, producerId: 2n },
      { count: 5, sequence: 0, producerEpoch: 1 },
      { count: 1, sequence: 5, producerEpoch: 1 },
    ]),
    [],
  )
})

test('a gap, a duplicate, an old epoch, a producer without id and acks=1 are seen', () => {
  const first = { count: 2, sequence: 0 }
  assert.deepEqual(violations([first, { count: 1, sequence: 3 }]), ['t-1: sequence 3 where 2 comes next'])
  assert.deepEqual(violations([first, first]), ['t-1: sequence 0 where 2 comes next'])
  assert.deepEqual(violations([{ count: 1, sequence: 1 }]), ['t-1: sequence 1 where 0 comes next'])
  assert.deepEqual(violations([{ ...first, producerEpoch: 1 }, first]), ['t-1: epoch 0 after 1'])
  assert.deepEqual(violations([{ ...first, producerId: -1n }]), ['t-1: a batch of a producer that is not idempotent'])
  assert.deepEqual(violations([first], 1), ['acks 1'])
})

test('requests in flight are counted from their first byte to their answer', () => {
  const broker = newBroker()
  const { receive, answered } = broker.connection(() => {})
  const requests = [0, 1, 2, 3].map(i => request(9, i, [topic('t', [0, batch({ count: 1, sequence: i })])]))
  receive(requests[0]!)
  receive(requests[1]!)
  receive(requests[2]!.subarray(0, 150))
  assert.equal(broker.counts.maxInFlight, 3)
  answered(2)
  receive(Buffer.concat([requests[2]!.subarray(150), requests[3]!]))
  assert.deepEqual([broker.counts.maxInFlight, broker.counts.meanInFlight], [3, 2])
})

test('what is no sound request is refused', () => {
  const sound = request(9, 1, [topic('t', [0, batch({ count: 1, sequence: 0 })])])
  const longer = Buffer.concat([sound, Buffer.alloc(1)])
  longer.writeInt32BE(longer.length - 4)
  assert.throws(() => talk([longer]), /1 bytes longer than what is in it/)
  assert.throws(() => talk([request(9, 1, [topic('t', [3, batch({ count: 1, sequence: 0 })])])]), /t-3/)
})

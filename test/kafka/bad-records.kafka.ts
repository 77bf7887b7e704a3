import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { lastValueFrom, toArray } from 'rxjs'
import { BrokerError, createProducer, type ProducerOptions, type ProducerRecord } from '../../src/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { PartitionProduceResponse } from '../../src/protocol/messages/produce.js'
import { startCluster } from '../../src/testing/index.js'
import { tcp } from '../support/tcp.js'
import { findings } from '../support/validator.js'
import { type BatchOptions, batch, RawClient } from '../testing/raw-client.js'
import { type DumpedBatch, sequenceFaults } from './dump-log.js'
import { VERSIONS } from './jars.js'
import { KafkaCluster } from './kafka-cluster.js'
import { OldKafka } from './old-kafka.js'
import { readWithKcat } from './readers.js'

/** KIP-467: records that a topic refuses, among others that it takes. */

const COUNT = 900
const BAD: readonly number[] = [0, 1, 99, 100, 450, 451, 452, 700, 899]

interface Broker {
  readonly brokers: readonly string[]
  dumpLog(topic: string): Promise<DumpedBatch[]>
}

interface Expected {
  readonly code: number
  readonly says: RegExp
}

/** Sends `COUNT` records, and checks that the bad ones fail alone, and that the log has the others, in order, with sequences in a row. */
async function prove(
  broker: Broker,
  topic: string,
  fieldsOf: (isBad: boolean, number: number) => Partial<ProducerRecord<number>>,
  { code, says }: Expected,
  options: Partial<ProducerOptions>,
): Promise<void> {
  const { brokers } = broker
  await using producer = createProducer({ brokers: [...brokers], ...options })
  const bumps: unknown[] = []
  producer.events$.subscribe(event => {
    if (event.kind === 'epochBumped' || event.kind === 'dataLoss') bumps.push(event)
  })
  function* records(): Generator<ProducerRecord<number>> {
    for (let i = 0; i < COUNT; i++) {
      yield { topic, value: `value ${i}`, metadata: i, ...fieldsOf(BAD.includes(i), i) }
    }
  }
  const acks = await lastValueFrom(producer.publish<number>(records()).pipe(toArray()))
  const failed = acks.filter(ack => ack.kind === 'failed')
  assert.deepEqual(
    failed.map(ack => ack.record.metadata).sort((a, b) => a! - b!),
    BAD,
  )
  for (const { error, persisted } of failed) {
    assert.equal(persisted, 'no')
    assert.ok(error instanceof BrokerError && error.code === code, error.message)
    assert.match(error.message, says)
  }
  const good = Array.from({ length: COUNT }, (_, i) => i).filter(i => !BAD.includes(i))
  assert.deepEqual(
    acks.flatMap(ack => (ack.kind === 'acked' ? [ack.record.metadata] : [])),
    good,
  )
  const read = await readWithKcat(brokers, topic)
  assert.deepEqual(
    read.map(({ value }) => `${value}`),
    good.map(i => `value ${i}`),
  )
  assert.deepEqual(findings(COUNT, acks, read), [])
  const log = await broker.dumpLog(topic)
  assert.deepEqual(sequenceFaults(log), [])
  assert.equal(
    log.reduce((sum, { count }) => sum + count, 0),
    good.length,
  )
  assert.deepEqual(bumps, [])
}

const keyed = (isBad: boolean, number: number): Partial<ProducerRecord<number>> => ({
  key: isBad ? null : `key ${number}`,
})
const timed = (isBad: boolean): Partial<ProducerRecord<number>> => ({
  timestamp: Date.now() - (isBad ? 3_600_000 : 1_000),
})

const ways: readonly Partial<ProducerOptions>[] = [
  {},
  { batchSize: 1_000 },
  { batchSize: 2_000, compression: 'snappy', maxInFlight: 5 },
]

for (const version of VERSIONS) {
  describe(`Apache Kafka ${version}`, () => {
    let kafka: KafkaCluster
    let broker: Broker

    before(async () => {
      kafka = await KafkaCluster.start({ version })
      broker = { brokers: kafka.brokers, dumpLog: topic => kafka.dumpLog(topic, 0) }
    })
    after(() => kafka.stop())

    for (const [i, options] of ways.entries()) {
      test(`a compacted topic, ${JSON.stringify(options)}: records without key fail alone`, async () => {
        const topic = `compacted-${i}`
        await kafka.createTopic(topic, 1, { 'cleanup.policy': 'compact' })
        const says = new RegExp(
          `The broker says: Compacted topic cannot accept message without key in topic partition ${topic}-0`,
        )
        await prove(broker, topic, keyed, { code: ErrorCode.INVALID_RECORD, says }, options)
      })

      test(`message.timestamp.before.max.ms, ${JSON.stringify(options)}: records that are too old fail alone`, async () => {
        const topic = `timed-${i}`
        await kafka.createTopic(topic, 1, {
          'message.timestamp.type': 'CreateTime',
          'message.timestamp.before.max.ms': '600000',
        })
        const says = /The broker says: Timestamp \d+ of message with offset \d+ is out of range/
        await prove(broker, topic, timed, { code: ErrorCode.INVALID_TIMESTAMP, says }, options)
      })
    }

    test('the embedded broker refuses the same records, in the same words', async () => {
      const configs = {
        'cleanup.policy': 'compact',
        'message.timestamp.before.max.ms': '600000',
        'message.timestamp.after.max.ms': '600000',
      }
      await kafka.createTopic('same', 1, configs)
      const same = {
        partitions: 1,
        cleanupPolicy: 'compact',
        messageTimestampBeforeMaxMs: 600_000,
        messageTimestampAfterMaxMs: 600_000,
      } as const
      await using embedded = await startCluster({ topics: { same } })
      const expected = await refusals(kafka.brokers[0]!)
      assert.deepEqual(await refusals(embedded.brokers[0]!), expected)
      assert.deepEqual(
        expected.map(({ errorCode }) => errorCode),
        [0, 87, 87, 32, 32, 32, 87, 45, 32],
      )
    })
  })
}

/** What a broker answers to batches of which it takes not every record. */
async function refusals(
  address: string,
): Promise<Pick<PartitionProduceResponse, 'errorCode' | 'recordErrors' | 'errorMessage'>[]> {
  const now = Date.now()
  const [old, future] = [now - 3_600_000, now + 3_600_000]
  const stored = { producerId: 7n, keys: ['a', 'b'], timestamp: now }
  const batches: BatchOptions[] = [
    stored,
    { keys: [null, 'a', null], timestamp: now },
    { keys: [null, null, null, null, null], timestamp: now },
    { keys: ['a', 'b', 'c'], timestamps: [now, old, future] },
    { keys: [null, 'b', 'c'], timestamps: [old, future, now] },
    { ...stored, timestamp: old },
    { producerId: 7n, sequence: 9, keys: [null], timestamp: now },
    { producerId: 7n, sequence: 9, keys: ['a'], timestamp: now },
    { keys: ['a'], timestamps: [old], compression: 'snappy' },
  ]
  const client = new RawClient(tcp, address)
  const answers = []
  for (const options of batches) {
    const { responses } = await client.produce({ 'same/0': batch(options) })
    const { errorCode, recordErrors, errorMessage } = responses[0]!.partitionResponses[0]!
    // By clocks that are not the same.
    const timeless = (text: string | null): string | null => text?.replace(/\d{13}/g, 'T') ?? null
    answers.push({
      errorCode,
      recordErrors: recordErrors.map(({ batchIndex, batchIndexErrorMessage }) => {
        return { batchIndex, batchIndexErrorMessage: timeless(batchIndexErrorMessage) }
      }),
      errorMessage: timeless(errorMessage),
    })
  }
  client.destroy()
  return answers
}

describe('Apache Kafka 2.1, whose answers name no records', () => {
  let kafka: OldKafka

  before(async () => {
    kafka = await OldKafka.start()
  })
  after(() => kafka[Symbol.asyncDispose]())

  for (const [i, options] of ways.entries()) {
    test(`a compacted topic, ${JSON.stringify(options)}: the batch is corrupt, and halved`, async () => {
      const topic = `compacted-${i}`
      await kafka.createTopic(topic, { 'cleanup.policy': 'compact' })
      await prove(kafka, topic, keyed, { code: ErrorCode.CORRUPT_MESSAGE, says: /^CORRUPT_MESSAGE/ }, options)
    })
  }

  test('message.timestamp.difference.max.ms: the batch is refused, and halved', async () => {
    await kafka.createTopic('timed', { 'message.timestamp.difference.max.ms': '600000' })
    await prove(kafka, 'timed', timed, { code: ErrorCode.INVALID_TIMESTAMP, says: /^INVALID_TIMESTAMP/ }, {})
  })
})

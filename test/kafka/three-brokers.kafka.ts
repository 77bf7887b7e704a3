import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, test } from 'node:test'
import { from, lastValueFrom, toArray } from 'rxjs'
import { type Ack, BrokerError, createProducer, type ProducerOptions, type ProducerRecord } from '../../src/index.js'
import { decodeRecordBatches, decodeRecords } from '../../src/protocol/records/record-batch.js'
import { findings } from '../support/validator.js'
import type { DumpedBatch } from './dump-log.js'
import { JavaProducer } from './java-producer.js'
import { KafkaCluster } from './kafka-cluster.js'
import { readWithJava, readWithKafkajs, readWithKcat } from './readers.js'

let kafka: KafkaCluster

before(async () => {
  kafka = await KafkaCluster.start({ nodes: 3 })
})
after(() => kafka.stop())

/** Sends the records, each numbered by its metadata; gives the acks in the order in which they came. */
async function send(records: Iterable<ProducerRecord>, options: Partial<ProducerOptions> = {}): Promise<Ack<number>[]> {
  await using producer = createProducer({ brokers: kafka.brokers, ...options })
  let number = 0
  function* numbered(): Generator<ProducerRecord<number>> {
    for (const record of records) yield { ...record, metadata: number++ }
  }
  return await lastValueFrom(producer.publish(numbered()).pipe(toArray()), { defaultValue: [] })
}

function* keyed(topic: string, count: number): Generator<ProducerRecord> {
  for (let i = 0; i < count; i++)
    yield { topic, key: `key-${i % 1000}`, value: `value ${i} of ${count} — ${'ä'.repeat(i % 60)}` }
}

/** Base sequences follow each other from 0 on, all of one producer in its first epoch, and every CRC is right. */
function assertContinuous(batches: readonly DumpedBatch[], compresscodec: string): void {
  let next = 0
  for (const batch of batches) {
    assert.equal(batch.baseSequence, next, JSON.stringify(batch))
    assert.equal(batch.lastSequence, next + batch.count - 1)
    assert.equal(batch.producerId, batches[0]!.producerId)
    assert.equal(batch.producerEpoch, 0)
    assert.equal(batch.compresscodec.toLowerCase(), compresscodec)
    assert.ok(batch.isvalid)
    next += batch.count
  }
}

for (const compression of ['none', 'snappy'] as const) {
  test(`100,000 keyed records over six partitions, compression ${compression}`, async () => {
    const topic = `big-${compression}`
    const count = 100_000
    await kafka.createTopic(topic, 6)
    const acks = await send(keyed(topic, count), { compression })
    assert.equal(acks.filter(ack => ack.kind === 'acked').length, count)
    const read = await readWithKcat(kafka.brokers, topic)
    assert.equal(read.length, count)
    assert.deepEqual(findings(count, acks, read), [])
    assert.ok(new Set(read.map(record => record.partition)).size === 6)
    for (const partition of [0, 1, 2, 3, 4, 5]) {
      const batches = await kafka.dumpLog(topic, partition)
      assert.equal(
        batches.reduce((sum, batch) => sum + batch.count, 0),
        read.filter(record => record.partition === partition).length,
      )
      assertContinuous(batches, compression)
    }
  })
}

for (const options of [
  { maxInFlight: 1 },
  { maxInFlight: 5, batchSize: 16_384 },
  { linger: 5, batchSize: 16_384 },
] as const) {
  test(`20,000 records with ${JSON.stringify(options)}`, async () => {
    const topic = `options-${Object.entries(options).flat().join('-')}`
    await kafka.createTopic(topic, 3)
    const acks = await send(keyed(topic, 20_000), options)
    assert.deepEqual(findings(20_000, acks, await readWithKcat(kafka.brokers, topic)), [])
    for (const partition of [0, 1, 2]) assertContinuous(await kafka.dumpLog(topic, partition), 'none')
  })
}

test('send() and sendBatches() share a producer, and their records the sequences', async () => {
  await kafka.createTopic('shared', 1)
  await using producer = createProducer({ brokers: kafka.brokers })
  const [acks, batches] = await Promise.all([
    lastValueFrom(from(keyed('shared', 5000)).pipe(producer.send(), toArray())),
    lastValueFrom(from(keyed('shared', 5000)).pipe(producer.sendBatches(), toArray())),
  ])
  assert.equal(acks.length + batches.reduce((sum, batch) => sum + batch.count, 0), 10_000)
  assertContinuous(await kafka.dumpLog('shared', 0), 'none')
  assert.equal((await readWithKcat(kafka.brokers, 'shared')).length, 10_000)
})

test("kafkajs's consumer and Java's console consumer read it, plain and snappy", async () => {
  for (const compression of ['none', 'snappy'] as const) {
    const topic = `readers-${compression}`
    await kafka.createTopic(topic, 1)
    const acks = await send(keyed(topic, 500), { compression })
    const values = [...keyed(topic, 500)].map(record => record.value)
    assert.deepEqual(findings(500, acks, await readWithKafkajs(kafka, topic, 500)), [])
    assert.deepEqual(await readWithJava(kafka, topic, 500), values)
  }
})

test('every shape of a record: null, empty, binary, UTF-8, headers, large, with and without a timestamp', async () => {
  const topic = 'shapes'
  await kafka.createTopic(topic, 1)
  const binary = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  const records: ProducerRecord[] = [
    { topic, key: null, value: 'null key' },
    { topic, value: 'no key' },
    { topic, key: 'tombstone', value: null },
    { topic, key: 'empty value', value: '' },
    { topic, key: '', value: 'empty key' },
    { topic, key: binary, value: binary },
    { topic, key: 'ключ', value: 'Grüße, 世界, 🌍👩‍🚀, \u{10FFFF}' },
    { topic, key: 'lone surrogate', value: 'a\ud800b' },
    { topic, key: 'large', value: 'x'.repeat(900 * 1024) },
    { topic, key: 'large and binary', value: Buffer.alloc(900 * 1024, binary) },
    { topic, key: 'old', value: 'v', timestamp: 0 },
    { topic, key: 'new', value: 'v', timestamp: 1_700_000_000_123 },
    { topic, key: 'object', value: 'v', headers: { text: 'ä', bytes: binary, none: null, empty: '' } },
    {
      topic,
      key: 'pairs',
      value: 'v',
      headers: [
        ['same', '1'],
        ['same', '2'],
      ],
    },
    { topic, key: 'no headers', value: 'v', headers: {} },
  ]
  const before = Date.now()
  for (const compression of ['none', 'snappy'] as const) {
    const acks = await send(records, { compression })
    assert.deepEqual(
      acks.map(ack => ack.kind),
      new Array(records.length).fill('acked'),
    )
    const offset = acks.reduce((min, ack) => Math.min(min, ack.kind === 'acked' ? Number(ack.offset) : min), 2 ** 31)
    const read = (await readWithKcat(kafka.brokers, topic)).filter(record => record.offset >= offset)
    assert.deepEqual(findings(records.length, acks, read), [])
    const consumed = (await readWithKafkajs(kafka, topic, offset + records.length)).filter(
      record => record.offset >= offset,
    )
    consumed.forEach((record, i) => {
      const ack = acks[i]!
      assert.ok(ack.kind === 'acked')
      const { timestamp } = records[i]!
      if (timestamp === undefined) assert.ok(ack.timestamp >= before && ack.timestamp <= Date.now())
      else assert.equal(ack.timestamp, timestamp)
      assert.equal(Number(record.timestamp), ack.timestamp)
    })
    const headersOf = (key: string) => consumed.find(record => record.key?.toString() === key)?.headers
    assert.deepEqual(headersOf('object'), { text: Buffer.from('ä'), bytes: binary, none: null, empty: Buffer.alloc(0) })
    assert.deepEqual(headersOf('pairs'), { same: [Buffer.from('1'), Buffer.from('2')] })
    assert.deepEqual(headersOf('no headers'), {})
    assert.equal(consumed.find(record => record.key?.toString() === 'lone surrogate')?.value?.toString(), 'a\ufffdb')
  }
})

test('a topic that uses the time of the append: the ack has it', async () => {
  await kafka.createTopic('append-time', 1, { 'message.timestamp.type': 'LogAppendTime' })
  const before = Date.now()
  const [ack] = await send([{ topic: 'append-time', value: 'v', timestamp: 1 }])
  assert.ok(ack?.kind === 'acked')
  const [record] = await readWithKcat(kafka.brokers, 'append-time')
  assert.equal(ack.timestamp, record?.timestamp)
  assert.ok(ack.timestamp >= before)
})

test('a topic that does not exist yet is created by the broker, and nothing is lost meanwhile', async () => {
  const acks = await send(keyed('created-on-first-use', 1000))
  assert.deepEqual(findings(1000, acks, await readWithKcat(kafka.brokers, 'created-on-first-use')), [])
})

test('a record that the topic does not take fails in-band; those before and behind it are written', async () => {
  await kafka.createTopic('small', 1, { 'max.message.bytes': '10000' })
  const records = Array.from({ length: 50 }, (_, i) => ({
    topic: 'small',
    value: i === 20 ? 'x'.repeat(20_000) : `v${i}`,
  }))
  // A batch for each record, so that the large one stands alone.
  const acks = await send(records, { batchSize: 100 })
  const failed = acks.filter(ack => ack.kind !== 'acked')
  assert.equal(failed.length, 1)
  const [ack] = failed
  assert.ok(ack?.kind === 'failed' && ack.error instanceof BrokerError)
  assert.deepEqual([ack.error.codeName, ack.persisted, ack.record.metadata], ['MESSAGE_TOO_LARGE', 'no', 20])
  assert.deepEqual(findings(50, acks, await readWithKcat(kafka.brokers, 'small')), [])
  assertContinuous(await kafka.dumpLog('small', 0), 'none')
})

test("keys, text and binary, go to the partition that Java's producer puts them in; its snappy is read", async () => {
  const keys = Array.from({ length: 1000 }, (_, i) =>
    i % 2
      ? Buffer.from(`key ${i} äöü 🌍`)
      : Buffer.from([i & 0xff, i >> 8, 0x80, 0xff, i & 0x0f].slice(0, 1 + (i % 5))),
  )
  await kafka.createTopic('from-java', 7)
  await kafka.createTopic('from-us', 7)
  using program = new JavaProducer(kafka)
  execFileSync('java', program.arguments(kafka.brokers, 'from-java', 'snappy'), {
    input: keys.map(key => key.toString('hex')).join('\n'),
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  await send(keys.map((key, i) => ({ topic: 'from-us', key: i % 2 ? key.toString() : key, value: 'v' })))
  const places = async (topic: string): Promise<Map<string, number>> =>
    new Map((await readWithKcat(kafka.brokers, topic)).map(record => [record.key!.toString('hex'), record.partition]))
  const [java, ours] = [await places('from-java'), await places('from-us')]
  assert.equal(java.size, new Set(keys.map(key => key.toString('hex'))).size)
  assert.deepEqual(ours, java)

  const batches = [0, 1, 2, 3, 4, 5, 6].flatMap(partition => decodeRecordBatches(kafka.segment('from-java', partition)))
  assert.ok(batches.every(batch => batch.compression === 2 && batch.crcValid))
  assert.ok(
    batches.some(batch => batch.bytes.includes('SNAPPY')),
    "Java's own framing",
  )
  const values = batches.flatMap(decodeRecords).map(record => [record.key!.toString('hex'), String(record.value)])
  assert.equal(values.length, 1000)
  for (const [key, value] of values) assert.equal(value, `value of ${key}`.repeat(20))
})

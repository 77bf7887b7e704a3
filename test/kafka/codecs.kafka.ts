import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastValueFrom, toArray } from 'rxjs'
import { type Compression, createProducer, type ProducerRecord } from '../../src/index.js'
import { findings } from '../support/validator.js'
import { sequenceFaults } from './dump-log.js'
import { VERSIONS } from './jars.js'
import { KafkaCluster } from './kafka-cluster.js'
import { readWithJava, readWithKcat } from './readers.js'

const COUNT = 20_000

/** Records of 150 bytes, which compress to a tenth; batches are large enough to be compressed off the event loop. */
function* records(topic: string): Generator<ProducerRecord<number>> {
  for (let i = 0; i < COUNT; i++) {
    const value = JSON.stringify({
      order: i,
      status: 'shipped',
      currency: 'EUR',
      city: `Gdansk ${i % 50}`,
      note: 'x'.repeat(70),
    })
    yield { topic, partition: 0, value, metadata: i }
  }
}

/** Writes the records, and returns what is wrong with what kcat and Java's console consumer read, and the codecs of the batches. */
async function write(kafka: KafkaCluster, topic: string, compression: Compression): Promise<Set<string>> {
  await using producer = createProducer({ brokers: kafka.brokers, compression, linger: 5 })
  const acks = await lastValueFrom(producer.publish(records(topic)).pipe(toArray()))
  assert.deepEqual(findings(COUNT, acks, await readWithKcat(kafka.brokers, topic)), [])
  assert.deepEqual(
    await readWithJava(kafka, topic, COUNT),
    [...records(topic)].map(({ value }) => value),
  )
  const log = await kafka.dumpLog(topic, 0)
  assert.deepEqual(sequenceFaults(log), [])
  assert.ok(log.length > 1 && log.length < COUNT / 100, `${log.length} batches`)
  return new Set(log.map(({ compresscodec }) => compresscodec.toLowerCase()))
}

for (const version of VERSIONS) {
  test(`Apache Kafka ${version}: each codec is read by kcat and Java's console consumer, and named by DumpLogSegments`, async () => {
    await using kafka = await KafkaCluster.start({ version })
    for (const compression of ['gzip', 'snappy', 'lz4', 'zstd', { codec: 'zstd', level: 12 }] as const) {
      const codec = typeof compression === 'string' ? compression : compression.codec
      const topic = typeof compression === 'string' ? codec : `${codec}-${compression.level}`
      await kafka.createTopic(topic, 1)
      assert.deepEqual(await write(kafka, topic, compression), new Set([codec]), topic)
    }
  })
}

test(`Apache Kafka ${VERSIONS[0]}: a topic with a compression of its own stores that, whatever the producer sends`, async () => {
  await using kafka = await KafkaCluster.start({ version: VERSIONS[0] })
  for (const [type, stored] of [
    ['gzip', 'gzip'],
    ['uncompressed', 'none'],
  ] as const) {
    await kafka.createTopic(`own-${type}`, 1, { 'compression.type': type })
    assert.deepEqual(await write(kafka, `own-${type}`, 'zstd'), new Set([stored]))
  }
})

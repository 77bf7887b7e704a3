import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import kafkajs from 'kafkajs'
import { filter, firstValueFrom, lastValueFrom, toArray } from 'rxjs'
import { type Ack, BrokerError, createProducer, TopicRecreatedError } from '../../../src/index.js'
import { findings } from '../../support/validator.js'
import { sequenceFaults } from '../dump-log.js'
import { KafkaCluster } from '../kafka-cluster.js'
import { readWithKcat } from '../readers.js'
import { COUNT, FULL, Load, underLoad } from './load.js'

/* Rows of the fault matrix in which topics change while they are written to. */

let kafka: KafkaCluster

before(async () => {
  kafka = await KafkaCluster.start({ nodes: 3, proxies: true })
})
after(() => kafka.stop())

if (FULL) {
  test('row 9: records deleted below what is being written: exactly once goes on', async () => {
    const deletedBefore = new Map<number, number>()
    const result = await underLoad(kafka, { topic: 'row-9' }, async load => {
      for (let round = 0; round < 5; round++) {
        await load.progress(10_000)
        await kafka.admin(async admin => {
          const offsets = await admin.fetchTopicOffsets('row-9')
          const partitions = offsets.map(({ partition, high }) => ({ partition, offset: high }))
          await admin.deleteTopicRecords({ topic: 'row-9', partitions })
          for (const { partition, offset } of partitions) deletedBefore.set(partition, Number(offset))
        })
      }
      await load.progress(10_000)
      return { deletedBefore }
    })
    assert.ok(result.read.length < result.acks.length)
    assert.ok(result.read.length > 0)
    assert.equal(result.count('epochBumped'), 0)
  })

  test('row 16: a batch that is too large is split; a single record that is too large fails alone', async () => {
    const topic = 'row-16'
    await kafka.createTopic(topic, 1, { 'max.message.bytes': '10000' })
    const records = Array.from({ length: COUNT }, (_, i) => {
      const large = i % 10_000 === 5000
      return { topic, value: large ? `${i}`.padEnd(20_000, '.') : `value ${i}`, metadata: i }
    })
    // Batches are filled to 65 KB before any is sent, so none is taken as it is.
    await using producer = createProducer({ brokers: kafka.brokers, batchSize: 65_536, linger: 10 })
    const acks = await lastValueFrom(producer.publish(records).pipe(toArray()))
    const failed = acks.filter(ack => ack.kind !== 'acked')
    assert.equal(failed.length, COUNT / 10_000)
    for (const ack of failed) {
      assert.ok(ack.kind === 'failed' && ack.error instanceof BrokerError)
      assert.deepEqual([ack.error.codeName, ack.persisted], ['MESSAGE_TOO_LARGE', 'no'])
      assert.equal(ack.record.metadata! % 10_000, 5000)
    }
    assert.deepEqual(findings(COUNT, acks, await readWithKcat(kafka.internal, topic)), [])
    assert.deepEqual(sequenceFaults(await kafka.dumpLog(topic, 0)), [])
  })
}

test('row 18: topic deleted and recreated: what is sent from then on is written, in order', async () => {
  const topic = 'row-18'
  const producer = { metadataMaxAgeMs: 1000 }
  const first = await Load.start(kafka, { topic, producer })
  await first.progress(COUNT / 2)
  await first.pause()
  await first.check()
  const before = first.acks.length
  await kafka.admin(admin => admin.deleteTopics({ topics: [topic] }))
  // Its records go on while there is no topic to write them to.
  first.go()
  await first.event('metadata')
  await kafka.createTopic(topic, 6)
  await first.progress(COUNT / 2)
  await first.end()
  const result = await first.check({ begins: false, after: before, failures: true })
  const failed = lostTrackOf(result.acks)
  assert.ok(result.read.length >= first.taken - before - failed.length)
  assert.ok(failed.length < COUNT / 4, `${failed.length} records may be stored`)
})

test('row 18: topic deleted and recreated with fewer partitions: records go to those that there are', async () => {
  const topic = 'row-18-fewer'
  let known = 0
  const producer = { metadataMaxAgeMs: 500, deliveryTimeoutMs: 40_000 }
  const result = await underLoad(kafka, { topic, producer }, async load => {
    await load.progress(COUNT / 4)
    await load.pause()
    const before = load.acks.length
    await kafka.admin(admin => admin.deleteTopics({ topics: [topic] }))
    load.go()
    await load.event('metadata')
    const renewed = load.event('epochBumped')
    await kafka.createTopic(topic, 2)
    assert.match((await renewed).error.message, /was deleted and recreated/)
    known = load.taken
    await load.progress(COUNT / 2)
    // Records with other keys may stand between: those of other partitions are placed among those that are left.
    return { begins: false, after: before, failures: true, ordered: 'by key' }
  })
  const failed = lostTrackOf(result.acks)
  assert.ok(failed.length < COUNT / 4, `${failed.length} records may be stored`)
  assert.ok(failed.every(number => number < known))
  const java = kafkajs.Partitioners.DefaultPartitioner()
  const partitionMetadata = [0, 1].map(partitionId => ({ partitionId, leader: 1 }))
  for (const ack of result.acks) {
    if (ack.record.metadata! < known || ack.kind !== 'acked') continue
    const message = { key: String(ack.record.key), value: null }
    assert.equal(ack.partition, java({ topic, message, partitionMetadata } as unknown as kafkajs.PartitionerArgs))
  }
})

/** The numbers of the records that may be stored in a topic that is no more; nothing else has failed. */
function lostTrackOf(acks: readonly Ack<number>[]): number[] {
  return acks.flatMap(ack => {
    if (ack.kind === 'acked') return []
    assert.ok(ack.error instanceof TopicRecreatedError, ack.error.message)
    assert.equal(ack.persisted, 'maybe')
    return [ack.record.metadata!]
  })
}

test('row 19: partitions added: keys go where Java would put them, by the partitions that are known', async () => {
  const topic = 'row-19'
  const options = { topic, partitions: 3, producer: { metadataMaxAgeMs: 500 } }
  let before = 0
  const result = await underLoad(kafka, options, async load => {
    await load.progress(COUNT / 4)
    await kafka.admin(admin => admin.createPartitions({ topicPartitions: [{ topic, count: 6 }] }))
    const { events$ } = load.producer
    await firstValueFrom(
      events$.pipe(
        filter(event => event.kind === 'metadata' && event.topics.some(({ leaders }) => leaders.length === 6)),
      ),
    )
    before = load.taken
    await load.progress(COUNT / 4)
  })
  // kafkajs has the same function, of its own make.
  const java = kafkajs.Partitioners.DefaultPartitioner()
  const place = (key: string, partitions: number): number => {
    const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({ partitionId, leader: 1 }))
    return java({ topic, message: { key, value: null }, partitionMetadata } as unknown as kafkajs.PartitionerArgs)
  }
  const [six, three] = [new Map<string, number>(), new Map<string, number>()]
  for (let i = 0; i < 1000; i++) {
    six.set(`key-${i}`, place(`key-${i}`, 6))
    three.set(`key-${i}`, place(`key-${i}`, 3))
  }
  const counts = { three: 0, six: 0 }
  for (const ack of result.acks) {
    assert.ok(ack.kind === 'acked')
    const [key, number] = [String(ack.record.key), ack.record.metadata!]
    const known = number > before || ack.partition !== three.get(key) ? 'six' : 'three'
    assert.equal(ack.partition, (known === 'six' ? six : three).get(key), `record ${number}, ${key}`)
    counts[known]++
  }
  assert.ok(counts.three > 0 && counts.six > 0)
})

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { take } from 'rxjs'
import { createProducer, type ProducerRecord } from '../../../src/index.js'
import { RECORD_COST } from '../../../src/producer/model/batch.js'
import { initProducerId } from '../../../src/protocol/messages/init-producer-id.js'
import { sequenceFaults } from '../dump-log.js'
import { KafkaCluster } from '../kafka-cluster.js'
import { readWithKcat } from '../readers.js'
import { COUNT, Load, underLoad } from './load.js'

/* Rows of the fault matrix in which brokers are slow, or the producer is told to stop. Only at full length: `npm run test:chaos`. */

let kafka: KafkaCluster

/** Small enough to be full when brokers are slow. */
const LITTLE = { bufferMemory: 1_000_000, maxRequestSize: 100_000, batchSize: 16_384 }

before(async () => {
  kafka = await KafkaCluster.start({ nodes: 3, proxies: true })
})
after(() => kafka.stop())

test('row 20: throttled by a quota: no false timeout, nothing is sent again', async () => {
  const clientId = 'throttled'
  const limits = [
    '--alter',
    '--add-config',
    'producer_byte_rate=20000',
    '--entity-type',
    'clients',
    '--entity-name',
    clientId,
  ]
  await kafka.java('kafka.admin.ConfigCommand', '--bootstrap-server', kafka.internal.join(), ...limits)
  const producer = { ...LITTLE, clientId, requestTimeoutMs: 1000 }
  const result = await underLoad(kafka, { topic: 'row-20', count: 50_000, producer }, async load => {
    await load.event('throttled')
    await load.progress(10_000)
  })
  assert.ok(result.count('throttled') > 0)
  assert.equal(result.count('retrying'), 0)
  assert.equal(result.count('disconnected'), 0)
})

test('row 20: throttled by a quota for requests, which metadata and producer ids count for: no false timeout', async () => {
  const clientId = 'busy'
  const limits = ['--alter', '--add-config', 'request_percentage=0.1', '--entity-type', 'clients', '--entity-name']
  const tool = 'kafka.admin.ConfigCommand'
  await kafka.java(tool, '--bootstrap-server', kafka.internal.join(), ...limits, clientId)
  const producer = { ...LITTLE, clientId, requestTimeoutMs: 500, deliveryTimeoutMs: 300_000, metadataMaxAgeMs: 100 }
  const result = await underLoad(kafka, { topic: 'row-20-requests', count: 2_000, rate: 500, producer }, async load => {
    await load.event('throttled')
    await load.progress(1_000)
  })
  for (const kind of ['retrying', 'disconnected', 'metadataFailed', 'producerIdFailed'] as const) {
    assert.equal(result.count(kind), 0, kind)
  }
})

test('row 24: InitProducerId is slow: the buffer is bounded, the source waits, then everything goes', async () => {
  for (const id of kafka.nodeIds) {
    const fate = { kind: 'delay', ms: 8000 } as const
    void kafka.proxy(id).inject({ on: 'reply', api: initProducerId.key, times: Infinity, fate })
  }
  let waited = 0
  await underLoad(kafka, { topic: 'row-24', rate: 50_000, valueBytes: 100, producer: LITTLE }, async load => {
    await load.event('producerId')
    for (const id of kafka.nodeIds) await kafka.proxy(id).heal()
    waited = load.taken
    assert.equal(load.acks.length, 0)
    // As much as fits, and nothing more: the largest record would not find room behind one more of these.
    const largest = LITTLE.maxRequestSize + RECORD_COST
    assert.ok(load.mostBuffered > LITTLE.bufferMemory - largest - 1_000, `${load.mostBuffered} bytes`)
    assert.ok(load.mostBuffered <= LITTLE.bufferMemory)
    await load.progress(waited)
  })
  assert.ok(waited > 0 && waited < COUNT)
})

test('row 25: closed with requests in flight: what was taken is acked, nothing is left', async () => {
  const load = await Load.start(kafka, {
    topic: 'row-25-close',
    count: Infinity,
    rate: 50_000,
    producer: { batchSize: 2048 },
  })
  await load.progress(COUNT / 4)
  assert.ok([...load.producer.inFlight.values()].some(count => count > 0))
  await load.close()
  const result = await load.check({ closed: true })
  assert.equal(result.read.length, result.acks.length)
})

test('row 25: unsubscribed with requests in flight: what was taken is written, once and in order', async () => {
  const topic = 'row-25-unsubscribe'
  await kafka.createTopic(topic, 3)
  let taken = 0
  function* records(): Generator<ProducerRecord<number>> {
    for (;;) yield { topic, key: `key-${taken % 1000}`, value: `${taken++}` }
  }
  const producer = createProducer({ brokers: kafka.brokers, batchSize: 2048 })
  await new Promise<void>((resolve, reject) =>
    producer
      .publish(records())
      .pipe(take(COUNT / 4))
      .subscribe({ error: reject, complete: resolve }),
  )
  assert.ok(producer.bufferedBytes > 0)
  await producer.close()
  assert.equal(producer.bufferedBytes, 0)
  const read = await readWithKcat(kafka.internal, topic)
  const numbers = read.map(record => Number(record.value))
  // The generator is one ahead of what was taken at most.
  assert.ok(numbers.length === taken || numbers.length === taken - 1)
  assert.deepEqual(
    [...numbers].sort((a, b) => a - b),
    Array.from(numbers, (_, i) => i),
  )
  for (const partition of [0, 1, 2]) {
    const own = read.filter(record => record.partition === partition).map(record => Number(record.value))
    assert.deepEqual(
      own,
      [...own].sort((a, b) => a - b),
    )
  }
  for (const log of (await kafka.dumpLogs(topic)).values()) assert.deepEqual(sequenceFaults(log), [])
})

test('row 31: brokers take 100 KB/s: the source waits, the buffer is bounded, nothing times out', async () => {
  for (const id of kafka.nodeIds) kafka.proxy(id).rate = 100_000
  let most = 0
  const result = await underLoad(
    kafka,
    { topic: 'row-31', count: COUNT / 2, rate: 50_000, valueBytes: 100, producer: LITTLE },
    async load => {
      await load.progress(COUNT / 4)
      most = load.mostBuffered
    },
  )
  assert.ok(most <= LITTLE.bufferMemory)
  assert.ok(most > LITTLE.bufferMemory - LITTLE.maxRequestSize, `${most} bytes`)
  assert.equal(result.count('disconnected'), 0)
})

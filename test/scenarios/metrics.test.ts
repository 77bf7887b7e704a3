import assert from 'node:assert/strict'
import { test } from 'node:test'
import { from, lastValueFrom, toArray } from 'rxjs'
import { createProducer, type ProducerMetrics, type ProducerRecord } from '../../src/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { startCluster } from '../../src/testing/index.js'
import { open, startWorld, type World, type WorldOptions, watch } from '../support/world.js'

const world = (options: WorldOptions = {}): Promise<World> =>
  startWorld({ latencyMs: 5, ...options, cluster: { topics: { t: { partitions: 1 } }, ...options.cluster } })

const sendAll = ({ producer, time }: World, records: readonly ProducerRecord[]): Promise<unknown> =>
  time.until(lastValueFrom(from(records).pipe(producer.send(), toArray())))

const values = (count: number, topic = 't'): ProducerRecord[] =>
  Array.from({ length: count }, (_, i) => ({ topic, value: `v${i}` }))

test('a producer that has done nothing: all is 0, but the buffer that it may use', async () => {
  const it = await world()
  const { bufferTotalBytes, bufferAvailableBytes, brokers, partitions, recordErrors, ...rest } = it.producer.metrics()
  assert.deepEqual(
    { bufferTotalBytes, bufferAvailableBytes, brokers, partitions, recordErrors },
    { bufferTotalBytes: 33554432, bufferAvailableBytes: 33554432, brokers: [], partitions: [], recordErrors: {} },
  )
  for (const [name, value] of Object.entries(rest)) assert.equal(value, 0, name)
  await it.end()
})

test('records, batches, bytes and requests are counted, with their latency', async () => {
  const it = await world()
  await sendAll(it, values(10))
  await sendAll(it, values(20))
  const metrics = it.producer.metrics()
  const bytes = it.cluster.batches('t', 0).reduce((sum, { bytes }) => sum + bytes.length, 0)
  const { recordSendTotal, recordAckTotal, batchTotal, byteTotal, requestTotal, recordsPerRequestAvg } = metrics
  assert.deepEqual(
    { recordSendTotal, recordAckTotal, batchTotal, byteTotal, requestTotal, recordsPerRequestAvg },
    {
      recordSendTotal: 30,
      recordAckTotal: 30,
      batchTotal: 2,
      byteTotal: bytes,
      requestTotal: 2,
      recordsPerRequestAvg: 15,
    },
  )
  assert.equal(metrics.batchSizeAvg, bytes / 2)
  assert.equal(metrics.requestLatencyAvg, 10)
  assert.equal(metrics.compressionRateAvg, 1)
  assert.ok(metrics.recordSendRate > 0)
  assert.equal(metrics.recordErrorTotal + metrics.recordRetryTotal, 0)
  const [broker] = metrics.brokers
  assert.equal(broker!.requestTotal, 2)
  assert.equal(broker!.maxInFlight, 4)
  assert.ok(broker!.requestLatencyP99 > 9.9 && broker!.requestLatencyMax < 10.2)
  const [partition] = metrics.partitions
  assert.deepEqual(
    [partition!.topic, partition!.partition, partition!.state, partition!.recordsPerBatchAvg],
    ['t', 0, 'open', 15],
  )
  await it.end()
})

test('what is in flight, waiting and in the buffer is seen while it is', async () => {
  const it = await world({ producer: { bufferMemory: 3_000, maxRequestSize: 1_024, maxInFlight: 1 } })
  await sendAll(it, values(1))
  it.cluster.inject({ fault: { kind: 'delay', ms: 1_000 } })
  const source = watch(it.producer.publish(values(10)))
  await it.time.advance(100)
  const busy = it.producer.metrics()
  assert.equal(busy.requestsInFlight, 1)
  assert.deepEqual(
    busy.brokers.map(({ requestsInFlight, maxInFlight }) => [requestsInFlight, maxInFlight]),
    [[1, 1]],
  )
  assert.equal(busy.partitions[0]!.batchesInFlight, 1)
  assert.equal(busy.waitingSources, 1)
  assert.equal(busy.bufferUsedBytes, it.producer.bufferedBytes)
  assert.equal(busy.bufferAvailableBytes, 3_000 - it.producer.bufferedBytes)
  assert.equal(busy.partitions[0]!.bufferUsedBytes, it.producer.bufferedBytes)
  await it.time.until(() => source.done)
  const idle = it.producer.metrics()
  assert.equal(idle.waitingSources + idle.requestsInFlight + idle.bufferUsedBytes, 0)
  await it.end()
})

test('retries, failures by name and the states of partitions are counted', async () => {
  const it = await world({ cluster: { topics: { t: { partitions: 1 }, denied: { partitions: 1 } } } })
  it.cluster.inject({ topic: 't', times: 2, fault: { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS } })
  it.cluster.inject({ topic: 'denied', fault: { kind: 'error', code: ErrorCode.TOPIC_AUTHORIZATION_FAILED } })
  const { push, acks } = open(it.producer)
  for (const record of values(3)) push.next(record)
  for (const record of values(2, 'denied')) push.next(record)
  push.next({ topic: 't', value: 5 as never })
  await it.time.until(() => acks.values.length === 3)
  assert.equal(it.producer.metrics().partitions.find(({ topic }) => topic === 't')!.state, 'paused')
  await it.time.until(() => acks.values.length === 6)
  await assert.rejects(it.time.until(it.producer.sendOne({ topic: 't', value: 6 as never })))
  const { recordRetryTotal, recordErrorTotal, recordErrors, recordAckTotal } = it.producer.metrics()
  assert.deepEqual(
    { recordRetryTotal, recordErrorTotal, recordErrors, recordAckTotal },
    {
      recordRetryTotal: 6,
      recordErrorTotal: 4,
      recordErrors: { TOPIC_AUTHORIZATION_FAILED: 2, InvalidRecordError: 2 },
      recordAckTotal: 3,
    },
  )
  push.complete()
  await it.end()
})

test('queue time, compression, pauses and reconnects', async () => {
  const it = await world({ producer: { linger: 50, compression: 'gzip' } })
  await sendAll(
    it,
    Array.from({ length: 10 }, () => ({ topic: 't', value: 'a'.repeat(200) })),
  )
  it.cluster.inject({ fault: { kind: 'throttle', ms: 300 } })
  await sendAll(it, values(1))
  it.cluster.inject({ fault: { kind: 'dropBeforeAppend' } })
  await sendAll(it, values(1))
  const metrics = it.producer.metrics()
  assert.equal(metrics.recordQueueTimeMax >= 50, true)
  assert.ok(metrics.compressionRateAvg < 0.5, String(metrics.compressionRateAvg))
  assert.equal(metrics.produceThrottleTimeMax, 300)
  const [broker] = metrics.brokers
  assert.deepEqual([broker!.throttleTimeTotal, broker!.reconnectTotal], [300, 1])
  assert.equal(metrics.connectionCreationTotal, 2)
  const [partition] = metrics.partitions
  assert.ok(partition!.compressionRateAvg < 0.5 && partition!.recordQueueTimeAvg >= 50)
  await it.end()
})

test('latencies of a fast broker have fractions of a millisecond', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ brokers: cluster.brokers })
  for (let i = 0; i < 5; i++) await producer.sendOne({ topic: 't', value: 'v' })
  const { requestTotal, requestLatencyAvg, brokers } = producer.metrics()
  assert.equal(requestTotal, 5)
  assert.ok(requestLatencyAvg > 0 && !Number.isInteger(requestLatencyAvg))
  assert.ok(brokers[0]!.requestLatencyP50 > 0)
})

test('a request without a response has no latency', async () => {
  const it = await world({ producer: { requestTimeoutMs: 500 } })
  await sendAll(it, values(1))
  const { requestLatencyMax } = it.producer.metrics()
  it.cluster.inject({ fault: { kind: 'neverAnswer' } })
  await sendAll(it, values(1))
  const metrics = it.producer.metrics()
  assert.equal(metrics.requestTotal, 3)
  assert.equal(metrics.requestLatencyMax, requestLatencyMax)
  await it.end()
})

test('metrics$ emits at each interval, survives JSON, has no timer while nobody subscribes, and completes on close', async () => {
  const it = await world({ producer: { metricsIntervalMs: 200 } })
  await sendAll(it, values(5))
  await it.time.advance(1_000)
  const { pending } = it.time
  const seen = watch(it.producer.metrics$)
  assert.equal(seen.values.length, 0)
  await it.time.advance(600)
  assert.equal(seen.values.length, 3)
  const again: ProducerMetrics = JSON.parse(JSON.stringify(seen.values[2]))
  assert.deepEqual(again, seen.values[2])
  seen.unsubscribe()
  assert.equal(it.time.pending, pending)
  const last = watch(it.producer.metrics$)
  await it.end()
  assert.equal(last.done, true)
  const late = watch(it.producer.metrics$)
  assert.equal(late.done, true)
  assert.equal(it.time.pending, 0)
})

test('a broker that leaves the cluster is forgotten; if it returns, it begins again', async () => {
  const it = await world({
    cluster: { nodes: 2, topics: { t: { partitions: 2 } } },
    producer: { metadataMaxAgeMs: 500 },
  })
  const both = [0, 1].map(partition => ({ topic: 't', partition, value: 'v' }))
  const requests = (): number[][] =>
    it.producer.metrics().brokers.map(({ nodeId, requestTotal }) => [nodeId, requestTotal])
  for (const partition of [0, 1]) await it.cluster.moveLeader('t', partition, partition + 1)
  for (let i = 0; i < 3; i++) await sendAll(it, both)
  assert.deepEqual(requests().sort(), [
    [1, 3],
    [2, 3],
  ])
  const port = Number(it.cluster.brokers[0]!.split(':')[1])
  await it.cluster.stopNode(1)
  await it.time.advance(2_000)
  await sendAll(it, both)
  assert.deepEqual(
    requests().map(([nodeId]) => nodeId),
    [2],
  )
  await it.cluster.startNode(1, port)
  await it.cluster.moveLeader('t', 0, 1)
  await it.time.advance(2_000)
  await sendAll(it, both)
  assert.equal(requests().find(([nodeId]) => nodeId === 1)?.[1], 1)
  await it.end()
})

test('a partition of a recreated topic is in a snapshot once, and begins again', async () => {
  const it = await world({ producer: { metadataMaxAgeMs: 500 } })
  await sendAll(it, values(5))
  it.cluster.deleteTopic('t')
  it.cluster.createTopic('t', { partitions: 1 })
  await it.time.advance(1_000)
  await sendAll(it, values(2))
  assert.deepEqual(
    it.producer.metrics().partitions.map(({ partition, recordSendTotal }) => [partition, recordSendTotal]),
    [[0, 2]],
  )
  await it.end()
})

test('partitions that were never used are not in a snapshot', async () => {
  const it = await world({ cluster: { topics: { t: { partitions: 1_000 } } } })
  await sendAll(it, [{ topic: 't', value: 'v', partition: 7 }])
  assert.deepEqual(
    it.producer.metrics().partitions.map(({ partition }) => partition),
    [7],
  )
  await it.end()
})

import assert from 'node:assert/strict'
import { tracingChannel } from 'node:diagnostics_channel'
import { type TestContext, test } from 'node:test'
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import type { Histogram } from '@opentelemetry/sdk-metrics'
import { AlwaysOffSampler, ParentBasedSampler, type ReadableSpan } from '@opentelemetry/sdk-trace-base'
import kafkajs from 'kafkajs'
import { from, lastValueFrom, Subject, toArray } from 'rxjs'
import { createProducer, type ProducerRecord, RecordFailedError } from '../../src/index.js'
import { openTelemetry } from '../../src/opentelemetry/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { startCluster } from '../../src/testing/index.js'
import type { World } from '../support/world.js'
import { Telemetry, world } from './telemetry.js'

const sendAll = ({ producer, time }: World, records: readonly ProducerRecord[]): Promise<unknown> =>
  time.until(lastValueFrom(from(records).pipe(producer.sendBatches(), toArray())))

const headerIn = ({ cluster }: World, offset: number, name = 'traceparent'): string | undefined => {
  const found = cluster.records('t', 0)[offset]!.headers.find(([header]) => header === name)
  return found && String(found[1])
}

const idOf = (span: ReadableSpan): string => span.spanContext().spanId

function started(t: TestContext, ...args: ConstructorParameters<typeof Telemetry>): Telemetry {
  const telemetry = new Telemetry(...args)
  t.after(() => telemetry.end())
  return telemetry
}

test('a record has a span from when it is sent to its ack, a child of the active one, whose context is in its headers', async t => {
  const telemetry = started(t)
  const it = await world([telemetry.interceptor()])
  const parent = telemetry.tracerProvider.getTracer('test').startSpan('handler')
  const acked = context.with(trace.setSpan(ROOT_CONTEXT, parent), () =>
    it.producer.sendOne({ topic: 't', partition: 0, value: null, headers: { own: 'h' } }),
  )
  await it.time.until(acked)
  const [span] = telemetry.spans(/^send/) as [ReadableSpan]
  assert.equal(span.name, 'send t')
  assert.equal(span.kind, SpanKind.PRODUCER)
  assert.equal(span.parentSpanContext?.spanId, parent.spanContext().spanId)
  assert.equal(span.status.code, SpanStatusCode.UNSET)
  assert.deepEqual(span.attributes, {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 't',
    'messaging.destination.partition.id': '0',
    'messaging.kafka.message.tombstone': true,
    'messaging.kafka.offset': 0,
  })
  const { traceId, spanId } = span.spanContext()
  assert.equal(headerIn(it, 0), `00-${traceId}-${spanId}-01`)
  assert.equal(headerIn(it, 0, 'own'), 'h')
  await it.end()
})

test('a request has a span that is linked to the spans of its records', async t => {
  const telemetry = started(t)
  const it = await world([telemetry.interceptor()])
  await sendAll(
    it,
    [0, 1, 0].map(
      (partition, i) => ({ topic: 't', partition, value: `v${i}`, headers: [['a', 'b']] as const }) as ProducerRecord,
    ),
  )
  const records = telemetry.spans(/^send/)
  const [request] = telemetry.spans(/^produce/) as [ReadableSpan]
  assert.equal(records.length, 3)
  assert.equal(request.name, 'produce t')
  assert.equal(request.kind, SpanKind.CLIENT)
  const [host, port] = it.cluster.brokers[0]!.split(':')
  assert.deepEqual(request.attributes, {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'produce',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 't',
    'messaging.client.id': 'me',
    'messaging.batch.message_count': 3,
    'server.address': host,
    'server.port': Number(port),
  })
  assert.deepEqual(request.links.map(link => link.context.spanId).sort(), records.map(idOf).sort())
  assert.ok(records.map(idOf).includes(request.parentSpanContext!.spanId))
  await it.end()
})

test('errors are recorded: on the span of a record that fails, and on that of a request without a response', async t => {
  const telemetry = started(t)
  const it = await world([telemetry.interceptor()])
  it.cluster.inject({ fault: { kind: 'dropBeforeAppend' } })
  it.cluster.inject({ fault: { kind: 'error', code: ErrorCode.TOPIC_AUTHORIZATION_FAILED } })
  await assert.rejects(it.time.until(it.producer.sendOne({ topic: 't', value: 'v' })), RecordFailedError)
  await assert.rejects(it.time.until(it.producer.sendOne({ topic: 't', value: 5 as never })), RecordFailedError)
  const told = telemetry
    .spans(/./)
    .map(({ name, status, attributes, events }) => [name, status.code, attributes['error.type'], events[0]?.name])
  const { ERROR } = SpanStatusCode
  assert.deepEqual(told, [
    ['produce t', ERROR, 'ConnectionError', 'exception'],
    ['produce t', ERROR, 'TOPIC_AUTHORIZATION_FAILED', 'exception'],
    ['send t', ERROR, 'TOPIC_AUTHORIZATION_FAILED', 'exception'],
    ['send t', ERROR, 'InvalidRecordError', 'exception'],
  ])
  const sent = await telemetry.points<number>('messaging.client.sent.messages')
  assert.deepEqual(
    sent.map(({ attributes, value }) => [attributes['error.type'], value]),
    [
      ['ConnectionError', 1],
      ['TOPIC_AUTHORIZATION_FAILED', 1],
    ],
  )
  await it.end()
})

test('sampling is respected: no span, but the headers say that the record is not sampled, and metrics count it', async t => {
  const telemetry = started(t, new ParentBasedSampler({ root: new AlwaysOffSampler() }))
  const it = await world([telemetry.interceptor()])
  await sendAll(
    it,
    Array.from({ length: 10 }, (_, i) => ({ topic: 't', partition: 0, value: `v${i}` })),
  )
  assert.deepEqual(telemetry.spans(/./), [])
  for (let i = 0; i < 10; i++) assert.match(headerIn(it, i)!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  const [sent] = await telemetry.points<number>('messaging.client.sent.messages')
  assert.equal(sent!.value, 10)
  // A parent that is sampled decides for its records, and for their request.
  const sampled = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: TraceFlags.SAMPLED }
  await it.time.until(
    context.with(trace.setSpanContext(ROOT_CONTEXT, sampled), () => it.producer.sendOne({ topic: 't', value: 'v' })),
  )
  assert.deepEqual(
    telemetry.spans(/./).map(({ name }) => name),
    ['produce t', 'send t'],
  )
  await it.end()
})

test('a record that carries a context already keeps it, and its span is linked to that', async t => {
  const telemetry = started(t)
  const it = await world([telemetry.interceptor()])
  const origin = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  for (const headers of [{ traceparent: origin }, [['traceparent', Buffer.from(origin)]] as never])
    await it.time.until(it.producer.sendOne({ topic: 't', partition: 0, value: 'v', headers }))
  for (const offset of [0, 1]) assert.equal(headerIn(it, offset), origin)
  for (const span of telemetry.spans(/^send/))
    assert.deepEqual(
      span.links.map(link => [link.context.traceId, link.context.spanId]),
      [['a'.repeat(32), 'b'.repeat(16)]],
    )
  await it.end()
})

test('the parent is the span that was active when the source gave the record, whatever its serializers wait for', async t => {
  const telemetry = started(t)
  const it = await world([telemetry.interceptor()])
  const tracer = telemetry.tracerProvider.getTracer('test')
  const source = new Subject<string>()
  const options = {
    topic: 't',
    value: async (data: string) => data,
    headers: (data: string) => ({ data }),
    concurrency: 1,
  }
  const acks = lastValueFrom(source.pipe(it.producer.send(options), toArray()))
  const parents = ['a', 'b', 'c'].map(data => {
    const parent = tracer.startSpan(data)
    context.with(trace.setSpan(ROOT_CONTEXT, parent), () => source.next(data))
    return parent.spanContext().spanId
  })
  source.complete()
  await it.time.until(acks)
  assert.deepEqual(
    telemetry
      .spans(/^send/)
      .map(({ parentSpanContext }) => parentSpanContext?.spanId)
      .sort(),
    parents.sort(),
  )
  await it.end()
})

test('headers of any form are kept beside the context: a generator, which can be read once, a Map, a header without a span', async t => {
  const telemetry = started(t)
  const it = await world([telemetry.interceptor()])
  function* pairs(): Generator<[string, string]> {
    yield ['own', 'h']
  }
  for (const headers of [pairs(), new Map([['own', 'h']]), { own: 'h', tracestate: 'a=b' }])
    await it.time.until(it.producer.sendOne({ topic: 't', partition: 0, value: 'v', headers }))
  for (const [i, span] of telemetry.spans(/^send/).entries()) {
    assert.equal(headerIn(it, i, 'own'), 'h')
    assert.equal(headerIn(it, i), `00-${span.spanContext().traceId}-${idOf(span)}-01`)
  }
  await it.end()
})

test('metrics: the duration of requests in seconds, and the messages in them, by topic and partition', async t => {
  const telemetry = started(t)
  const it = await world([telemetry.interceptor()])
  await sendAll(
    it,
    [0, 0, 1].map((partition, i) => ({ topic: 't', partition, value: `v${i}` })),
  )
  const [duration, ...more] = await telemetry.points<Histogram>('messaging.client.operation.duration')
  assert.equal(more.length, 0)
  assert.equal(duration!.value.count, 1)
  assert.equal(duration!.attributes['messaging.operation.name'], 'produce')
  assert.equal(duration!.attributes['messaging.destination.name'], 't')
  assert.deepEqual(duration!.value.buckets.boundaries.slice(0, 3), [0.005, 0.01, 0.025])
  const sent = await telemetry.points<number>('messaging.client.sent.messages')
  assert.deepEqual(
    sent.map(({ attributes, value }) => [attributes['messaging.destination.partition.id'], value]),
    [
      ['0', 2],
      ['1', 1],
    ],
  )
  await it.end()
})

test('two producers: each has the spans and metrics of its own records; closing one leaves no subscriber behind', async t => {
  const channel = tracingChannel('rx-kafka:produce')
  const [a, b] = [started(t), started(t)]
  const [one, other] = [await world([a.interceptor()]), await world([b.interceptor()])]
  await sendAll(one, [{ topic: 't', value: 'v' }])
  await sendAll(other, [
    { topic: 't', value: 'v' },
    { topic: 't', value: 'w' },
  ])
  assert.deepEqual([a.spans(/^send/).length, b.spans(/^send/).length], [1, 2])
  assert.deepEqual([a.spans(/^produce/).length, b.spans(/^produce/).length], [1, 1])
  const [ofA] = await a.points<number>('messaging.client.sent.messages')
  const [ofB] = await b.points<number>('messaging.client.sent.messages')
  assert.deepEqual([ofA!.value, ofB!.value], [1, 2])
  assert.equal(channel.start.hasSubscribers, true)
  await one.end()
  await other.end()
  assert.equal(channel.start.hasSubscribers, false)
})

test('without a registered SDK nothing breaks, and no header is added', async () => {
  const it = await world([openTelemetry()])
  await it.time.until(it.producer.sendOne({ topic: 't', partition: 0, value: 'v' }))
  assert.equal(headerIn(it, 0), undefined)
  await it.end()
})

test("the context arrives at kafkajs's consumer", async t => {
  const telemetry = started(t)
  await using cluster = await startCluster({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ brokers: cluster.brokers, interceptors: [telemetry.interceptor()] })
  await producer.sendOne({ topic: 't', value: 'v' })
  const consumer = new kafkajs.Kafka({ brokers: cluster.brokers, logLevel: 0 }).consumer({ groupId: 'g' })
  await consumer.connect()
  await consumer.subscribe({ topic: 't', fromBeginning: true })
  const headers = await new Promise<kafkajs.IHeaders>(resolve => {
    void consumer.run({ eachMessage: async ({ message }) => resolve(message.headers!) })
  })
  await consumer.disconnect()
  const carrier = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
  const arrived = trace.getSpanContext(propagation.extract(ROOT_CONTEXT, carrier))
  const [span] = telemetry.spans(/^send/) as [ReadableSpan]
  assert.equal(arrived?.traceId, span.spanContext().traceId)
  assert.equal(arrived?.spanId, idOf(span))
})

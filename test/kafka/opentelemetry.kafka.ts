import assert from 'node:assert/strict'
import { test } from 'node:test'
import { propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { lastValueFrom, toArray } from 'rxjs'
import { createProducer } from '../../src/index.js'
import { Telemetry } from '../opentelemetry/telemetry.js'
import { KafkaCluster } from './kafka-cluster.js'
import { readWithKafkajs } from './readers.js'

test("the context of each record arrives at kafkajs's consumer, with its partition and offset in the span", async () => {
  await using kafka = await KafkaCluster.start({ nodes: 1 })
  await kafka.createTopic('traced', 3)
  const telemetry = new Telemetry()
  await using producer = createProducer({ brokers: kafka.brokers, interceptors: [telemetry.interceptor()] })
  const records = Array.from({ length: 100 }, (_, i) => ({ topic: 'traced', key: `k${i}`, value: `v${i}` }))
  await lastValueFrom(producer.publish(records).pipe(toArray()))
  const read = await readWithKafkajs(kafka, 'traced', 100)
  const arrived = read.map(({ partition, offset, headers }) => {
    const carrier = Object.fromEntries(Object.entries(headers!).map(([name, value]) => [name, String(value)]))
    return `${trace.getSpanContext(propagation.extract(ROOT_CONTEXT, carrier))?.spanId} ${partition} ${offset}`
  })
  const sent = telemetry.spans(/^send/).map(span => {
    const { 'messaging.destination.partition.id': partition, 'messaging.kafka.offset': offset } = span.attributes
    return `${span.spanContext().spanId} ${partition} ${offset}`
  })
  assert.equal(sent.length, 100)
  assert.deepEqual(arrived.sort(), sent.sort())
  await telemetry.end()
})

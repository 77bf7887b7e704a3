import assert from 'node:assert/strict'
import Module, { createRequire } from 'node:module'
import { test } from 'node:test'
import { BrokerError, DeliveryTimeoutError, ProducerFencedError, RequestTimeoutError } from '../../src/index.js'
import { CompressionTypes, KafkaJSNotImplemented } from '../../src/kafkajs/index.js'
import { translate } from '../../src/kafkajs/translate-error.js'
import { brokerError } from '../../src/protocol/error-codes.js'
import { startCluster } from '../../src/testing/index.js'
import { connected, messages, rejection, valuesIn } from './support.js'

const ONE = { topics: { t: { partitions: 1 } } }

test('every code that kafkajs knows has its name, its number and its retriable', () => {
  const { errorCodes } = createRequire(import.meta.url)('kafkajs/src/protocol/error') as {
    errorCodes: { type: string; code: number; retriable: boolean }[]
  }
  assert.ok(errorCodes.length > 80)
  for (const { type, code, retriable } of errorCodes) {
    const error = translate(new BrokerError(brokerError(code))) as Error & Record<string, unknown>
    assert.deepEqual(
      [error.name, error.type, error.code, error.retriable],
      ['KafkaJSProtocolError', type, code, retriable],
    )
  }
})

test('what could pass is wrapped once it was given up, with how often it was tried; what could not is not', () => {
  const seen = (error: Error) => {
    const { name, retryCount, cause } = translate(error, { retryCount: 3, retryTime: 0 }) as Error & {
      retryCount?: number
    }
    return [name, retryCount, (cause as Error).name]
  }
  const brokerErrorOf = (code: number) => new BrokerError(brokerError(code))
  const exceeded = 'KafkaJSNumberOfRetriesExceeded'
  assert.deepEqual(seen(brokerErrorOf(19)), [exceeded, 3, 'KafkaJSProtocolError'])
  assert.deepEqual(seen(brokerErrorOf(29)), ['KafkaJSProtocolError', undefined, 'BrokerError'])
  assert.deepEqual(seen(new RequestTimeoutError('late')), [exceeded, 3, 'KafkaJSRequestTimeoutError'])
  const expired = new DeliveryTimeoutError('expired', { cause: brokerErrorOf(5) })
  assert.deepEqual(seen(expired), [exceeded, 3, 'KafkaJSProtocolError'])
  assert.deepEqual(seen(new ProducerFencedError('fenced')), ['KafkaJSProtocolError', undefined, 'ProducerFencedError'])
  const foreign = new Error('of nobody')
  assert.deepEqual(seen(foreign), ['KafkaJSNonRetriableError', undefined, 'Error'])
})

test('the package of a codec is missing: KafkaJSNotImplemented with the npm install line, and the topic can still be written to', async t => {
  const loader = Module as unknown as { _resolveFilename: (name: string, ...rest: unknown[]) => string }
  const resolve = loader._resolveFilename
  loader._resolveFilename = (name, ...rest) => {
    if (name !== 'lz4-napi') return resolve(name, ...rest)
    throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' })
  }
  t.after(() => {
    loader._resolveFilename = resolve
  })
  await using cluster = await startCluster(ONE)
  const producer = await connected(cluster)
  const compression = CompressionTypes.LZ4
  const error = await rejection(producer.send({ topic: 't', compression, messages: messages(1) }))
  assert.ok(error instanceof KafkaJSNotImplemented)
  assert.match(error.message, /npm install lz4-napi/)
  await producer.send({ topic: 't', compression: CompressionTypes.GZIP, messages: messages(1) })
  await producer.disconnect()
  assert.deepEqual(valuesIn(cluster, 't'), ['value-0'])
})

test('a password that is wrong for a while fails sends, and those after it succeed', async () => {
  await using cluster = await startCluster({ ...ONE, sasl: { users: { app: 'secret' } } })
  const sasl = { mechanism: 'plain', username: 'app', password: 'secret' } as const
  const producer = await connected(cluster, {}, { sasl })
  await producer.send({ topic: 't', messages: messages(1) })
  cluster.setUser('app', 'rotated')
  cluster.inject({ fault: { kind: 'dropBeforeAppend' } })
  const error = await rejection(producer.send({ topic: 't', messages: messages(1, 1) }))
  assert.equal(error.name, 'KafkaJSSASLAuthenticationError')
  cluster.setUser('app', 'secret')
  await producer.send({ topic: 't', messages: messages(1, 2) })
  await producer.disconnect()
  assert.deepEqual(valuesIn(cluster, 't'), ['value-0', 'value-2'])
})

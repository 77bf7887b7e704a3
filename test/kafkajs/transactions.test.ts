import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type kafkajs from 'kafkajs'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'
import { APIS, client, connected, messages, rejection, valuesIn } from './support.js'

const ONE = { topics: { t: { partitions: 1 } } }
const TX = { transactionalId: 'tx' }

const begin = async (cluster: TestCluster): Promise<[kafkajs.Producer, kafkajs.Transaction]> => {
  const producer = await connected(cluster, TX)
  return [producer, await producer.transaction()]
}

const committed = (cluster: TestCluster): string[] => valuesIn(cluster, 't', 0, true)

for (const end of ['commit', 'abort'] as const) {
  test(`${end}: its calls and their refusals are those of kafkajs`, async () => {
    const [its, mine] = await Promise.all(
      APIS.map(async ([, api]) => {
        await using cluster = await startCluster(ONE)
        const producer = client(cluster, api).producer(TX)
        await producer.connect()
        const transaction = await producer.transaction()
        const told: unknown[] = [transaction.isActive()]
        const told$ = async (call: Promise<unknown>): Promise<void> => {
          const { name, message, retriable } = await rejection(call)
          told.push([name, message, retriable])
        }
        await told$(producer.transaction())
        told.push(await transaction.send({ topic: 't', messages: messages(1) }))
        told.push(await transaction.sendBatch({ topicMessages: [{ topic: 't', messages: messages(1, 1) }] }))
        await transaction[end]()
        told.push(transaction.isActive())
        await told$(transaction.send({ topic: 't', messages: messages(1) }))
        await told$(transaction.sendBatch({ topicMessages: [] }))
        await told$(transaction.sendOffsets({ consumerGroupId: 'g', topics: [] }))
        await told$(transaction.commit())
        await told$(transaction.abort())
        const next = await producer.transaction()
        told.push(next.isActive())
        await next.abort()
        await producer.disconnect()
        told.push(valuesIn(cluster, 't', 0, true))
        return told
      }),
    )
    assert.deepEqual(mine, its)
    assert.deepEqual(mine!.at(-1), end === 'commit' ? ['value-0', 'value-1'] : [])
  })
}

for (const end of ['commit', 'abort'] as const) {
  test(`one without operations: ${end}, and the next one works`, async () => {
    await using cluster = await startCluster(ONE)
    const [producer, empty] = await begin(cluster)
    await empty[end]()
    const transaction = await producer.transaction()
    await transaction.send({ topic: 't', messages: messages(2) })
    await transaction.commit()
    await producer.disconnect()
    assert.deepEqual(committed(cluster), ['value-0', 'value-1'])
  })
}

test('a send outside the transaction is stored whether it is committed or not', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 1 }, u: { partitions: 1 } } })
  const [producer, transaction] = await begin(cluster)
  await transaction.send({ topic: 't', messages: messages(1) })
  await producer.send({ topic: 'u', messages: messages(1) })
  await producer.sendBatch({ topicMessages: [{ topic: 'u', messages: messages(1, 1) }] })
  assert.deepEqual(valuesIn(cluster, 'u', 0, true), ['value-0', 'value-1'])
  await transaction.abort()
  await producer.disconnect()
  assert.deepEqual(committed(cluster), [])
})

test('offsets move with the transaction, and only with it', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 1 }, from: { partitions: 2 } } })
  const producer = await connected(cluster, TX)
  const offsets = (): unknown[] => [0, 1].map(partition => cluster.committedOffset('g', 'from', partition)?.offset)
  for (const end of ['abort', 'commit'] as const) {
    const transaction = await producer.transaction()
    await transaction.send({ topic: 't', messages: messages(1) })
    const partitions = [
      { partition: 0, offset: '5' },
      { partition: 1, offset: '10' },
    ]
    await transaction.sendOffsets({ consumerGroupId: 'g', topics: [{ topic: 'from', partitions }] })
    assert.deepEqual(offsets(), [undefined, undefined])
    await transaction[end]()
    assert.deepEqual(offsets(), end === 'commit' ? [5n, 10n] : [undefined, undefined])
  }
  await producer.disconnect()
})

test('connect() ends the transaction that a crashed run left open, before anything is read', async () => {
  await using cluster = await startCluster(ONE)
  const [first, left] = await begin(cluster)
  await left.send({ topic: 't', messages: messages(1) })
  const second = await connected(cluster, TX)
  assert.equal(cluster.transaction('tx')?.state, 'Empty')
  const transaction = await second.transaction()
  await transaction.send({ topic: 't', messages: messages(1, 1) })
  await transaction.commit()
  const fenced = await rejection(left.commit())
  assert.deepEqual([fenced.name, fenced.retriable], ['KafkaJSProtocolError', false])
  assert.match(String(fenced.type), /^(INVALID_PRODUCER_EPOCH|PRODUCER_FENCED)$/)
  assert.equal((await rejection(first.transaction())).retriable, false, 'it does not take over in turn')
  await Promise.all([first.disconnect(), second.disconnect()])
  assert.deepEqual(committed(cluster), ['value-1'])
})

describe('a send that fails', () => {
  const failing = async () => {
    const cluster = await startCluster(ONE)
    const [producer, transaction] = await begin(cluster)
    await transaction.send({ topic: 't', messages: messages(1) })
    cluster.inject({ fault: { kind: 'error', code: ErrorCode.TOPIC_AUTHORIZATION_FAILED } })
    const error = await rejection(transaction.send({ topic: 't', messages: messages(1, 1) }))
    assert.equal(error.type, 'TOPIC_AUTHORIZATION_FAILED')
    assert.equal(transaction.isActive(), true, 'until it is ended')
    return { cluster, producer, transaction }
  }

  test('then abort(), as programs do where they catch it', async () => {
    const { cluster, producer, transaction } = await failing()
    await transaction.abort()
    const next = await producer.transaction()
    await next.send({ topic: 't', messages: messages(1, 2) })
    await next.commit()
    await producer.disconnect()
    assert.deepEqual(committed(cluster), ['value-2'])
    await cluster.stop()
  })

  test('commit() does not commit the rest, and says why; abort() after it is fine', async () => {
    const { cluster, producer, transaction } = await failing()
    const error = await rejection(transaction.commit())
    assert.equal(error.name, 'KafkaJSNonRetriableError')
    assert.match(error.message, /the transaction was aborted: TOPIC_AUTHORIZATION_FAILED/)
    assert.equal(transaction.isActive(), false)
    await transaction.abort()
    await producer.disconnect()
    assert.deepEqual(committed(cluster), [])
    await cluster.stop()
  })
})

test('commit() waits for sends that nobody waited for', async () => {
  await using cluster = await startCluster({ ...ONE, replyDelayMs: 5 })
  const [producer, transaction] = await begin(cluster)
  const sends = [0, 1].map(i => transaction.send({ topic: 't', messages: messages(2000, i * 2000) }))
  await transaction.commit()
  await Promise.all(sends)
  await producer.disconnect()
  assert.deepEqual(
    committed(cluster),
    messages(4000).map(({ value }) => value),
  )
})

test('disconnect() aborts the transaction that is open', async () => {
  await using cluster = await startCluster(ONE)
  const [producer, transaction] = await begin(cluster)
  await transaction.send({ topic: 't', messages: messages(1) })
  await producer.disconnect()
  assert.equal(cluster.transaction('tx')?.state, 'CompleteAbort')
  await producer.connect()
  const next = await producer.transaction()
  await next.send({ topic: 't', messages: messages(1, 1) })
  await next.commit()
  await producer.disconnect()
  assert.deepEqual(committed(cluster), ['value-1'])
})

test('transactionTimeout is the one that the coordinator is told', async () => {
  await using cluster = await startCluster(ONE)
  const producer = await connected(cluster, { ...TX, transactionTimeout: 20 })
  const transaction = await producer.transaction()
  const timedOut = new Promise<void>(resolve => {
    const seen = cluster.trace$.subscribe(() => {
      if (cluster.transaction('tx')?.state !== 'CompleteAbort') return
      seen.unsubscribe()
      resolve()
    })
  })
  // It may be too late already.
  await transaction.send({ topic: 't', messages: messages(1) }).catch(() => {})
  await timedOut
  assert.equal((await rejection(transaction.commit())).retriable, false)
  await producer.disconnect()
})

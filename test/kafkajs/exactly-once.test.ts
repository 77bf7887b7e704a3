import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { type Fault, startCluster } from '../../src/testing/index.js'
import { connected, messages, valuesIn } from './support.js'

const ONE = { topics: { t: { partitions: 1 } } }
const values = (count: number): string[] => messages(count).map(({ value }) => value)

/** As large as a batch of its own. */
const large = (i: number): { value: string } => ({ value: `value-${i}`.padEnd(200_000) })

/** Calls of send() one after the other, or all at once. */
const WAYS = ['sequential', 'concurrent'] as const

const FAULTS: readonly (readonly [what: string, fault: Fault | undefined, after: number])[] = [
  ['nothing goes wrong', undefined, 0],
  ['the first is refused with an error that passes', { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS }, 0],
  ['the second is refused with an error that passes', { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS }, 1],
  ['the answer of the first is lost', { kind: 'appendThenDrop' }, 0],
  ['the answer of the second is lost', { kind: 'appendThenDrop' }, 1],
  [
    'the first is stored, and answered with an error',
    { kind: 'errorAfterAppend', code: ErrorCode.REQUEST_TIMED_OUT },
    0,
  ],
  ['the connection breaks before the first is stored', { kind: 'dropBeforeAppend' }, 0],
  ['the answer of the first is cut', { kind: 'cutReply', atByte: 10 }, 0],
]

for (const way of WAYS) {
  describe(`${way} sends: every message is stored once and in order`, () => {
    for (const [what, fault, after] of FAULTS) {
      test(what, async () => {
        await using cluster = await startCluster({ ...ONE, replyDelayMs: 5 })
        const producer = await connected(cluster)
        const injected = fault && cluster.inject({ after, fault })
        const offsets: (string | undefined)[] = []
        const send = async (i: number): Promise<void> => {
          const [sent] = await producer.send({ topic: 't', messages: [large(i)] })
          offsets[i] = sent?.baseOffset
        }
        if (way === 'concurrent') await Promise.all(Array.from({ length: 10 }, (_, i) => send(i)))
        else for (let i = 0; i < 10; i++) await send(i)
        await producer.disconnect()
        assert.equal(injected?.fired, fault && 1)
        assert.deepEqual(
          valuesIn(cluster, 't').map(value => value.trim()),
          values(10),
        )
        assert.deepEqual(
          offsets,
          Array.from({ length: 10 }, (_, i) => `${i}`),
        )
      })
    }
  })
}

test('sends that travel in one batch have an offset each', async () => {
  await using cluster = await startCluster({ ...ONE, replyDelayMs: 5 })
  const producer = await connected(cluster)
  await producer.send({ topic: 't', messages: messages(1) })
  const sent = await Promise.all([1, 2, 3].map(i => producer.send({ topic: 't', messages: messages(2, i * 2) })))
  await producer.disconnect()
  assert.deepEqual(
    sent.map(([entry]) => entry?.baseOffset),
    ['1', '3', '5'],
  )
})

test('sends that nobody waits for keep their order, however large they are', async () => {
  await using cluster = await startCluster({ ...ONE, replyDelayMs: 2 })
  const producer = await connected(cluster)
  const sizes = [3000, 1, 1500, 2, 1, 4000, 7]
  let from = 0
  const sends = sizes.map(size => {
    const sent = producer.send({ topic: 't', messages: messages(size, from) })
    from += size
    return sent
  })
  await Promise.all(sends)
  await producer.disconnect()
  assert.deepEqual(valuesIn(cluster, 't'), values(from))
})

test('ten thousand sends at once, all of them behind one that takes a while', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 1 } }, trace: false })
  const producer = await connected(cluster)
  const first = producer.send({ topic: 't', messages: messages(2_000) })
  const rest = Array.from({ length: 10_000 }, (_, i) => producer.send({ topic: 't', messages: messages(1, 2_000 + i) }))
  await Promise.all([first, ...rest])
  await producer.disconnect()
  assert.deepEqual(valuesIn(cluster, 't'), values(12_000))
})

test('four requests are in flight, and with maxInFlightRequests as many as it says', async () => {
  for (const [maxInFlightRequests, expected] of [
    [undefined, 4],
    [1, 1],
    [5, 5],
  ] as const) {
    await using cluster = await startCluster({ ...ONE, replyDelayMs: 10 })
    const producer = await connected(cluster, maxInFlightRequests === undefined ? {} : { maxInFlightRequests })
    await producer.send({ topic: 't', messages: messages(1) })
    const value = 'x'.repeat(200_000)
    await Promise.all(Array.from({ length: 20 }, () => producer.send({ topic: 't', messages: [{ value }, { value }] })))
    assert.equal(cluster.depth.most(), expected)
    await producer.disconnect()
  }
})

test('a leader that moves while requests are in flight, and a broker that is lost', async () => {
  await using cluster = await startCluster({ nodes: 3, topics: { t: { partitions: 1 } }, replyDelayMs: 5 })
  const producer = await connected(cluster)
  const sends: Promise<unknown>[] = []
  for (let i = 0; i < 30; i++) {
    sends.push(producer.send({ topic: 't', messages: messages(10, i * 10) }))
    await sends.at(Math.max(0, i - 4))
    if (i === 10) cluster.moveLeader('t', 0, (cluster.leader('t', 0) % 3) + 1)
    if (i === 20) await cluster.stopNode(cluster.leader('t', 0))
  }
  await Promise.all(sends)
  await producer.disconnect()
  assert.deepEqual(valuesIn(cluster, 't'), values(300))
})

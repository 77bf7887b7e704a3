import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Compression, InvalidArgumentError } from '../../src/index.js'
import { CODECS } from '../../src/protocol/compression/codecs.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { rejections, startProof } from '../support/exactly-once.js'
import { Random } from '../support/random.js'
import { open, startWorld } from '../support/world.js'

const { MESSAGE_TOO_LARGE } = ErrorCode

for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  test(`row 16: ${codec}: batches grow as far as they compress; what no longer does is split, and batches are smaller again`, async () => {
    const proof = await startProof({
      cluster: { topics: { t: { partitions: 1 } }, maxMessageBytes: 2_000 },
      producer: { compression: codec, batchSize: 1_500, maxInFlight: 2 },
    })
    const { cluster } = proof.world
    for (let i = 0; i < 40; i++) {
      proof.send(150, { bytes: 100 })
      await proof.settled()
    }
    const compressible = cluster.batches('t', 0)
    assert.ok(compressible.every(({ bytes }) => bytes.length <= 1_500))
    assert.ok(compressible.at(-2)!.compression === CODECS[codec].id)
    const largest = Math.max(...compressible.map(({ recordCount }) => recordCount))
    assert.ok(largest > 25, `${largest} records of 100 bytes`)
    assert.deepEqual(rejections(cluster), [])

    const random = new Random(5)
    const noise = (): Buffer => Buffer.from(random.list(100, 100, () => random.int(0, 255)))
    for (let i = 0; i < 200; i++) proof.send(1, { headers: { noise: noise() } })
    await proof.settled()
    const refused = rejections(cluster)
    assert.ok(refused.length > 0 && refused.every(code => code === MESSAGE_TOO_LARGE), 'the estimate was wrong')
    for (let i = 0; i < 200; i++) proof.send(1, { headers: { noise: noise() } })
    await proof.settled()
    assert.deepEqual(rejections(cluster), refused, 'and learned')
    assert.deepEqual(proof.told('epochBumped'), [])
    assert.ok(proof.sent.every((_, number) => proof.ack(number).kind === 'acked'))
    await proof.end()
  })
}

test('compression by topic: each has its own, and is asked for once', async () => {
  const asked: string[] = []
  const compression = (topic: string): Compression | undefined => {
    asked.push(topic)
    return { a: 'gzip', b: { codec: 'zstd', level: 1 } as const, c: 'none' as const }[topic] as Compression | undefined
  }
  const world = await startWorld({
    cluster: { topics: { a: {}, b: {}, c: {}, d: {} } },
    producer: { compression },
  })
  const { push, acks } = open(world.producer)
  for (const topic of ['a', 'b', 'c', 'd', 'a', 'b']) {
    for (let i = 0; i < 20; i++) push.next({ topic, partition: 0, value: 'abcdefgh'.repeat(10) })
  }
  await world.time.until(() => acks.values.length === 120)
  for (const [topic, id] of Object.entries({ a: 1, b: 4, c: 0, d: 0 })) {
    assert.ok(
      world.cluster.batches(topic, 0).every(({ compression }) => compression === id),
      topic,
    )
  }
  assert.deepEqual(asked, ['a', 'b', 'c', 'd'])
  await world.end()
})

test('a function that throws, or returns what is no compression, fails the records of that topic alone', async () => {
  const cause = new Error('no such setting')
  const compression = (topic: string): Compression => {
    if (topic === 'throws') throw cause
    return (topic === 'wrong' ? 'lzma' : 'none') as Compression
  }
  const world = await startWorld({ cluster: { topics: { t: {} } }, producer: { compression } })
  const { push, acks } = open(world.producer)
  for (const topic of ['throws', 'wrong', 't']) push.next({ topic, value: 'v' })
  await world.time.until(() => acks.values.length === 3)
  const [threw, wrong, good] = acks.values
  assert.ok(threw?.kind === 'failed' && threw.error instanceof InvalidArgumentError)
  assert.equal(threw.error.message, 'option `compression` threw for topic throws: no such setting')
  assert.equal(threw.error.cause, cause)
  assert.ok(wrong?.kind === 'failed' && wrong.persisted === 'no')
  assert.match(wrong.error.message, /^option `compression` is 'lzma', but it must return for topic wrong .* 'zstd'/)
  assert.equal(good?.kind, 'acked')
  await world.end()
})

test('a batch that expires while it is compressed holds up no batch behind it', async () => {
  const world = await startWorld({
    cluster: { topics: { t: { partitions: 1 } } },
    producer: { compression: 'gzip', deliveryTimeoutMs: 20, requestTimeoutMs: 15 },
  })
  const { time } = world
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: 'first' })
  await time.until(() => acks.values.length === 1)
  // Its compression takes 30 ms.
  push.next({ topic: 't', value: 'x'.repeat(200) })
  await time.advance(10)
  push.next({ topic: 't', value: 'behind' })
  await time.until(() => acks.values.length === 3)
  assert.deepEqual(
    acks.values.map(({ kind }) => kind),
    ['acked', 'failed', 'acked'],
  )
  await time.advance(60)
  await world.end()
})

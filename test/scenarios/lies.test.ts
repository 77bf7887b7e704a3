import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProducer, DeliveryTimeoutError } from '../../src/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import type { MetadataResponse } from '../../src/protocol/messages/metadata.js'
import { VirtualTime } from '../../src/testing/index.js'
import type { Transport } from '../../src/transport/transport.js'
import { ONE_RECORD_BATCHES, sentTo, stamps, startProof } from '../support/exactly-once.js'
import { startLyingWorld } from '../support/liar.js'
import { tcp } from '../support/tcp.js'
import { open, valuesIn, watch } from '../support/world.js'

/** Answers of brokers, and of proxies between, that are not to be believed. */

const FOR_EVER = Number.POSITIVE_INFINITY
const ONE = { producer: ONE_RECORD_BATCHES }

for (const code of [200, 134, -2]) {
  test(`unknown code ${code} after an append: the batch is sent again, and the next one does not get its sequence`, async () => {
    const proof = await startProof(ONE)
    proof.cluster.inject({ fault: { kind: 'errorAfterAppend', code } })
    const [first] = proof.send(1)
    await proof.world.time.advance(500)
    const [second] = proof.send(1)
    await proof.settled()
    assert.deepEqual(proof.ends([first!, second!]), ['acked', 'acked'])
    assert.deepEqual(proof.log(), [0, 1, 2])
    assert.deepEqual(stamps(proof.cluster), ['0:0', '0:1', '0:2'])
    await proof.end()
  })

  test(`unknown code ${code} until the time is over: perhaps stored, and the error names the code`, async () => {
    const proof = await startProof({
      producer: { ...ONE_RECORD_BATCHES, requestTimeoutMs: 1_000, deliveryTimeoutMs: 3_000 },
    })
    proof.cluster.inject({ fault: { kind: 'error', code }, times: FOR_EVER })
    const numbers = proof.send(3)
    await proof.settled()
    assert.deepEqual(proof.ends(numbers), ['maybe', 'maybe', 'maybe'])
    const ack = proof.ack(numbers[0]!)
    assert.ok(ack.kind === 'failed' && ack.error instanceof DeliveryTimeoutError)
    assert.match(ack.error.message, new RegExp(`UNKNOWN_CODE_${code}`))
    assert.ok(sentTo(proof.cluster).length > 3)
    await proof.end()
  })
}

for (const [host, port] of [
  ['127.0.0.1', 0],
  ['127.0.0.1', 70_000],
  ['127.0.0.1', -5],
  ['127.0.0.1', 2_147_483_647],
  ['', 9092],
] as const) {
  test(`metadata names a leader at '${host}:${port}': nothing ends but the attempt, which is told, and the truth is used when it comes`, async () => {
    const world = await startLyingWorld(
      {
        Metadata: (answer, count) => {
          const brokers = answer.brokers.map(broker => ({ ...broker, host, port }))
          return count <= 3 ? { ...answer, brokers } : answer
        },
      },
      { cluster: { topics: { t: { partitions: 1 } } } },
    )
    const acks = watch(world.producer.publish([{ topic: 't', value: 'v' }]))
    await world.time.until(() => acks.done)
    assert.equal(acks.values[0]?.kind, 'acked')
    const refused = world.events.find(event => event.kind === 'disconnected')
    assert.match(refused?.error.message ?? '', /^no connection: nobody can be reached at '/)
    await world.end()
  })
}

test('the same over TCP: the process goes on, also when the producer was closed before the time of the connection is over', async () => {
  const uncaught: Error[] = []
  const note = (error: Error): void => void uncaught.push(error)
  process.on('uncaughtException', note)
  try {
    const time = new VirtualTime()
    const throwing: Transport = {
      connect: (_, listener) => tcp.connect({ host: 'localhost', port: 70_000 }, listener),
    }
    const producer = createProducer({ brokers: ['b:1'], transport: throwing, scheduler: time })
    const acks = watch(producer.publish([{ topic: 't', value: 'v' }]))
    await time.advance(1_000)
    await time.until(producer.close({ timeoutMs: 0 }))
    await time.advance(60_000)
    assert.equal(acks.values[0]?.kind, 'failed')
    assert.equal(time.pending, 0)
  } finally {
    process.off('uncaughtException', note)
  }
  assert.deepEqual(uncaught, [])
})

const LACKS: Readonly<Record<string, { readonly lie: (answer: MetadataResponse) => MetadataResponse; text: RegExp }>> =
  {
    'a leader that is no broker': {
      lie: answer => ({
        ...answer,
        topics: answer.topics.map(topic => ({
          ...topic,
          partitions: topic.partitions.map(partition => ({ ...partition, leaderId: 77 })),
        })),
      }),
      text: /the last answer names node 77 as the leader of partition 0, and no broker of that id/,
    },
    'no brokers at all': {
      lie: answer => ({ ...answer, brokers: [] }),
      text: /the last answer names node 1 as the leader of partition 0, and no broker of that id/,
    },
    'a topic left out': { lie: answer => ({ ...answer, topics: [] }), text: /the last answer does not name it/ },
    'a topic with another name': {
      lie: answer => ({ ...answer, topics: answer.topics.map(topic => ({ ...topic, name: 'other' })) }),
      text: /the last answer does not name it/,
    },
    'a topic without partitions': {
      lie: answer => ({ ...answer, topics: answer.topics.map(topic => ({ ...topic, partitions: [] })) }),
      text: /the last answer gives it no partitions/,
    },
    'a partition nobody leads, by another number than -1': {
      lie: answer => ({
        ...answer,
        topics: answer.topics.map(topic => ({
          ...topic,
          partitions: topic.partitions.map(partition => ({ ...partition, leaderId: -2 })),
        })),
      }),
      text: /the last answer names node -2 as the leader/,
    },
  }

for (const [what, { lie, text }] of Object.entries(LACKS)) {
  const cluster = { topics: { t: { partitions: 1 } } }

  test(`metadata: ${what}, once: asked again at once, and the record is delivered`, async () => {
    const world = await startLyingWorld(
      { Metadata: (answer, count) => (count === 1 ? lie(answer) : answer) },
      { cluster },
    )
    const acks = watch(world.producer.publish([{ topic: 't', value: 'v' }]))
    await world.time.until(() => acks.done, 1_000)
    assert.equal(acks.values[0]?.kind, 'acked')
    await world.end()
  })

  test(`metadata: ${what}, of a topic in use: the same`, async () => {
    const world = await startLyingWorld(
      { Metadata: (answer, count) => (count === 2 ? lie(answer) : answer) },
      { cluster, producer: { metadataMaxAgeMs: 1_000 } },
    )
    const { push, acks } = open(world.producer)
    push.next({ topic: 't', value: 'first' })
    await world.time.until(() => world.events.filter(({ kind }) => kind === 'metadata').length === 2)
    push.next({ topic: 't', value: 'second' })
    await world.time.until(() => acks.values.length === 2, 1_000)
    assert.deepEqual(
      acks.values.map(({ kind }) => kind),
      ['acked', 'acked'],
    )
    await world.end()
  })

  test(`metadata: ${what}, for ever: asked again with back-off, and the record fails with what was lacking`, async () => {
    const world = await startLyingWorld({ Metadata: lie }, { cluster })
    const acks = watch(world.producer.publish([{ topic: 't', value: 'v' }]))
    await world.time.until(() => acks.done)
    const [ack] = acks.values
    assert.ok(ack?.kind === 'failed' && ack.error instanceof DeliveryTimeoutError)
    assert.equal(ack.persisted, 'no')
    assert.match(ack.error.message, text)
    const asked = world.cluster.trace.filter(entry => entry.kind === 'request' && entry.api === 'Metadata').length
    assert.ok(asked > 20 && asked < 200, `asked ${asked} times in two minutes`)
    await world.end()
  })
}

test('metadata names topics that nobody asked for, and one twice: what was asked for counts, as it is named first', async () => {
  const world = await startLyingWorld(
    {
      Metadata: answer => {
        const [topic] = answer.topics
        const other = { ...topic!, name: 'other', partitions: [] }
        return { ...answer, topics: [other, other, topic!, { ...topic!, partitions: [] }] }
      },
    },
    { cluster: { topics: { t: { partitions: 1 } } } },
  )
  const acks = watch(world.producer.publish([{ topic: 't', value: 'v' }]))
  await world.time.until(() => acks.done, 1_000)
  assert.equal(acks.values[0]?.kind, 'acked')
  const told = world.events.filter(event => event.kind === 'metadata').map(({ topics }) => topics)
  assert.deepEqual(
    told.map(topics => topics.map(({ name, leaders }) => [name, leaders])),
    [[['t', [1]]]],
  )
  await world.end()
})

for (const [producerId, producerEpoch] of [
  [-1n, 0],
  [-1n, -1],
  [5n, -1],
  [-(2n ** 63n), 0],
  [7n, -32768],
] as const) {
  test(`producer id ${producerId} and epoch ${producerEpoch}, and no error: not taken, told, and asked for again`, async () => {
    const world = await startLyingWorld(
      { InitProducerId: (answer, count) => (count <= 2 ? { ...answer, producerId, producerEpoch } : answer) },
      { cluster: { topics: { t: { partitions: 1 } } } },
    )
    world.cluster.inject({ fault: { kind: 'appendThenDrop' } })
    const acks = watch(world.producer.publish([{ topic: 't', value: 'v' }]))
    await world.time.until(() => acks.done, 5_000)
    assert.equal(acks.values[0]?.kind, 'acked')
    assert.deepEqual(valuesIn(world.cluster, 't', 0), ['v'])
    const told = world.events.filter(event => event.kind === 'producerIdFailed')
    assert.equal(told.length, 2)
    assert.match(told[0]!.error.message, new RegExp(`producer id ${producerId} and epoch ${producerEpoch}`))
    await world.end()
  })
}

test('a producer id that was given before, as a cached answer would: not taken, told, and asked for again', async () => {
  const same = { producerId: 5n, producerEpoch: 0 }
  const world = await startLyingWorld(
    { InitProducerId: (answer, count) => (count <= 3 ? { ...answer, ...same } : answer) },
    { cluster: { topics: { t: { partitions: 1 } } }, producer: ONE_RECORD_BATCHES },
  )
  const { push, acks } = open(world.producer)
  push.next({ topic: 't', value: 'a' })
  await world.time.until(() => acks.values.length === 1)
  // The producer goes on under another id, and from sequence 0.
  world.cluster.inject({ fault: { kind: 'error', code: ErrorCode.INVALID_PRODUCER_EPOCH } })
  push.next({ topic: 't', value: 'b' })
  await world.time.until(() => acks.values.length === 2, 5_000)
  assert.deepEqual(
    acks.values.map(({ kind }) => kind),
    ['acked', 'acked'],
  )
  assert.deepEqual(valuesIn(world.cluster, 't', 0), ['a', 'b'])
  const told = world.events.filter(event => event.kind === 'producerIdFailed')
  assert.equal(told.length, 2)
  assert.match(told[0]!.error.message, /producer id 5, which this producer had before/)
  await world.end()
})

test('answers that are cut off are the cause of a timeout, also of a batch that is in flight again by then', async () => {
  const proof = await startProof({
    producer: { ...ONE_RECORD_BATCHES, requestTimeoutMs: 1_000, deliveryTimeoutMs: 3_000, retryBackoffMs: 1_000 },
  })
  proof.cluster.inject({ fault: { kind: 'cutReply', atByte: 20 }, times: 2 })
  proof.cluster.inject({ fault: { kind: 'neverAnswer' }, times: FOR_EVER })
  const [number] = proof.send(1)
  await proof.settled()
  const ack = proof.ack(number!)
  assert.ok(ack.kind === 'failed' && ack.error instanceof DeliveryTimeoutError)
  assert.match(
    ack.error.message,
    /it was sent \d times; .*an answer was cut off: it announces \d+ bytes, of which 16 came/,
  )
  await proof.end()
})

test('a record that waits because its broker has asked for a pause fails with that, and later ones do not', async () => {
  const proof = await startProof({
    producer: { ...ONE_RECORD_BATCHES, requestTimeoutMs: 1_000, deliveryTimeoutMs: 3_000 },
  })
  proof.cluster.inject({ fault: { kind: 'throttle', ms: 5_000 } })
  const [first] = proof.send(1)
  await proof.settled()
  const [second] = proof.send(1)
  await proof.settled()
  assert.deepEqual(proof.ends([first!, second!]), ['acked', 'no'])
  const ack = proof.ack(second!)
  assert.ok(ack.kind === 'failed')
  assert.match(ack.error.message, /it was not sent; broker 1 has asked to be sent nothing for 5000 ms/)
  await proof.world.time.advance(2_000)
  await proof.cluster.stopNode(1)
  const [third] = proof.send(1)
  await proof.settled()
  const later = proof.ack(third!)
  assert.ok(later.kind === 'failed')
  assert.doesNotMatch(later.error.message, /has asked/)
  await proof.end()
})

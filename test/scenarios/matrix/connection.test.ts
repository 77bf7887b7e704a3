import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionError, MalformedMessageError, RequestTimeoutError } from '../../../src/index.js'
import { produce } from '../../../src/protocol/messages/produce.js'
import { encodeResponseFrame } from '../../../src/protocol/wire/message.js'
import { ZERO_UUID } from '../../../src/protocol/wire/uuid.js'
import type { Fault } from '../../../src/testing/index.js'
import {
  duplicates,
  identityOf,
  ONE_PARTITION,
  ONE_RECORD_BATCHES,
  type Proof,
  requests,
  sentTo,
  startProof,
} from '../../support/exactly-once.js'

/** The batch that began with this sequence came to the broker so many times, unchanged. */
function assertSentUnchanged({ cluster }: Proof, sequence: number, times: number): void {
  const sent = sentTo(cluster).filter(({ baseSequence }) => baseSequence === sequence)
  assert.equal(sent.length, times)
  assert.equal(new Set(sent.map(identityOf)).size, 1, `${sent.map(identityOf)}`)
}

test('row 1: appended, reply lost: sent again as it was, acked at its original offset', async () => {
  const proof = await startProof()
  proof.cluster.inject({ fault: { kind: 'appendThenDrop' } })
  const [lost] = proof.send(1)
  await proof.settled()
  assertSentUnchanged(proof, 1, 2)
  assert.equal(duplicates(proof.cluster), 1)
  const ack = proof.ack(lost!)
  assert.ok(ack.kind === 'acked' && ack.offset === 1n)
  assert.deepEqual(proof.told('epochBumped'), [])
  await proof.end()
})

for (const atByte of [0, 1, 4, 7, 30]) {
  test(`row 2: connection cut mid-frame: ${atByte} bytes of the answer came`, async () => {
    const proof = await startProof({ producer: ONE_RECORD_BATCHES })
    proof.cluster.inject({ after: 1, fault: { kind: 'cutReply', atByte } })
    proof.send(8)
    await proof.settled()
    assertSentUnchanged(proof, 2, 2)
    assert.equal(duplicates(proof.cluster), 1, 'the one whose answer was cut was stored')
    assert.equal(proof.told('disconnected').length, 1)
    await proof.end()
  })
}

test('row 2: connection cut mid-frame: a part of the request came; all of it is sent again on the next connection', async () => {
  const proof = await startProof({ warm: [], producer: ONE_RECORD_BATCHES })
  // Strikes the first request, and has those behind it read slowly.
  proof.cluster.inject({ fault: { kind: 'slowDrain', bytesPerSecond: 100 } })
  proof.send(1)
  await proof.settled()
  proof.send(3, { bytes: 500 })
  await proof.world.time.advance(2_000)
  assert.equal(requests(proof.cluster).length, 1, 'no other request has come whole')
  const [address = ''] = proof.cluster.brokers
  proof.world.network.cut({ host: '127.0.0.1', port: Number(address.split(':')[1]) })
  await proof.settled()
  for (const sequence of [1, 2, 3]) assertSentUnchanged(proof, sequence, 1)
  assert.deepEqual(
    proof.cluster.trace.filter(({ kind }) => kind === 'refused'),
    [],
  )
  assert.deepEqual(proof.told('epochBumped'), [])
  await proof.end()
})

test('row 3: reply never comes: the request times out, its connection is closed, the batch is sent again', async () => {
  const proof = await startProof({ producer: { requestTimeoutMs: 1_000 } })
  proof.cluster.inject({ fault: { kind: 'neverAnswer' } })
  proof.send(1)
  await proof.settled()
  const [first, second, ...more] = sentTo(proof.cluster).slice(1)
  assert.equal(identityOf(first!), identityOf(second!))
  assert.deepEqual(more, [])
  assert.notEqual(first!.connection, second!.connection)
  assert.ok(second!.at - first!.at >= 1_000)
  const [event, ...others] = proof.told('disconnected')
  assert.ok(event?.error instanceof RequestTimeoutError)
  assert.deepEqual(others, [])
  assert.equal(duplicates(proof.cluster), 1)
  const ended = proof.cluster.trace.filter(({ kind }) => kind === 'disconnected')
  assert.equal(ended.length, 1)
  await proof.end()
})

for (const k of [0, 1, 2, 3, 4]) {
  test(`row 4: 4 in flight, the first ${k} appended, then cut: all of them once, in order`, async () => {
    const proof = await startProof({ latencyMs: 5, producer: ONE_RECORD_BATCHES })
    const fault: Fault = k === 0 ? { kind: 'dropBeforeAppend' } : { kind: 'appendThenDrop' }
    proof.cluster.inject({ after: Math.max(0, k - 1), fault })
    const inFlight = proof.send(4)
    await proof.world.time.advance(0)
    assert.equal(proof.world.producer.inFlight.get(1), 4)
    proof.send(4)
    await proof.settled(inFlight)
    assert.equal(duplicates(proof.cluster), k)
    for (let i = 1; i <= 4; i++) {
      const identities = new Set(
        sentTo(proof.cluster).flatMap(one => (one.baseSequence === i ? [identityOf(one)] : [])),
      )
      assert.equal(identities.size, 1)
    }
    await proof.settled()
    assert.deepEqual(proof.told('epochBumped'), [])
    assert.deepEqual(
      proof.log(),
      proof.sent.map((_, number) => number),
    )
    await proof.end()
  })
}

/** An answer whose frame is whole, and whose body is the one that `change` makes. */
function frame(correlationId: number, change: (body: Buffer) => Buffer): string {
  const response = {
    responses: [{ name: '', topicId: ZERO_UUID, partitionResponses: [] }],
    throttleTimeMs: 0,
    nodeEndpoints: [],
  }
  const bytes = Buffer.concat(encodeResponseFrame(produce, produce.maxVersion, correlationId, response))
  const body = change(bytes.subarray(4))
  const size = Buffer.alloc(4)
  size.writeInt32BE(body.length)
  return Buffer.concat([size, body]).toString('hex')
}

/** Correlation id and tags of the header, before the array of topics. */
const HEADER_SIZE = 5

const HOSTILE: Readonly<Record<string, (correlationId: number) => string>> = {
  'a length of 2 GiB': () => '7fffffff00000000',
  'a length below zero': () => 'ffffffff00000000',
  'a length of nothing': () => '00000000',
  'the correlation id of another request': id => frame(id + 1, body => body),
  'an array that is cut short': id => frame(id, body => body.subarray(0, HEADER_SIZE + 3)),
  // A compact array of 2^32 - 2 topics, of which none is there.
  'an array longer than its frame': id =>
    frame(id, body => Buffer.concat([body.subarray(0, HEADER_SIZE), Buffer.from('ffffffff0f', 'hex')])),
}

for (const [what, hexOf] of Object.entries(HOSTILE)) {
  test(`row 23: hostile reply: ${what}: the connection is dropped at once, the batch sent again`, async () => {
    const proof = await startProof({ producer: ONE_RECORD_BATCHES })
    const last = sentTo(proof.cluster).at(-1)!
    const heap = process.memoryUsage().arrayBuffers
    proof.cluster.inject({ fault: { kind: 'hostileBytes', hex: hexOf(last.correlationId + 1) } })
    proof.send(4)
    const start = proof.world.time.now()
    await proof.world.time.until(() => proof.told('disconnected').length === 1)
    assert.equal(proof.world.time.now() - start, 10, 'when the answer came, and not when it was due')
    assert.ok(process.memoryUsage().arrayBuffers - heap < 2 ** 26)
    const [{ error } = { error: undefined }] = proof.told('disconnected')
    assert.ok(error instanceof ConnectionError && error.cause instanceof MalformedMessageError, `${error}`)
    await proof.settled()
    assert.ok(duplicates(proof.cluster) >= 1)
    assertSentUnchanged(proof, 1, 2)
    await proof.end()
  })
}

test('row 31: broker drains 100 KB/s: the source is paused, memory is bounded', async () => {
  const bufferMemory = 500_000
  const proof = await startProof({
    warm: [],
    cluster: ONE_PARTITION,
    producer: { bufferMemory, maxRequestSize: 100_000, batchSize: 50_000 },
  })
  const { world } = proof
  proof.cluster.inject({ fault: { kind: 'slowDrain', bytesPerSecond: 100_000 } })
  let pulled = 0
  let most = 0
  function* source() {
    for (; pulled < 2_000; pulled++) {
      most = Math.max(most, world.producer.bufferedBytes)
      yield { topic: 't', value: `${pulled}`.padEnd(1_000, '.') }
    }
  }
  let acked = 0
  let done = false
  world.producer.publish(source()).subscribe({
    next: ack => {
      assert.equal(ack.kind, 'acked')
      acked++
      assert.ok(pulled - acked <= bufferMemory / 1_000, `${pulled} pulled, ${acked} acked`)
    },
    complete: () => {
      done = true
    },
  })
  await world.time.advance(1_000)
  const after = pulled
  assert.ok(after < 700, `${after} pulled: the source must wait for the broker`)
  const start = world.time.now()
  await world.time.until(() => done)
  const seconds = (world.time.now() - start) / 1_000
  assert.ok(seconds > 15, `2 MB at 100 KB/s in ${seconds} s`)
  assert.ok(most <= bufferMemory, `${most} bytes in the buffer`)
  assert.equal(acked, 2_000)
  assert.deepEqual(
    proof.log(),
    Array.from({ length: 2_000 }, (_, i) => i),
  )
  assert.deepEqual(proof.told('disconnected'), [], 'slow is not dead')
  await world.end()
})

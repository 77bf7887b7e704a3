import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProducer, DeliveryTimeoutError } from '../../src/index.js'
import { VirtualTime } from '../../src/testing/index.js'
import { tcp } from '../../src/transport/tcp.js'
import type { Transport } from '../../src/transport/transport.js'
import { ONE_RECORD_BATCHES, sentTo, stamps, startProof } from '../support/exactly-once.js'
import { startLyingWorld } from '../support/liar.js'
import { watch } from '../support/world.js'

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

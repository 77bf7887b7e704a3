import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeliveryTimeoutError } from '../../src/index.js'
import { ONE_RECORD_BATCHES, sentTo, stamps, startProof } from '../support/exactly-once.js'

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

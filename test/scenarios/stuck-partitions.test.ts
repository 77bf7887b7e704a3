import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ProducerOptions } from '../../src/index.js'
import type { MetadataResponse } from '../../src/protocol/messages/metadata.js'
import type { Fault, FaultRule } from '../../src/testing/index.js'
import { type Proof, sentTo, startProof } from '../support/exactly-once.js'
import { startLyingWorld } from '../support/liar.js'
import { open } from '../support/world.js'

const FOR_EVER = Number.POSITIVE_INFINITY
const CLUSTER = { nodes: 3, topics: { t: { partitions: 3 } }, replyDelayMs: 5 }
/** Without key and partition: the default partitioner chooses. */
const KEYLESS = { partition: undefined }

const OPTIONS: Readonly<Record<string, Partial<ProducerOptions>>> = {
  'by default': {},
  'with linger': { linger: 50 },
  'with a partitioner that leaves it to the default': { partitioner: () => undefined },
}

/** Three nodes that lead one partition each; every window is open. */
function threeNodes(producer: Partial<ProducerOptions> = {}): Promise<Proof> {
  return startProof({ cluster: CLUSTER, producer, warm: [0, 1, 2] })
}

/** From now on this goes wrong with the node that leads partition 0. */
function spoil(proof: Proof, faults: readonly FaultRule[]): () => void {
  const node = proof.cluster.leader('t', 0)
  const injected = faults.map(rule => proof.cluster.inject({ node, times: FOR_EVER, ...rule }))
  return () => {
    for (const one of injected) one.remove()
  }
}

/** Sends so many records without key, one every `everyMs`. */
async function trickle(proof: Proof, count: number, everyMs: number): Promise<number[]> {
  const numbers: number[] = []
  for (let i = 0; i < count; i++) {
    numbers.push(...proof.send(1, KEYLESS))
    await proof.world.time.advance(everyMs)
  }
  return numbers
}

/** Metadata, with nobody leading this partition. */
function withoutLeader(answer: MetadataResponse, index: number): MetadataResponse {
  const topics = answer.topics.map(topic => ({
    ...topic,
    partitions: topic.partitions.map(one => (one.partitionIndex === index ? { ...one, leaderId: -1 } : one)),
  }))
  return { ...answer, topics }
}

/** How many of these records had no ack within so many ms. */
function late(proof: Proof, numbers: readonly number[], withinMs: number): number {
  return numbers.filter(number => {
    const ms = proof.tookMs(number)
    return proof.ack(number).kind !== 'acked' || ms > withinMs
  }).length
}

/** How many of these records each partition has. */
function shares(proof: Proof, numbers: readonly number[]): number[] {
  const wanted = new Set(numbers)
  return [0, 1, 2].map(partition => proof.log(partition).filter(number => wanted.has(number)).length)
}

const error = (code: number): Fault => ({ kind: 'error', code })
const on = (apis: readonly string[], fault: Fault): FaultRule[] => apis.map(api => ({ api, fault }))

/**
 * What goes wrong with a broker, and how many of 300 records, one every 100 ms, it may hold up: those that are in flight when it
 * begins to hang, and the one that is sent to see whether it still does.
 */
const TROUBLES: readonly [name: string, faults: readonly FaultRule[], most: number][] = [
  ['never answers Produce', [{ fault: { kind: 'neverAnswer' } }], 4],
  ['answers nothing, on no connection', on(['Produce', 'ApiVersions', 'Metadata'], { kind: 'neverAnswer' }), 4],
  ['cuts every connection', on(['Produce', 'ApiVersions'], { kind: 'dropBeforeAppend' }), 1],
  ['answers NOT_ENOUGH_REPLICAS', [{ fault: error(19) }], 1],
  ['answers NOT_LEADER_OR_FOLLOWER', [{ fault: error(6) }], 1],
  ['answers COORDINATOR_LOAD_IN_PROGRESS', [{ fault: error(14) }], 1],
  ['asks for a pause of 20 s after each answer', [{ fault: { kind: 'throttle', ms: 20_000 } }], 1],
]

describe('records without key, one of three brokers', () => {
  for (const [name, faults, most] of TROUBLES) {
    for (const [how, options] of Object.entries(OPTIONS)) {
      test(`${name}, ${how}: they leave its partition, and come back when it moves`, async () => {
        const proof = await threeNodes(options)
        const mend = spoil(proof, faults)
        const numbers = await trickle(proof, 300, 100)
        mend()
        await proof.world.time.advance(60_000)
        const after = await trickle(proof, 300, 100)
        await proof.settled()
        const held = late(proof, numbers, 2_000)
        assert.equal(held <= most, true, `${held} of 300 records were held up`)
        assert.deepEqual([late(proof, after, 200), shares(proof, after)], [0, [100, 100, 100]])
        await proof.end()
      })
    }
  }

  test('never answers, and leads 20 of 60 partitions: a record for each of its four slots is held up, not one a partition', async () => {
    const warm = Array.from({ length: 60 }, (_, partition) => partition)
    const proof = await startProof({ cluster: { ...CLUSTER, topics: { t: { partitions: 60 } } }, warm })
    spoil(proof, [{ fault: { kind: 'neverAnswer' } }])
    const numbers = await trickle(proof, 1_000, 100)
    await proof.settled()
    // Its connection is closed after `requestTimeoutMs`, and a record sees whether the next one is any better.
    const held = late(proof, numbers, 2_000)
    assert.equal(held <= 10, true, `${held} of 1,000 records were held up`)
    await proof.end()
  })

  test('takes half a second for each answer: it gets what it can take, and nobody waits in a queue there', async () => {
    const proof = await threeNodes({ batchSize: 300 })
    const mend = spoil(proof, [{ api: 'Produce', fault: { kind: 'delay', ms: 500 } }])
    const numbers = await trickle(proof, 3_000, 1)
    mend()
    await proof.world.time.advance(5_000)
    const after = await trickle(proof, 300, 100)
    await proof.settled()
    const slow = shares(proof, numbers)[0]!
    assert.equal(slow > 50 && slow < 300, true, `the slow broker got ${slow} of 3,000`)
    assert.deepEqual([late(proof, numbers, 1_100), shares(proof, after)], [0, [100, 100, 100]])
    await proof.end()
  })

  test('never answers, and others lead its partition: it is left until the answer is given up', async () => {
    const proof = await threeNodes({ metadataMaxAgeMs: 500 })
    const node = proof.cluster.leader('t', 0)
    spoil(proof, [{ fault: { kind: 'neverAnswer' } }])
    const before = await trickle(proof, 3, 100)
    await proof.cluster.moveLeader('t', 0, (node % 3) + 1)
    await proof.world.time.advance(1_000)
    const numbers = await trickle(proof, 300, 10)
    await proof.settled()
    assert.deepEqual([late(proof, before, 1_000), late(proof, numbers, 100)], [1, 0])
    await proof.end()
  })

  test('hangs while a batch of its partition is filling: what comes after a second goes elsewhere', async () => {
    const proof = await threeNodes()
    spoil(proof, [{ fault: { kind: 'neverAnswer' } }])
    const numbers = await trickle(proof, 3_000, 1)
    await proof.settled()
    const held = numbers.filter(number => late(proof, [number], 1_100) > 0)
    const last = proof.sent[held.at(-1)!]!.at - proof.sent[numbers[0]!]!.at
    assert.equal(held.length > 100 && last <= 1_020, true, `${held.length} held up, the last one after ${last} ms`)
    await proof.end()
  })

  test('has closed an idle connection: its partition gets its share as before', async () => {
    const proof = await threeNodes({ metadataMaxAgeMs: 500 })
    const node = proof.cluster.leader('t', 0)
    await proof.cluster.stopNode(node)
    await proof.cluster.startNode(node)
    await proof.cluster.moveLeader('t', 0, node)
    await proof.world.time.advance(2_000)
    assert.deepEqual(
      proof.told('disconnected').map(({ nodeId }) => nodeId),
      [node],
    )
    const numbers = await trickle(proof, 300, 100)
    await proof.settled()
    assert.deepEqual(shares(proof, numbers), [100, 100, 100])
    await proof.end()
  })

  for (const [name, faults] of TROUBLES) {
    test(`${name}, until all that it was given has expired: its partition gets its share when it is well again`, async () => {
      const proof = await threeNodes({ deliveryTimeoutMs: 10_000, requestTimeoutMs: 5_000 })
      const mend = spoil(proof, faults)
      await trickle(proof, 30, 100)
      await proof.world.time.advance(20_000)
      mend()
      await proof.world.time.advance(60_000)
      assert.equal(proof.world.producer.bufferedBytes, 0)
      const after = await trickle(proof, 300, 100)
      await proof.settled()
      assert.deepEqual([late(proof, after, 200), shares(proof, after)], [0, [100, 100, 100]])
      await proof.end()
    })
  }

  test('leads its partition no more, nor does another, while a batch of it is filling: the rest goes elsewhere', async () => {
    let leaderless = false
    const world = await startLyingWorld(
      { Metadata: answer => (leaderless ? withoutLeader(answer, 0) : answer) },
      { cluster: CLUSTER, producer: { linger: 10_000, metadataMaxAgeMs: 500, random: () => 0 } },
    )
    const { push, acks } = open(world.producer)
    for (let i = 0; i < 100; i++) {
      push.next({ topic: 't', value: `${i}` })
      await world.time.advance(10)
      if (i === 50) {
        leaderless = true
        await world.time.advance(1_000)
      }
    }
    push.complete()
    await world.time.until(() => acks.done)
    assert.equal(acks.values.filter(({ kind }) => kind === 'failed').length, 51)
    await world.end()
  })

  test('never answers, and the producer is closed before a second is over: no timer is left', async () => {
    const proof = await threeNodes()
    spoil(proof, [{ fault: { kind: 'neverAnswer' } }])
    proof.send(1)
    await proof.world.time.until(proof.world.producer.close({ timeoutMs: 100 }))
    await proof.end()
  })
})

describe('records without key, three brokers that are well', () => {
  for (const everyMs of [0, 1, 5, 100]) {
    test(`one every ${everyMs} ms: as even as can be`, async () => {
      const proof = await threeNodes({ batchSize: 1_000 })
      const numbers = await trickle(proof, 3_000, everyMs)
      await proof.settled()
      for (const share of shares(proof, numbers)) assert.equal(Math.abs(share - 1_000) <= 100, true, String(share))
      await proof.end()
    })
  }

  test('that take 5 s to answer: none moves, and batches are filled one after the other', async () => {
    const proof = await startProof({
      cluster: { ...CLUSTER, replyDelayMs: 5_000 },
      producer: { batchSize: 1_000 },
      warm: [0, 1, 2],
    })
    const numbers = await trickle(proof, 3_000, 1)
    await proof.settled()
    const sizes = [0, 1, 2].map(partition => sentTo(proof.cluster, partition).length)
    for (const share of shares(proof, numbers)) assert.equal(Math.abs(share - 1_000) <= 150, true, String(share))
    assert.equal(Math.max(...sizes) <= 30, true, String(sizes))
    await proof.end()
  })
})

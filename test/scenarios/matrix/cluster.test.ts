import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { BrokerError, type Transport } from '../../../src/index.js'
import { ErrorCode } from '../../../src/protocol/error-codes.js'
import type { TestCluster } from '../../../src/testing/index.js'
import {
  duplicates,
  identityOf,
  ONE_PARTITION,
  ONE_RECORD_BATCHES,
  type Proof,
  rejections,
  requests,
  sentTo,
  stamps,
  startProof,
} from '../../support/exactly-once.js'

const { MESSAGE_TOO_LARGE, NOT_LEADER_OR_FOLLOWER, UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION } = ErrorCode
const TWO_NODES = { nodes: 2, topics: { t: { partitions: 2 } }, replyDelayMs: 10 }

/** Moves the leadership of partition 0 to the other node; gives both. */
function move({ cluster }: Proof): { old: number; fresh: number } {
  const old = cluster.leader('t', 0)
  cluster.moveLeader('t', 0, 3 - old)
  return { old, fresh: 3 - old }
}

function metadataRequests(cluster: TestCluster): number {
  return cluster.trace.filter(entry => entry.kind === 'request' && entry.api === 'Metadata').length
}

for (const times of [1, 10]) {
  test(`row 13: NOT_LEADER_OR_FOLLOWER, metadata stale ${times} times: back-off, no spin`, async () => {
    const proof = await startProof({
      // Brokers that say nothing of the new leader, and give no epochs.
      cluster: { ...TWO_NODES, apiVersions: { Produce: [3, 9], Metadata: [4, 6] } },
      producer: { ...ONE_RECORD_BATCHES, retryBackoffMs: 100, retryBackoffMaxMs: 1_000 },
    })
    proof.cluster.inject({ api: 'Metadata', times, fault: { kind: 'staleMetadata' } })
    const { old, fresh } = move(proof)
    const before = metadataRequests(proof.cluster)
    proof.send(8)
    await proof.settled()
    assert.ok(rejections(proof.cluster).every(code => code === NOT_LEADER_OR_FOLLOWER))
    const toOld = sentTo(proof.cluster)
      .slice(1)
      .filter(({ node }) => node === old)
    // Four in one go, then one at a time: no more often than old news came.
    assert.ok(toOld.length >= 4 && toOld.length <= 4 + times, `${toOld.length} requests to the old leader`)
    for (const [i, { at }] of toOld.slice(4).entries()) {
      const pause = at - toOld[i + 3]!.at
      assert.ok(pause >= 80, `${pause} ms between tries`)
    }
    const asked = metadataRequests(proof.cluster) - before
    assert.ok(asked > times && asked <= times + 2, `asked ${asked} times`)
    const first = sentTo(proof.cluster).find(({ node }) => node === fresh)!
    assert.equal(identityOf(first), identityOf(toOld[0]!))
    assert.deepEqual(proof.told('epochBumped'), [])
    await proof.end()
  })
}

for (const [what, fault, copies] of [
  ['answers late', { kind: 'delay', ms: 5_000 }, 0],
  ['never answers, and had stored all', { kind: 'neverAnswer' }, 1],
  ['ends, and had stored nothing', { kind: 'dropBeforeAppend' }, 0],
] as const) {
  test(`row 14: leader moves, the old one ${what}: nothing goes to the new one before`, async () => {
    const proof = await startProof({
      cluster: TWO_NODES,
      producer: { ...ONE_RECORD_BATCHES, metadataMaxAgeMs: 300, requestTimeoutMs: 8_000 },
    })
    proof.cluster.inject({ fault })
    proof.send(8)
    await proof.world.time.advance(1)
    const { old, fresh } = move(proof)
    await proof.world.time.advance(2_000)
    const news = proof.told('metadata').some(({ topics }) => topics[0]?.leaders[0] === fresh)
    assert.ok(news, 'the producer knows')
    await proof.settled()
    const { trace } = proof.cluster
    const firstToNew = trace.indexOf(requests(proof.cluster).find(({ node }) => node === fresh)!)
    const lastOfOld = trace.findLastIndex(
      entry =>
        entry.node === old && (entry.kind === 'disconnected' || (entry.kind === 'answered' && entry.api === 'Produce')),
    )
    assert.ok(lastOfOld !== -1 && firstToNew !== -1 && lastOfOld < firstToNew)
    assert.equal(duplicates(proof.cluster), copies)
    assert.deepEqual(proof.told('epochBumped'), [])
    await proof.end()
  })
}

test('row 16: batch too large: split until its parts fit, in order, within its sequences', async () => {
  const proof = await startProof({ cluster: { ...ONE_PARTITION, maxMessageBytes: 300 } })
  const numbers = proof.send(40, { bytes: 20 })
  proof.send(1)
  await proof.settled()
  assert.ok(rejections(proof.cluster).length > 0)
  assert.ok(rejections(proof.cluster).every(code => code === MESSAGE_TOO_LARGE))
  assert.ok(proof.ends(numbers).every(end => end === 'acked'))
  assert.deepEqual(
    proof.cluster.records('t', 0).map(record => record.sequence),
    proof.sent.map((_, number) => number),
  )
  assert.deepEqual(proof.told('epochBumped'), [])
  await proof.end()
})

test('row 16: a single record that is too large fails alone, and definitely', async () => {
  const proof = await startProof({ cluster: { ...ONE_PARTITION, maxMessageBytes: 300 } })
  const [before, large, after] = [proof.send(5), proof.send(1, { bytes: 400 }), proof.send(5)]
  await proof.settled()
  const ack = proof.ack(large[0]!)
  assert.ok(ack.kind === 'failed' && ack.error instanceof BrokerError && ack.error.code === MESSAGE_TOO_LARGE)
  assert.equal(ack.persisted, 'no')
  assert.ok(proof.ends([...before, ...after]).every(end => end === 'acked'))
  assert.deepEqual(proof.told('epochBumped'), [])
  await proof.end()
})

for (const [strictFirstSequence, version] of [
  [true, 12],
  [false, 12],
  [true, 13],
  [false, 13],
] as const) {
  const first = strictFirstSequence ? '0' : 'any'
  test(`row 18: topic deleted and recreated, first sequence ${first}, Produce ${version}: resumes`, async () => {
    const apiVersions = { Produce: [3, version] } as const
    const proof = await startProof({
      cluster: { ...ONE_PARTITION, autoCreateTopics: false, strictFirstSequence, apiVersions },
      producer: ONE_RECORD_BATCHES,
    })
    const before = proof.send(3)
    await proof.settled()
    proof.cluster.deleteTopic('t')
    const meanwhile = proof.send(4)
    await proof.world.time.advance(5_000)
    const unknown = version === 13 ? UNKNOWN_TOPIC_ID : UNKNOWN_TOPIC_OR_PARTITION
    assert.ok(rejections(proof.cluster).length > 0 && rejections(proof.cluster).every(code => code === unknown))
    assert.ok(requests(proof.cluster).length < 20, 'no spin')
    proof.cluster.createTopic('t', { partitions: 1 })
    const after = proof.send(4)
    await proof.settled()
    // An answer that a broker may give after an append leaves open whether the batch is stored, and the id tells that it is another topic.
    // Version 13 names topics by id: a broker that does not know the id has stored nothing.
    assert.deepEqual(proof.ends(meanwhile), Array(4).fill(version === 13 ? 'acked' : 'maybe'))
    assert.ok(proof.ends(after).every(end => end === 'acked'))
    assert.equal(proof.told('epochBumped').length, 1)
    await proof.end([0, ...before])
  })
}

test('row 19: partitions added: keys go where murmur2 of the new count says, as with other clients', async () => {
  const partitioner = kafkajs.Partitioners.DefaultPartitioner()
  const keys = Array.from({ length: 60 }, (_, i) => `key ${i}`)
  /** Where kafkajs, which shares no code with this, puts a key. */
  const expected = (key: string, count: number): number => {
    const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({ partitionId, leader: 1 }))
    const message = { key, value: null }
    return partitioner({ topic: 't', partitionMetadata: partitionMetadata as kafkajs.PartitionMetadata[], message })
  }
  const proof = await startProof({
    warm: [],
    cluster: { topics: { t: { partitions: 3 } } },
    producer: { metadataMaxAgeMs: 1_000 },
  })
  const placed = new Map<number, number>()
  for (const count of [3, 8]) {
    if (count === 8) proof.cluster.addPartitions('t', 8)
    await proof.world.time.advance(2_000)
    for (const key of keys) placed.set(proof.send(1, { key })[0]!, expected(key, count))
    await proof.settled()
  }
  for (const [number, partition] of placed) {
    const ack = proof.ack(number)
    assert.ok(ack.kind === 'acked')
    assert.equal(ack.partition, partition, `record ${number}, key ${ack.record.key}`)
  }
  assert.ok([...placed.values()].some(partition => partition >= 3))
  await proof.end()
})

test('row 30: all brokers replaced: the producer begins again with the configured list', async () => {
  let proof: Proof | undefined
  /** A name that stands for whichever broker is up, as a load balancer's does. */
  const transport: Transport = {
    connect(address, listener) {
      const { network, cluster } = proof!.world
      const [host = '', port] = cluster.brokers.at(-1)!.split(':')
      return network.connect(address.host === 'bootstrap' ? { host, port: Number(port) } : address, listener)
    },
  }
  proof = await startProof({
    warm: [],
    cluster: { ...TWO_NODES, topics: { t: { partitions: 1 } } },
    producer: { ...ONE_RECORD_BATCHES, brokers: ['bootstrap:9092'], transport },
  })
  const { cluster } = proof
  proof.send(4)
  await proof.settled()
  proof.send(4)
  await Promise.all([cluster.stopNode(1), cluster.stopNode(2)])
  await proof.world.time.advance(3_000)
  proof.send(4)
  assert.deepEqual([await cluster.addNode(), await cluster.addNode()], [3, 4])
  await proof.settled()
  const nodes = new Set(
    sentTo(cluster)
      .slice(-8)
      .map(({ node }) => node),
  )
  assert.deepEqual([...nodes], [3])
  assert.deepEqual(
    stamps(cluster),
    Array.from({ length: 12 }, (_, i) => `0:${i}`),
  )
  await proof.end()
})

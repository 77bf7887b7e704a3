import assert from 'node:assert/strict'
import { test } from 'node:test'
import { from, lastValueFrom, toArray } from 'rxjs'
import { createProducer } from '../../src/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { startCluster, type TestCluster } from '../../src/testing/index.js'
import { beginAt } from '../support/begin-at.js'
import { identityOf, ONE_PARTITION, ONE_RECORD_BATCHES, requests, sentTo, startProof } from '../support/exactly-once.js'
import { exceptOrder, threeSends } from '../support/kafkajs-sends.js'
import { findings, type ReadRecord } from '../support/validator.js'
import { open, startWorld, valuesIn } from '../support/world.js'

/*
 * What other clients got wrong, one test each: what happened to them must not happen here. The last tests turn it round, and
 * show that this project's validator sees the damage where another client does it.
 */

test('platformatic/kafka #326: concurrent sends share no sequence; each of them is stored', async () => {
  // https://github.com/platformatic/kafka/issues/326
  const world = await startWorld({ cluster: ONE_PARTITION, producer: ONE_RECORD_BATCHES })
  const streams = Array.from({ length: 20 }, (_, i) =>
    lastValueFrom(from([{ topic: 't', value: `v${i}` }]).pipe(world.producer.send(), toArray())),
  )
  const acks = (await world.time.until(Promise.all(streams))).flat()
  assert.ok(acks.every(ack => ack.kind === 'acked'))
  assert.deepEqual(
    valuesIn(world.cluster, 't', 0),
    Array.from({ length: 20 }, (_, i) => `v${i}`),
  )
  const sequences = sentTo(world.cluster).map(({ baseSequence }) => baseSequence)
  assert.equal(new Set(sequences).size, 20)
  await world.end()
})

test('platformatic/kafka 2.12.1: one NOT_ENOUGH_REPLICAS among four in flight does not reorder a, b, c, d', async () => {
  // https://github.com/platformatic/kafka/tree/v2.12.1
  const proof = await startProof({ producer: ONE_RECORD_BATCHES })
  proof.cluster.inject({ fault: { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS } })
  const [a, b, c, d] = proof.send(4)
  await proof.settled()
  assert.deepEqual(proof.log().slice(-4), [a, b, c, d])
  await proof.end()
})

test('kafkajs 2.2.4: the first ack lost, three sends at once: each is stored once', async () => {
  // https://github.com/tulios/kafkajs/tree/v2.2.4, and https://github.com/tulios/kafkajs/issues/1005 without any fault
  const proof = await startProof({ warm: [], producer: ONE_RECORD_BATCHES })
  proof.cluster.inject({ fault: { kind: 'appendThenDrop' } })
  const numbers = proof.send(3)
  await proof.settled()
  assert.deepEqual(proof.ends(numbers), ['acked', 'acked', 'acked'])
  assert.deepEqual(proof.log(), numbers)
  await proof.end()
})

test('kafkajs: a batch without keys stays in its partition when it is sent again', async () => {
  // https://github.com/tulios/kafkajs/blob/v2.2.4/src/producer/sendMessages.js chooses partitions anew in each attempt
  const proof = await startProof({ cluster: { topics: { t: { partitions: 5 } }, replyDelayMs: 10 }, warm: [] })
  proof.cluster.inject({ times: 3, fault: { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS } })
  proof.send(1, { partition: undefined })
  await proof.settled()
  const partitions = requests(proof.cluster).flatMap(({ batches = [] }) => batches.map(({ partition }) => partition))
  assert.equal(partitions.length, 4)
  assert.equal(new Set(partitions).size, 1)
  await proof.end()
})

test('platformatic/kafka: of two partitions in one request one has moved: each is sent again to its own leader', async () => {
  // https://github.com/platformatic/kafka: the retry went to the leader of the first message, for ever
  const proof = await startProof({
    cluster: { nodes: 2, topics: { t: { partitions: 4 } }, replyDelayMs: 10 },
    warm: [0, 2],
  })
  const { cluster } = proof
  const node = cluster.leader('t', 0)
  assert.equal(cluster.leader('t', 2), node)
  proof.send(1, { partition: 0 })
  proof.send(1, { partition: 2 })
  cluster.moveLeader('t', 2, 3 - node)
  await proof.settled()
  const to = (partition: number) =>
    sentTo(cluster, partition)
      .filter(({ baseSequence }) => baseSequence === 1)
      .map(sent => sent.node)
  assert.deepEqual(to(0), [node])
  assert.deepEqual(to(2), [node, 3 - node])
  await proof.end()
})

test('franz-go #223: nothing is pipelined before the first success', async () => {
  // https://github.com/twmb/franz-go/issues/223
  const proof = await startProof({ warm: [], producer: ONE_RECORD_BATCHES })
  proof.cluster.inject({ fault: { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS } })
  proof.send(4)
  await proof.settled()
  // The first alone, again alone; then the others together.
  const at = sentTo(proof.cluster).map(sent => `${sent.baseSequence} at ${sent.at}`)
  assert.deepEqual(
    sentTo(proof.cluster).map(({ baseSequence }) => baseSequence),
    [0, 0, 1, 2, 3],
    `${at}`,
  )
  assert.equal(new Set(sentTo(proof.cluster).map(sent => sent.at)).size, 3, `${at}`)
  await proof.end()
})

test('franz-go #1217: an ambiguous error, then a cancel, then a new record: it is not taken for a duplicate', async () => {
  // https://github.com/twmb/franz-go/issues/1217
  const world = await startWorld({ cluster: ONE_PARTITION })
  const first = open(world.producer)
  first.push.next({ topic: 't', value: 'warm' })
  await world.time.until(() => first.acks.values.length === 1)
  world.cluster.inject({ fault: { kind: 'appendThenDrop' } })
  first.push.next({ topic: 't', value: 'cancelled' })
  await world.time.advance(1)
  first.acks.unsubscribe()
  const second = open(world.producer)
  second.push.next({ topic: 't', value: 'new' })
  await world.time.until(() => second.acks.values.length === 1)
  assert.equal(second.acks.values[0]?.kind, 'acked')
  assert.deepEqual(valuesIn(world.cluster, 't', 0), ['warm', 'cancelled', 'new'])
  await world.end()
})

test('franz-go #1217, by deadline: what expires after an ambiguous error gives its sequence to nobody', async () => {
  const timeouts = { deliveryTimeoutMs: 2_000, requestTimeoutMs: 1_000 }
  const proof = await startProof({ producer: { ...ONE_RECORD_BATCHES, ...timeouts } })
  const losing = proof.cluster.inject({ times: Number.POSITIVE_INFINITY, fault: { kind: 'appendThenDrop' } })
  const [given] = proof.send(1)
  await proof.settled()
  assert.deepEqual(proof.ends([given!]), ['maybe'])
  losing.remove()
  const [fresh] = proof.send(1)
  await proof.settled()
  const ack = proof.ack(fresh!)
  assert.ok(ack.kind === 'acked' && ack.offset === 2n, 'its own place, not that of the one before')
  assert.deepEqual(proof.log(), [0, given, fresh])
  await proof.end()
})

test('franz-go #216, kafkajs #1790: 0 follows 2147483647', async t => {
  // https://github.com/twmb/franz-go/issues/216, https://github.com/tulios/kafkajs/issues/1790
  beginAt(t, 2147483645)
  const proof = await startProof({ warm: [], producer: ONE_RECORD_BATCHES })
  proof.send(6)
  await proof.settled()
  assert.deepEqual(
    sentTo(proof.cluster).map(({ baseSequence }) => baseSequence),
    [2147483645, 2147483646, 2147483647, 0, 1, 2],
  )
  await proof.end()
})

test('librdkafka #4953: a new epoch because of one partition duplicates nothing in another', async () => {
  // https://github.com/confluentinc/librdkafka/issues/4953
  const proof = await startProof({
    cluster: { topics: { t: { partitions: 2 } }, replyDelayMs: 10 },
    producer: ONE_RECORD_BATCHES,
    warm: [0, 1],
  })
  // Partition 1: appended, and answered with an error that leaves it open. Partition 0: a new epoch meanwhile.
  const code = ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND
  proof.cluster.inject({ partition: 1, fault: { kind: 'errorAfterAppend', code } })
  proof.cluster.inject({ partition: 0, fault: { kind: 'error', code: ErrorCode.UNKNOWN_PRODUCER_ID } })
  proof.send(3, { partition: 0 })
  const open = proof.send(3, { partition: 1 })
  await proof.settled()
  assert.equal(proof.told('epochBumped').length, 1)
  assert.deepEqual(proof.log(1).slice(1), open)
  assert.ok(sentTo(proof.cluster, 1).every(({ producerEpoch }) => producerEpoch === 0))
  await proof.end()
})

test('librdkafka #4736: a batch that is sent again has the same records, however many came meanwhile', async () => {
  // https://github.com/confluentinc/librdkafka/issues/4736
  const proof = await startProof()
  proof.cluster.inject({ times: 3, fault: { kind: 'appendThenDrop' } })
  proof.send(3)
  while (proof.sent.length < 40) {
    proof.send(1)
    await proof.world.time.advance(5)
  }
  await proof.settled()
  const again = sentTo(proof.cluster).filter(({ baseSequence }) => baseSequence === 1)
  assert.ok(again.length > 1)
  assert.equal(new Set(again.map(identityOf)).size, 1)
  await proof.end()
})

test('librdkafka #3672: a partition that leaves the metadata and comes back goes on with its sequences', async () => {
  // https://github.com/confluentinc/librdkafka/issues/3672
  const proof = await startProof({ producer: { metadataMaxAgeMs: 1_000 } })
  proof.send(1)
  await proof.settled()
  const unknown = { kind: 'error', code: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION } as const
  const gone = proof.cluster.inject({ api: 'Metadata', times: 3, fault: unknown })
  await proof.world.time.until(() => gone.fired === 3)
  proof.send(1)
  await proof.settled()
  assert.deepEqual(
    sentTo(proof.cluster).map(sent => `${sent.producerEpoch}:${sent.baseSequence}`),
    ['0:0', '0:1', '0:2'],
  )
  await proof.end()
})

test('franz-go 029f5e3: a partition that moves with requests in flight goes on at once, window and all', async () => {
  // https://github.com/twmb/franz-go/commit/029f5e3: in flight was counted down twice
  const proof = await startProof({
    cluster: { nodes: 2, topics: { t: { partitions: 1 } }, replyDelayMs: 10 },
    producer: ONE_RECORD_BATCHES,
  })
  const { cluster, world } = proof
  for (let move = 0; move < 6; move++) {
    proof.send(10)
    await world.time.until(() => cluster.depth.now() === 4)
    cluster.moveLeader('t', 0, 3 - cluster.leader('t', 0))
    await proof.settled()
  }
  assert.deepEqual([...world.producer.inFlight.values()], [0, 0])
  proof.send(10)
  await world.time.until(() => cluster.depth.now() === 4)
  await proof.settled()
  await proof.end()
})

/** What a reader finds in the only partition. */
const readAll = (cluster: TestCluster): ReadRecord[] =>
  cluster.records('t', 0).map(({ offset, key, value }) => ({ partition: 0, offset: Number(offset), key, value }))

/** What is wrong with three sends at once of an idempotent kafkajs. */
async function kafkajsFindings(loseFirstAck: boolean): Promise<string[]> {
  await using cluster = await startCluster({ topics: { t: { partitions: 1 } } })
  const acks = await threeSends(cluster.brokers, 't', () => {
    if (loseFirstAck) cluster.inject({ fault: { kind: 'appendThenDrop' } })
  })
  return exceptOrder(findings(3, acks, readAll(cluster)))
}

test('the proof sees it: of the same three sends by kafkajs 2.2.4, first ack lost, one is reported as missing', async t => {
  const found = await kafkajsFindings(true)
  t.diagnostic(found.join('; '))
  assert.equal(found.length, 1)
  assert.match(found[0]!, /^record \d is missing: another one is at 0@\d$/)
})

test('and it reports nothing where kafkajs loses no ack', async () => {
  assert.deepEqual(await kafkajsFindings(false), [])
})

test('nor of this producer in the same scene, over TCP as well', async () => {
  await using cluster = await startCluster({ topics: { t: { partitions: 1 } } })
  await using producer = createProducer({ brokers: cluster.brokers, ...ONE_RECORD_BATCHES })
  cluster.inject({ fault: { kind: 'appendThenDrop' } })
  const records = [0, 1, 2].map(metadata => ({ topic: 't', value: `v${metadata}`, metadata }))
  const acks = await lastValueFrom(from(records).pipe(producer.send<number>(), toArray()))
  assert.deepEqual(
    acks.map(({ kind }) => kind),
    ['acked', 'acked', 'acked'],
  )
  assert.deepEqual(findings(3, acks, readAll(cluster)), [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { from } from 'rxjs'
import { BrokerError } from '../../../src/index.js'
import { ErrorCode } from '../../../src/protocol/error-codes.js'
import type { TopicOptions } from '../../../src/testing/index.js'
import {
  duplicates,
  identityOf,
  type Proof,
  type ProofOptions,
  rejections,
  sentTo,
  stamps,
  startProof,
} from '../../support/exactly-once.js'
import { startWorld, valuesIn, watch } from '../../support/world.js'

const { INVALID_RECORD, INVALID_TIMESTAMP, CORRUPT_MESSAGE, OUT_OF_ORDER_SEQUENCE_NUMBER } = ErrorCode

/** Kafka 2.1: its answers name no records. */
const OLD = { apiVersions: { Produce: [3, 7] } } as const

/** One record stands in the topic and the window is open. */
async function startWith(
  topic: TopicOptions,
  { cluster, ...options }: Pick<ProofOptions, 'cluster' | 'producer'> = {},
): Promise<Proof> {
  const topics = { t: { partitions: 1, ...topic } }
  const proof = await startProof({ cluster: { topics, replyDelayMs: 10, ...cluster }, ...options, warm: [] })
  proof.send(1, { key: 'k' })
  await proof.settled()
  return proof
}

const startCompacted = (options?: Pick<ProofOptions, 'cluster' | 'producer'>): Promise<Proof> =>
  startWith({ cleanupPolicy: 'compact' }, options)

/** Sends so many records, those at the given places without a key; gives the numbers of these, and of the others. */
function mixed(proof: Proof, count: number, keyless: readonly number[]): { bad: number[]; good: number[] } {
  const numbers: [number[], number[]] = [[], []]
  for (let i = 0; i < count; i++) {
    const isBad = keyless.includes(i)
    numbers[isBad ? 0 : 1].push(...proof.send(1, isBad ? {} : { key: `k${i % 7}` }))
  }
  const [bad, good] = numbers
  return { bad, good }
}

/** The bad ones failed with what the broker says of them, and the others stand in the log, in order, with sequences in a row. */
function assertOnlyBadFailed(proof: Proof, bad: readonly number[], code: number, says: RegExp): void {
  const good = [...proof.sent.keys()].filter(number => !bad.includes(number))
  for (const number of bad) {
    const ack = proof.ack(number)
    assert.ok(ack.kind === 'failed' && ack.error instanceof BrokerError, `record ${number}`)
    assert.equal(ack.persisted, 'no')
    assert.equal(ack.error.code, code)
    assert.match(ack.error.message, says)
  }
  assert.deepEqual(proof.log(), good)
  assert.deepEqual(
    proof.order.filter(number => proof.ack(number).kind === 'acked'),
    good,
  )
  assert.deepEqual(
    proof.cluster.records('t', 0).map(({ sequence }) => sequence),
    good.map((_, i) => i),
  )
  assert.deepEqual(proof.told('epochBumped'), [])
}

const NINE = [0, 1, 99, 100, 450, 451, 452, 700, 899]
const NO_KEY = /Compacted topic cannot accept message without key in topic partition t-0$/

for (const compression of ['none', 'snappy'] as const) {
  test(`row 35: 9 records without key among 900, compacted topic, ${compression}: these fail, in one more request`, async () => {
    const proof = await startCompacted({ producer: { compression } })
    const { bad } = mixed(proof, 900, NINE)
    const attempt = proof.world.time.now()
    await proof.settled()
    assertOnlyBadFailed(proof, bad, INVALID_RECORD, NO_KEY)
    assert.deepEqual(
      sentTo(proof.cluster).map(({ baseSequence, count }) => [baseSequence, count]),
      [
        [0, 1],
        [1, 900],
        [1, 891],
      ],
    )
    assert.equal(proof.world.time.now() - attempt, 20, 'two answers, and no pause between')
    assert.deepEqual(proof.told('retrying'), [])
    const codec = compression === 'snappy' ? 2 : 0
    // A single small record is not worth it.
    assert.deepEqual(
      proof.cluster.batches('t', 0).map(batch => batch.compression),
      [0, codec],
    )
    await proof.end()
  })
}

for (const maxInFlight of [1, 4, 5]) {
  test(`row 35: the same in many batches, ${maxInFlight} in flight: those behind move up`, async () => {
    const proof = await startCompacted({ producer: { batchSize: 1_000, maxInFlight } })
    const { bad } = mixed(proof, 900, NINE)
    await proof.settled()
    assertOnlyBadFailed(proof, bad, INVALID_RECORD, NO_KEY)
    assert.ok(proof.cluster.batches('t', 0).length > 10)
    await proof.end()
  })
}

for (const cluster of [{}, OLD]) {
  const old = cluster === OLD
  test(`row 35: every record is bad, ${old ? 'not named' : 'named'}: all fail, and others go on in their place`, async () => {
    const proof = await startCompacted({ cluster, producer: { batchSize: 300 } })
    const { bad } = mixed(proof, 50, [...Array(50).keys()])
    const good = proof.send(20, { key: 'k' })
    await proof.settled()
    assertOnlyBadFailed(proof, bad, old ? CORRUPT_MESSAGE : INVALID_RECORD, old ? /^CORRUPT_MESSAGE/ : NO_KEY)
    assert.deepEqual(proof.log(), [0, ...good])
    await proof.end()
  })
}

/** How many requests a batch takes more than one that is stored at once. */
async function costOf(proof: Proof, send: () => number[]): Promise<number> {
  const before = sentTo(proof.cluster).length
  const bad = send()
  await proof.settled()
  assert.deepEqual(new Set(proof.ends(bad)), new Set(['no']))
  return sentTo(proof.cluster).length - before - 1
}

test('row 35: an old broker names none: the batch is halved, at most 2·log2(n) more requests for a bad record', async () => {
  for (const count of [2, 3, 5, 6, 7, 16, 33, 100, 900]) {
    const middle = count >> 1
    for (const at of new Set([0, 1, middle - 1, middle, count - 2, count - 1])) {
      const proof = await startWith({ messageTimestampBeforeMaxMs: 1_000_000 }, { cluster: OLD })
      await proof.world.time.advance(2_000_000)
      const cost = await costOf(proof, () => {
        const numbers = [...Array(count).keys()].map(i => proof.send(1, i === at ? { timestamp: 0 } : {})[0]!)
        return [numbers[at]!]
      })
      assert.ok(cost <= 2 * Math.log2(count), `${cost} more requests for record ${at} of ${count}`)
      assertOnlyBadFailed(proof, [at + 1], INVALID_TIMESTAMP, /^INVALID_TIMESTAMP/)
      assert.deepEqual(proof.told('retrying'), [], 'no pause between them')
      await proof.end()
    }
  }
})

test('row 35: an old broker calls the batch corrupt: sent once more as it is, then halved; 9 of 900', async () => {
  const proof = await startCompacted({ cluster: OLD })
  let bad: number[] = []
  const cost = await costOf(proof, () => {
    bad = mixed(proof, 900, NINE).bad
    return bad
  })
  assert.ok(cost <= 1 + 9 * 2 * Math.log2(900), `${cost} more requests`)
  assertOnlyBadFailed(proof, bad, CORRUPT_MESSAGE, /^CORRUPT_MESSAGE/)
  const [, first, again] = sentTo(proof.cluster)
  assert.equal(identityOf(first!), identityOf(again!))
  assert.equal(proof.told('retrying').length, 1, 'one pause, before it is sent again as it is')
  await proof.end()
})

for (const maxInFlight of [1, 4]) {
  test(`row 35: an old broker calls several batches corrupt, ${maxInFlight} in flight, snappy`, async () => {
    const producer = { batchSize: 1_000, maxInFlight, compression: 'snappy' } as const
    const proof = await startCompacted({ cluster: OLD, producer })
    const { bad } = mixed(proof, 900, NINE)
    await proof.settled()
    assertOnlyBadFailed(proof, bad, CORRUPT_MESSAGE, /^CORRUPT_MESSAGE/)
    await proof.end()
  })
}

test('row 35: one damage on the way is no bad record: sent again, and stored whole', async () => {
  const proof = await startCompacted()
  proof.cluster.inject({ fault: { kind: 'error', code: CORRUPT_MESSAGE } })
  proof.send(20, { key: 'k' })
  await proof.settled()
  assertOnlyBadFailed(proof, [], CORRUPT_MESSAGE, /./)
  assert.equal(sentTo(proof.cluster).length, 3)
  await proof.end()
})

for (const cluster of [{}, OLD]) {
  test(`row 35: timestamps too old and too far in the future, ${cluster === OLD ? 'not named' : 'named, each with its own message'}`, async () => {
    const topic = { messageTimestampBeforeMaxMs: 60_000, messageTimestampAfterMaxMs: 5_000 }
    const proof = await startWith(topic, { cluster, producer: { batchSize: 2_000 } })
    await proof.world.time.advance(100_000)
    const now = proof.world.time.now()
    const bad: number[] = []
    for (let i = 0; i < 200; i++) {
      const timestamp = i === 37 ? now - 60_100 : i === 150 ? now + 6_000 : i % 2 ? now - 50_000 : undefined
      const [number] = proof.send(1, timestamp === undefined ? {} : { timestamp })
      if (i === 37 || i === 150) bad.push(number!)
    }
    await proof.settled()
    const says =
      cluster === OLD
        ? /^INVALID_TIMESTAMP/
        : /The broker says: Timestamp \d+ of message with offset \d+ is out of range/
    assertOnlyBadFailed(proof, bad, INVALID_TIMESTAMP, says)
    if (cluster !== OLD) {
      const messages = bad.map(number => (proof.ack(number) as { error: Error }).error.message)
      assert.match(messages[0]!, new RegExp(`Timestamp ${now - 60_100} of`))
      assert.match(messages[1]!, new RegExp(`Timestamp ${now + 6_000} of`))
    }
    const stored = new Map(proof.cluster.records('t', 0).map(({ value, timestamp }) => [Number(value), timestamp]))
    for (const [number, { record }] of proof.sent.entries()) {
      if (record.timestamp !== undefined && !bad.includes(number)) {
        assert.equal(stored.get(number), BigInt(record.timestamp), 'a record keeps its own timestamp')
      }
    }
    await proof.end()
  })
}

test('row 35: a broker names records that are not there: none is named, and the batch is halved', async () => {
  const proof = await startWith({})
  const recordErrors = [-1, 10, 2147483647].map(index => ({ index, message: 'a lie' }))
  proof.cluster.inject({ fault: { kind: 'error', code: INVALID_RECORD, recordErrors } })
  proof.send(10)
  await proof.settled()
  // There is no bad record: the last one that is suspected is stored as well.
  assertOnlyBadFailed(proof, [], INVALID_RECORD, /./)
  assert.deepEqual(
    sentTo(proof.cluster).map(({ count }) => count),
    [1, 10, 5, 2, 1, 1, 1],
  )
  await proof.end()
})

test('row 35: a broker names one record twice, and some that are not there: what is true of it counts', async () => {
  const proof = await startWith({})
  const recordErrors = [{ index: 10 }, { index: 3, message: 'first' }, { index: 3, message: 'second' }, { index: -1 }]
  proof.cluster.inject({ fault: { kind: 'error', code: INVALID_RECORD, recordErrors } })
  const numbers = proof.send(10)
  await proof.settled()
  assertOnlyBadFailed(proof, [numbers[3]!], INVALID_RECORD, /The broker says: first$/)
  await proof.end()
})

test('row 35: a broker that names none, and refuses for good what it does not explain: all fail, and each part is sent once', async () => {
  const proof = await startWith({})
  const rule = { times: Number.POSITIVE_INFINITY, fault: { kind: 'error', code: INVALID_RECORD } } as const
  const fault = proof.cluster.inject(rule)
  const numbers = proof.send(32)
  await proof.settled()
  assert.deepEqual(new Set(proof.ends(numbers)), new Set(['no']))
  assert.equal(fault.fired, 63)
  fault.remove()
  proof.send(1)
  await proof.settled()
  assertOnlyBadFailed(proof, numbers, INVALID_RECORD, /^INVALID_RECORD/)
  await proof.end()
})

test('row 35: what is not about a record fails the batch as a whole', async () => {
  const proof = await startWith({})
  proof.cluster.inject({ fault: { kind: 'error', code: ErrorCode.TOPIC_AUTHORIZATION_FAILED } })
  const numbers = proof.send(10)
  await proof.settled()
  assertOnlyBadFailed(proof, numbers, ErrorCode.TOPIC_AUTHORIZATION_FAILED, /./)
  assert.equal(sentTo(proof.cluster).length, 2)
  await proof.end()
})

test('row 35: a batch is stored, its answer lost, and it is refused as too old when it is sent again: it may be stored', async () => {
  const proof = await startWith({ messageTimestampBeforeMaxMs: 1_000 }, { producer: { retryBackoffMs: 5_000 } })
  proof.cluster.inject({ fault: { kind: 'appendThenDrop' } })
  const numbers = proof.send(3)
  await proof.settled()
  assert.deepEqual(proof.ends(numbers), ['maybe', 'maybe', 'maybe'])
  assert.deepEqual(rejections(proof.cluster), [INVALID_TIMESTAMP])
  assert.deepEqual(proof.log(), [0, ...numbers], 'it was')
  assert.equal(proof.told('epochBumped').length, 1)
  const after = proof.send(2)
  await proof.settled()
  assert.deepEqual(proof.ends(after), ['acked', 'acked'])
  await proof.end()
})

test('row 35: refused while one behind it is not answered: a new epoch, and no record twice', async () => {
  const producer = { batchSize: 130, requestTimeoutMs: 1_000 }
  const proof = await startCompacted({ cluster: { replyDelayMs: 0 }, producer })
  proof.cluster.inject({ after: 1, fault: { kind: 'neverAnswer' } })
  const { bad, good } = mixed(proof, 3, [1])
  const lost = proof.send(3, { key: 'k', bytes: 60 })
  await proof.settled()
  assert.deepEqual(proof.ends([...bad, ...good]), ['no', 'acked', 'acked'])
  assert.deepEqual(proof.ends(lost), ['maybe', 'maybe', 'maybe'])
  assert.equal(proof.told('epochBumped').length, 1)
  assert.deepEqual(stamps(proof.cluster), ['0:0', '1:0'])
  await proof.end()
})

test('row 35: the answer to what is left of a batch is lost: it is sent again, and stored once', async () => {
  for (const cluster of [{}, OLD]) {
    const proof = await startCompacted({ cluster })
    // Of the old one: the whole twice, the first half, and then what is stored of that.
    proof.cluster.inject({ after: cluster === OLD ? 3 : 1, fault: { kind: 'appendThenDrop' } })
    const { bad } = mixed(proof, 20, [7, 15])
    await proof.settled()
    const code = cluster === OLD ? CORRUPT_MESSAGE : INVALID_RECORD
    assertOnlyBadFailed(proof, bad, code, cluster === OLD ? /^CORRUPT_MESSAGE/ : NO_KEY)
    assert.equal(duplicates(proof.cluster), 1)
    await proof.end()
  }
})

test('row 35: a broker forgets the producer meanwhile, and takes 0 only: a new epoch, and nothing is lost', async () => {
  const proof = await startCompacted({ cluster: { ...OLD, strictFirstSequence: true } })
  const { bad, good } = mixed(proof, 20, [7, 15])
  await proof.world.time.until(() => sentTo(proof.cluster).length === 5)
  proof.cluster.forgetProducer('t', 0)
  await proof.settled()
  assert.deepEqual(new Set(proof.ends(bad)), new Set(['no']))
  assert.deepEqual(new Set(proof.ends(good)), new Set(['acked']))
  assert.ok(proof.told('epochBumped').length > 0)
  assert.ok(rejections(proof.cluster).includes(OUT_OF_ORDER_SEQUENCE_NUMBER))
  await proof.end()
})

test('row 35: sendBatches(): an ack for the records that fail for one reason, and one for the rest', async () => {
  const topics = { t: { partitions: 1, cleanupPolicy: 'compact', messageTimestampBeforeMaxMs: 1_000 } } as const
  const world = await startWorld({ cluster: { topics } })
  await world.time.advance(5_000)
  const records = [...Array(10).keys()].map(i => ({
    topic: 't',
    value: `${i}`,
    ...(i % 4 !== 0 && { key: 'k' }),
    ...(i === 3 && { timestamp: 7 }),
  }))
  const acks = watch(from(records).pipe(world.producer.sendBatches()))
  await world.time.until(() => acks.done)
  assert.deepEqual(
    acks.values.map(ack => [ack.kind, ack.baseOffset, [...ack].map(({ record }) => Number(record.value))]),
    [
      ['failed', -1n, [0, 4, 8]],
      ['failed', -1n, [3]],
      ['acked', 0n, [1, 2, 5, 6, 7, 9]],
    ],
  )
  assert.deepEqual(valuesIn(world.cluster, 't', 0), ['1', '2', '5', '6', '7', '9'])
  await world.end()
})

test('row 35: flush() waits for all parts of what it was called for; close() as well', async () => {
  for (const cluster of [{}, OLD]) {
    const proof = await startCompacted({ cluster, producer: { linger: 1_000 } })
    const { bad, good } = mixed(proof, 100, [3, 50, 99])
    let flushed = false
    const flush = proof.world.producer.flush().then(() => {
      flushed = true
      assert.equal(proof.order.length, 101, 'every record has its end')
    })
    await proof.world.time.until(() => proof.order.length > 1)
    assert.ok(!flushed)
    await proof.world.time.until(flush)
    const more = mixed(proof, 100, [3, 50, 99])
    await proof.world.time.advance(1_005)
    await proof.world.time.until(proof.world.producer.close())
    assert.equal(proof.order.length, 201)
    for (const number of [...bad, ...more.bad]) assert.deepEqual(proof.ends([number]), ['no'])
    for (const number of [...good, ...more.good]) assert.deepEqual(proof.ends([number]), ['acked'])
    await proof.end()
  }
})

test('row 35: the delivery timeout comes while a batch is halved: every record has one end, and the next ones go on', async () => {
  const options = { requestTimeoutMs: 1_000, deliveryTimeoutMs: 2_000 }
  const proof = await startCompacted({ cluster: { ...OLD, replyDelayMs: 300 }, producer: options })
  const { bad, good } = mixed(proof, 100, [60, 61, 62])
  await proof.settled()
  const ends = proof.ends(good)
  assert.ok(ends.includes('acked') && ends.some(end => end !== 'acked'))
  assert.ok(proof.ends(bad).every(end => end !== 'acked'))
  const after = proof.send(5, { key: 'k' })
  await proof.settled()
  assert.deepEqual(new Set(proof.ends(after)), new Set(['acked']))
  await proof.end()
})

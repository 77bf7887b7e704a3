import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BrokerError, DeliveryTimeoutError, InvalidRecordError, TopicRecreatedError } from '../../src/index.js'
import type { ProducerRecord } from '../../src/producer/model/record.js'
import { partitionOfKey } from '../../src/producer/records/partition-of-key.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import {
  ONE_RECORD_BATCHES,
  type Proof,
  type ProofOptions,
  rejections,
  sentTo,
  stamps,
  startProof,
} from '../support/exactly-once.js'

/*
 * A topic is deleted and recreated under its name, while it is written to. Its id (KIP-516) tells the new one from the old.
 */

const FOR_EVER = Number.POSITIVE_INFINITY

/** Metadata comes four times a second, so that it tells of the new topic soon. */
const FRESH = { metadataMaxAgeMs: 250 }

/** Records wait to fill a batch for so long that their topic is another one by then. */
const LINGERING = { ...FRESH, linger: 2_000 }

function start(partitions: number, options: ProofOptions = {}): Promise<Proof> {
  const topics = { t: { partitions } }
  const { cluster, producer, ...rest } = options
  return startProof({
    warm: [],
    ...rest,
    cluster: { topics, autoCreateTopics: false, replyDelayMs: 10, ...cluster },
    producer: { ...FRESH, ...producer },
  })
}

function recreate({ cluster }: Proof, partitions: number): void {
  cluster.deleteTopic('t')
  cluster.createTopic('t', { partitions })
}

/** Records that are sent one after the other to partition after partition, or with key after key, or with neither. */
const KINDS: Record<string, (i: number, partitions: number) => Partial<ProducerRecord<number>>> = {
  'with keys': i => ({ key: `key ${i % 10}` }),
  'without key': () => ({ key: null }),
  'that name their partition': (i, partitions) => ({ partition: i % partitions }),
}

function sendMany(proof: Proof, count: number, kind: string, partitions: number): number[] {
  return Array.from({ length: count }, (_, i) => proof.send(1, KINDS[kind]!(i, partitions))[0]!)
}

/** Lets time pass until the producer has heard of partitions that are so many. */
function heardOf(proof: Proof, partitions: number): Promise<void> {
  const { world } = proof
  const from = world.events.length
  return world.time.until(() =>
    world.events
      .slice(from)
      .some(event => event.kind === 'metadata' && event.topics.some(({ leaders }) => leaders.length === partitions)),
  )
}

/** Every record with a key is where the key's hash says, by the number of partitions that there are. */
function checkKeys(proof: Proof, numbers: readonly number[], partitions: number): void {
  for (const number of numbers) {
    const ack = proof.ack(number)
    assert.equal(ack.kind, 'acked')
    const { key } = proof.sent[number]!.record
    if (ack.kind === 'acked' && typeof key === 'string') assert.equal(ack.partition, partitionOfKey(key, partitions))
  }
}

test('fewer partitions: all of 100 keyed records are stored, and not only those whose partitions are left', async () => {
  const proof = await start(8)
  const before = proof.send(1, { key: 'a' })
  await proof.settled()
  recreate(proof, 2)
  await proof.world.time.advance(1_000)
  const numbers = Array.from({ length: 100 }, (_, i) => proof.send(1, { key: `key ${i}` })[0]!)
  await proof.settled()
  checkKeys(proof, numbers, 2)
  await proof.end(before)
})

describe('records that were never sent are placed anew', () => {
  for (const [before, after] of [
    [4, 2],
    [4, 1],
    [3, 3],
    [2, 5],
  ] as const) {
    for (const kind of Object.keys(KINDS)) {
      test(`${before} partitions, then ${after}: records ${kind}`, async () => {
        // Records with other keys may stand between: batches of several partitions are placed one after the other.
        const ordered = kind === 'with keys' ? 'by key' : 'by partition'
        const proof = await start(before, { producer: LINGERING, ordered })
        const numbers = sendMany(proof, 40, kind, Math.min(before, after))
        await heardOf(proof, before)
        recreate(proof, after)
        await proof.settled()
        assert.deepEqual(new Set(proof.ends(numbers)), new Set(['acked']))
        assert.deepEqual(rejections(proof.cluster), [])
        checkKeys(proof, numbers, after)
        for (const number of numbers) {
          const [ack, { record }] = [proof.ack(number), proof.sent[number]!]
          if (record.partition !== undefined && ack.kind === 'acked') assert.equal(ack.partition, record.partition)
        }
        // Nothing was ever sent to the old one.
        const first = Array.from({ length: after }, (_, partition) => stamps(proof.cluster, partition)[0])
        assert.deepEqual(new Set(first.filter(stamp => stamp !== undefined)), new Set(['0:0']))
        assert.deepEqual(proof.told('epochBumped'), [])
        await proof.end()
      })
    }
  }

  test('one that names a partition which is gone fails, and says which there are', async () => {
    const proof = await start(4, { producer: LINGERING })
    const gone = proof.send(2, { partition: 3 })
    const stays = proof.send(2, { partition: 1 })
    await heardOf(proof, 4)
    recreate(proof, 2)
    await proof.settled()
    assert.deepEqual(proof.ends([...gone, ...stays]), ['no', 'no', 'acked', 'acked'])
    const ack = proof.ack(gone[0]!)
    assert.ok(ack.kind === 'failed' && ack.error instanceof InvalidRecordError)
    assert.match(ack.error.message, /its `partition` is 3, but topic t has only 2/)
    await proof.end()
  })

  test('a partitioner is asked again, with what it was given before, but not where a record names its partition', async () => {
    const asked: unknown[][] = []
    const partitioner = ({ key, value }: ProducerRecord, count: number): number => {
      asked.push([key, value, count])
      return count - 1
    }
    const proof = await start(4, { producer: { ...LINGERING, partitioner } })
    const chosen = [...proof.send(1, { key: 'a' }), ...proof.send(1, { key: Buffer.from('b') })]
    const named = proof.send(1, { partition: 0 })
    await heardOf(proof, 4)
    recreate(proof, 2)
    await proof.settled()
    const places = [...chosen, ...named].map(number => {
      const ack = proof.ack(number)
      return ack.kind === 'acked' ? ack.partition : undefined
    })
    assert.deepEqual(places, [1, 1, 0])
    assert.deepEqual(asked, [
      ['a', '0', 4],
      [Buffer.from('b'), '1', 4],
      ['a', '0', 2],
      [Buffer.from('b'), '1', 2],
    ])
    await proof.end()
  })

  test('with headers, timestamps, and neither key nor value', async () => {
    const proof = await start(2, { producer: LINGERING })
    const headers = { a: 'b', c: null }
    proof.send(1, { partition: 0, headers, timestamp: 1_234 })
    await heardOf(proof, 2)
    recreate(proof, 1)
    await proof.settled()
    const [record] = proof.cluster.records('t', 0)
    assert.deepEqual(
      [record?.key, String(record?.value), record?.timestamp, record?.headers],
      [
        null,
        '0',
        1_234n,
        [
          ['a', Buffer.from('b')],
          ['c', null],
        ],
      ],
    )
    await proof.end()
  })

  test('a batch that was known to be too large for the old topic is none for the new one', async () => {
    const proof = await start(1, { cluster: { maxMessageBytes: 400 } })
    const before = proof.send(20, { bytes: 30 })
    await proof.settled()
    assert.ok(rejections(proof.cluster).includes(ErrorCode.MESSAGE_TOO_LARGE))
    const refused = rejections(proof.cluster).length
    recreate(proof, 1)
    await heardOf(proof, 1)
    await proof.world.time.advance(1_000)
    const after = proof.send(20, { bytes: 30 })
    await proof.settled(after)
    assert.ok(rejections(proof.cluster).length > refused)
    await proof.end(before)
  })
})

describe('what was sent', () => {
  for (const after of [1, 2, 4]) {
    test(`in flight, of 2 partitions that become ${after}: is acked as stored; what waits behind it is placed anew after that`, async () => {
      const proof = await start(2, { warm: [0, 1], producer: { ...ONE_RECORD_BATCHES, maxInFlight: 2 } })
      proof.cluster.inject({ times: 4, fault: { kind: 'delay', ms: 600 } })
      const numbers = Array.from({ length: 12 }, (_, i) => proof.send(1, { key: `key ${i % 6}` })[0]!)
      await proof.world.time.advance(50)
      const inFlight = [...proof.log(0), ...proof.log(1)].filter(number => numbers.includes(number))
      assert.equal(inFlight.length > 0 && inFlight.length < 12, true)
      const requests = sentTo(proof.cluster, 0).length + sentTo(proof.cluster, 1).length
      recreate(proof, after)
      await heardOf(proof, after)
      await proof.world.time.advance(100)
      assert.equal(sentTo(proof.cluster, 0).length + sentTo(proof.cluster, 1).length, requests, 'nothing overtakes')
      await proof.settled()
      assert.deepEqual(new Set(proof.ends(numbers)), new Set(['acked']))
      checkKeys(
        proof,
        numbers.filter(number => !inFlight.includes(number)),
        after,
      )
      const order = proof.order.filter(number => numbers.includes(number))
      assert.deepEqual(order.slice(0, inFlight.length).toSorted(), inFlight.toSorted())
      // In another epoch, for what was sent to the old topic might still come to the new one.
      assert.equal(stamps(proof.cluster)[0], '1:0')
      assert.equal(proof.told('epochBumped').length, Math.min(after, 2))
      await proof.end([0, 1, ...inFlight])
    })
  }

  test('and may be stored, fails with one error, and is not sent again', async () => {
    const proof = await start(2, { warm: [0, 1], producer: ONE_RECORD_BATCHES })
    const code = ErrorCode.REQUEST_TIMED_OUT
    proof.cluster.inject({ times: 2, fault: { kind: 'errorAfterAppend', code } })
    const fault = proof.cluster.inject({ times: FOR_EVER, fault: { kind: 'error', code } })
    const open = [...proof.send(1, { partition: 0 }), ...proof.send(1, { partition: 1 })]
    await proof.world.time.advance(50)
    const unsent = proof.send(3, { partition: 0 })
    recreate(proof, 1)
    await heardOf(proof, 1)
    fault.remove()
    await proof.settled()
    assert.deepEqual(proof.ends([...open, ...unsent]), ['maybe', 'maybe', 'acked', 'acked', 'acked'])
    for (const number of open) {
      const ack = proof.ack(number)
      assert.ok(ack.kind === 'failed' && ack.error instanceof TopicRecreatedError)
      assert.match(ack.error.message, /topic t was deleted and recreated before a broker confirmed this record/)
      assert.equal(ack.attempts > 0, true)
    }
    assert.deepEqual(proof.log(), unsent)
    await proof.end([0, 1])
  })

  test('and is certainly not stored, is placed anew in front of what came later', async () => {
    const proof = await start(3, { warm: [0, 1, 2], producer: ONE_RECORD_BATCHES })
    const fault = proof.cluster.inject({
      times: FOR_EVER,
      fault: { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS },
    })
    const numbers = Array.from({ length: 9 }, (_, i) => proof.send(1, { partition: i % 3 })[0]!)
    await proof.world.time.advance(100)
    assert.equal(rejections(proof.cluster, 2).length > 0, true)
    for (let i = 0; i < 5; i++) numbers.push(...proof.send(1, { key: `key ${i}` }))
    recreate(proof, 3)
    fault.remove()
    await proof.settled()
    assert.deepEqual(new Set(proof.ends(numbers)), new Set(['acked']))
    const told = proof.told('retrying').length
    await proof.world.time.advance(5_000)
    assert.equal(proof.told('retrying').length, told)
    await proof.end([0, 1, 2])
  })

  test('in flight, and is rejected after the new one is known, is placed anew, and not told to be sent again', async () => {
    const proof = await start(2, { warm: [0, 1], producer: ONE_RECORD_BATCHES })
    proof.cluster.inject({ fault: { kind: 'delay', ms: 600 } })
    proof.cluster.inject({ fault: { kind: 'error', code: ErrorCode.NOT_ENOUGH_REPLICAS } })
    const numbers = proof.send(1, { key: 'a' })
    await proof.world.time.advance(20)
    recreate(proof, 1)
    await heardOf(proof, 1)
    numbers.push(...proof.send(1, { key: 'a' }))
    await proof.settled()
    assert.deepEqual(proof.ends(numbers), ['acked', 'acked'])
    assert.deepEqual(proof.log(), numbers)
    assert.deepEqual(proof.told('retrying'), [])
    await proof.end([0, 1])
  })

  test('and comes to the new topic late, is neither taken for a new record nor the other way round', async () => {
    for (const [lateMs, version] of [
      [1_200, 12],
      [3_000, 12],
      [1_200, 13],
      [3_000, 13],
    ] as const) {
      const cluster = { apiVersions: { Produce: [3, version] } } as const
      const proof = await start(1, { cluster, producer: { ...ONE_RECORD_BATCHES, requestTimeoutMs: 500 } })
      await proof.world.time.until(proof.world.producer.connect())
      proof.cluster.inject({ fault: { kind: 'carryOutLate', ms: lateMs } })
      const late = proof.send(1)
      await proof.world.time.advance(20)
      recreate(proof, 1)
      await proof.settled()
      assert.deepEqual(proof.ends(late), ['maybe'])
      if (lateMs === 1_200) await proof.world.time.advance(lateMs)
      const after = proof.send(3)
      await proof.settled()
      await proof.world.time.advance(lateMs)
      assert.deepEqual(proof.ends(after), ['acked', 'acked', 'acked'])
      // Named by its id, the old topic is no more.
      assert.deepEqual(proof.log(), lateMs === 1_200 && version === 12 ? [...late, ...after] : after)
      await proof.end()
    }
  })

  test('a broker that takes only sequence 0 first has no reason to refuse', async () => {
    const proof = await start(2, { warm: [0, 1], cluster: { strictFirstSequence: true }, producer: ONE_RECORD_BATCHES })
    recreate(proof, 2)
    await heardOf(proof, 2)
    const numbers = [...proof.send(4, { partition: 0 }), ...proof.send(4, { partition: 1 })]
    await proof.settled()
    assert.deepEqual(new Set(proof.ends(numbers)), new Set(['acked']))
    assert.deepEqual(rejections(proof.cluster), [])
    assert.deepEqual(stamps(proof.cluster, 1), ['1:0', '1:1', '1:2', '1:3'])
    assert.deepEqual(proof.told('dataLoss'), [])
    await proof.end([0, 1])
  })
})

describe('while brokers still owe answers about the old topic', () => {
  /** One batch is in flight for ten seconds, and another waits behind it. */
  async function owing(options: ProofOptions = {}): Promise<Proof> {
    const proof = await start(2, {
      warm: [0, 1],
      cluster: { nodes: 2 },
      producer: { ...ONE_RECORD_BATCHES, maxInFlight: 1, ...options.producer },
    })
    proof.cluster.inject({ fault: { kind: 'delay', ms: 10_000 } })
    proof.send(1, { partition: 1 })
    await proof.world.time.advance(20)
    proof.send(1, { partition: 1 })
    recreate(proof, 2)
    await heardOf(proof, 2)
    proof.send(2, { partition: 0 })
    return proof
  }

  test('flush() waits for all', async () => {
    const proof = await owing()
    let flushed = false
    const flush = proof.world.producer.flush().then(() => {
      flushed = true
    })
    await proof.world.time.advance(5_000)
    assert.equal(flushed, false)
    await proof.world.time.until(flush)
    assert.deepEqual(proof.ends([2, 3, 4, 5]), Array(4).fill('acked'))
    await proof.end([0, 1, 2])
  })

  test('close() waits for all', async () => {
    const proof = await owing()
    await proof.world.time.until(proof.world.producer.close())
    assert.deepEqual(proof.ends([2, 3, 4, 5]), Array(4).fill('acked'))
    await proof.end([0, 1, 2])
  })

  test('close() that has no time ends everything', async () => {
    const proof = await owing()
    await proof.world.time.until(proof.world.producer.close({ timeoutMs: 100 }))
    assert.deepEqual(proof.ends([2, 3, 4, 5]), ['maybe', 'no', 'no', 'no'])
    await proof.end([0, 1])
  })

  test('records have no more time than otherwise, and are told what they wait for', async () => {
    const proof = await owing({ producer: { deliveryTimeoutMs: 5_000, requestTimeoutMs: 5_000 } })
    const held = proof.world.producer.bufferedBytes
    assert.equal(held > 0, true)
    await proof.settled()
    assert.deepEqual(proof.ends([2, 3, 4, 5]).slice(0, 1), ['maybe'])
    for (const number of [4, 5]) {
      const ack = proof.ack(number)
      if (ack.kind === 'acked') continue
      assert.ok(ack.error instanceof DeliveryTimeoutError)
      assert.match(ack.error.message, /brokers still owe answers about the old one/)
    }
    await proof.end([0, 1])
  })

  test('the topic is recreated once more', async () => {
    for (const last of [1, 5]) {
      const proof = await owing()
      recreate(proof, 3)
      await heardOf(proof, 3)
      recreate(proof, last)
      await heardOf(proof, last)
      for (let i = 0; i < 20; i++) proof.send(1, { key: `key ${i}` })
      await proof.settled()
      const numbers = [...proof.sent.keys()].slice(6)
      assert.deepEqual(new Set(proof.ends(numbers)), new Set(['acked']))
      checkKeys(proof, numbers, last)
      const gone = proof.ack(3)
      assert.equal(gone.kind, last === 1 ? 'failed' : 'acked')
      assert.equal(proof.told('epochBumped').length, Math.min(last, 2))
      await proof.end([0, 1, 2])
    }
  })
})

describe('brokers that have not heard of it yet', () => {
  test('do not bring the old topic back: old, new, old, new', async () => {
    const proof = await start(4, { warm: [0, 1, 2, 3], producer: ONE_RECORD_BATCHES })
    recreate(proof, 2)
    const numbers: number[] = []
    for (let round = 0; round < 12; round++) {
      const stale = proof.cluster.inject({
        api: 'Metadata',
        times: round % 3 === 2 ? FOR_EVER : 1,
        fault: { kind: 'staleMetadata' },
      })
      for (let i = 0; i < 5; i++) numbers.push(...proof.send(1, { key: `key ${i}` }))
      await proof.world.time.advance(600)
      stale.remove()
    }
    await proof.settled()
    // What was sent before anybody told of the new topic came to it all the same, or to a partition that it lacks.
    const ends = proof.ends(numbers)
    assert.deepEqual(new Set(ends.slice(15)), new Set(['acked']))
    assert.equal(ends.includes('no'), false)
    assert.equal(proof.told('epochBumped').length, 2)
    checkKeys(proof, numbers.slice(15), 2)
    await proof.end([0, 1, 2, 3])
  })

  test('are believed when nobody says anything else for long: it may be another cluster', async () => {
    const proof = await start(4, { warm: [0, 1, 2, 3] })
    recreate(proof, 2)
    await proof.world.time.advance(1_000)
    proof.cluster.inject({ api: 'Metadata', times: FOR_EVER, fault: { kind: 'staleMetadata' } })
    await proof.world.time.advance(8_000)
    let numbers = Array.from({ length: 20 }, (_, i) => proof.send(1, { key: `key ${i}` })[0]!)
    await proof.settled()
    checkKeys(proof, numbers, 2)
    // Brokers of this cluster know of no partitions 2 and 3 all the same, so that nothing comes through them.
    await proof.world.time.advance(8_000)
    numbers = Array.from({ length: 20 }, (_, i) => proof.send(1, { key: `key ${i}` })[0]!)
    await proof.world.time.advance(1_000)
    assert.equal(sentTo(proof.cluster, 2).length + sentTo(proof.cluster, 3).length > 2, true)
    await proof.world.time.until(proof.world.producer.close({ timeoutMs: 100 }))
    await proof.end([0, 1, 2, 3])
  })

  test('two topics in a row, of which the first was never heard of', async () => {
    const proof = await start(4, { warm: [0, 1, 2, 3], producer: ONE_RECORD_BATCHES, ordered: 'by key' })
    recreate(proof, 3)
    recreate(proof, 2)
    await heardOf(proof, 2)
    // The one that never was heard of looks like a new one, until brokers have told of the last one for long enough.
    proof.cluster.inject({ api: 'Metadata', times: 1, fault: { kind: 'staleMetadata' } })
    await heardOf(proof, 3)
    const numbers = Array.from({ length: 30 }, (_, i) => proof.send(1, { key: `key ${i}` })[0]!)
    await proof.settled()
    assert.deepEqual(
      proof.ends(numbers).filter(end => end === 'no'),
      [],
    )
    await proof.world.time.advance(20_000)
    const later = Array.from({ length: 30 }, (_, i) => proof.send(1, { key: `key ${i}` })[0]!)
    await proof.settled()
    checkKeys(proof, later, 2)
    await proof.end([0, 1, 2, 3])
  })
})

test('a topic that is deleted while records come, and recreated after a while: each has one end', async () => {
  for (const partitions of [1, 3, 6]) {
    const proof = await start(3, { warm: [0, 1, 2], producer: { ...ONE_RECORD_BATCHES, deliveryTimeoutMs: 20_000 } })
    const numbers: number[] = []
    const write = async (): Promise<void> => {
      for (let i = 0; i < 30; i++) {
        numbers.push(...proof.send(1, { key: `key ${i}` }), ...proof.send(1, { key: null }))
        await proof.world.time.advance(20)
      }
    }
    await write()
    const before = [...proof.log(0), ...proof.log(1), ...proof.log(2)]
    proof.cluster.deleteTopic('t')
    await write()
    proof.cluster.createTopic('t', { partitions })
    await write()
    await proof.settled()
    const ends = proof.ends(numbers)
    // The first of each partition may have been stored.
    assert.equal(ends.filter(end => end === 'maybe').length <= 12, true)
    assert.equal(ends.includes('no'), false)
    await proof.end(before)
  }
})

describe('without topic ids, before Kafka 2.8', () => {
  const OLD = { apiVersions: { Metadata: [4, 9] } } as const

  test('records go by the partitions that there are now; those of partitions that are gone are told so at their deadline', async () => {
    const proof = await start(8, {
      cluster: OLD,
      producer: { ...ONE_RECORD_BATCHES, deliveryTimeoutMs: 5_000, requestTimeoutMs: 1_000 },
    })
    const before = [...proof.send(1, { partition: 7 }), ...proof.send(1, { partition: 0 })]
    await proof.settled()
    proof.cluster.deleteTopic('t')
    const gone = proof.send(1, { partition: 7 })
    await proof.world.time.advance(50)
    gone.push(...proof.send(1, { partition: 7 }))
    await proof.world.time.advance(450)
    proof.cluster.createTopic('t', { partitions: 2 })
    await heardOf(proof, 2)
    const numbers = sendMany(proof, 50, 'with keys', 2)
    numbers.push(...sendMany(proof, 20, 'without key', 2))
    await proof.settled()
    checkKeys(proof, numbers, 2)
    const ack = proof.ack(gone[1]!)
    assert.ok(ack.kind === 'failed' && ack.error instanceof DeliveryTimeoutError)
    assert.match(ack.error.message, /metadata no longer lists partition t-7, and has 2 partitions/)
    assert.equal(ack.error.cause instanceof BrokerError, false)
    await proof.end(before)
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concat, from, NEVER, of, Subject, share, take, throwError } from 'rxjs'
import {
  BufferFullError,
  failFast,
  InvalidRecordError,
  ProducerClosedError,
  type ProducerRecord,
  partitioners,
  RecordFailedError,
} from '../../src/index.js'
import { startLyingWorld } from '../support/liar.js'
import { open, startWorld, valuesIn, watch } from '../support/world.js'

const CLUSTER = { nodes: 3, topics: { t: { partitions: 6 }, one: { partitions: 1 } }, replyDelayMs: 5 }
const records = (count: number, topic = 't') =>
  Array.from({ length: count }, (_, i) => ({ topic, key: `k${i % 50}`, value: `v${i}`, metadata: i }))

test('every record is acked once, at the offset where it is, in the order of its partition', async () => {
  const world = await startWorld({ cluster: CLUSTER, producer: { batchSize: 500 } })
  const input = records(2000)
  const acks = watch(from(input).pipe(world.producer.send<number>()))
  await world.time.until(() => acks.done)
  assert.equal(acks.values.length, input.length)
  const seen = new Set<number>()
  const last = new Map<number, bigint>()
  const logs = [0, 1, 2, 3, 4, 5].map(partition => world.cluster.records('t', partition))
  for (const ack of acks.values) {
    assert.ok(ack.kind === 'acked')
    const stored = logs[ack.partition]![Number(ack.offset)]
    assert.equal(String(stored?.value), ack.record.value)
    assert.equal(Number(stored?.timestamp), ack.timestamp)
    assert.equal(ack.record, input[ack.record.metadata!], 'the very object that was sent')
    assert.ok(ack.offset > (last.get(ack.partition) ?? -1n))
    last.set(ack.partition, ack.offset)
    seen.add(ack.record.metadata!)
  }
  assert.equal(seen.size, input.length)
  await world.end()
})

test('nothing is sent, and nothing connects, before there is a subscriber and a record', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  const sending = from(records(10)).pipe(world.producer.send())
  const empty = watch(of<ProducerRecord>().pipe(world.producer.send()))
  const never = watch(NEVER.pipe(world.producer.send()))
  await world.time.advance(1000)
  assert.equal(world.cluster.trace.length, 0)
  assert.ok(empty.done)
  assert.ok(!never.done)
  never.unsubscribe()
  const acks = watch(sending)
  await world.time.until(() => acks.done)
  assert.equal(acks.values.length, 10)
  await world.end()
})

test('sendBatches: one ack for what was settled together, with every record in it', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  const acks = watch(from(records(300)).pipe(world.producer.sendBatches<number>()))
  await world.time.until(() => acks.done)
  assert.ok(acks.values.length <= 12, `${acks.values.length} acks`)
  const seen: number[] = []
  for (const batch of acks.values) {
    assert.equal(batch.kind, 'acked')
    const each = [...batch]
    const called: unknown[] = []
    batch.forEach(ack => {
      called.push(ack)
    })
    assert.deepEqual(called, each)
    assert.equal(each.length, batch.count)
    each.forEach((ack, i) => {
      assert.ok(ack.kind === 'acked')
      assert.equal(ack.offset, batch.baseOffset + BigInt(i))
      seen.push(ack.record.metadata!)
    })
  }
  assert.equal(new Set(seen).size, 300)
  await world.end()
})

test('several streams share batches, and each gets its own acks', async () => {
  const world = await startWorld({ cluster: CLUSTER, producer: { linger: 20 } })
  const streams = [0, 1, 2].map(() => open<string>(world.producer))
  for (let i = 0; i < 30; i++) streams[i % 3]!.push.next({ topic: 'one', value: `v${i}`, metadata: `stream ${i % 3}` })
  const batches = watch(from(records(10, 'one')).pipe(world.producer.sendBatches()))
  for (const { push } of streams) push.complete()
  await world.time.until(() => streams.every(({ acks }) => acks.done) && batches.done)
  assert.equal(world.cluster.batches('one', 0).length, 1, 'all of them in one batch')
  streams.forEach(({ acks }, i) => {
    assert.deepEqual(
      acks.values.map(ack => ack.record.metadata),
      new Array(10).fill(`stream ${i}`),
    )
    assert.deepEqual(
      acks.values.map(ack => ack.kind === 'acked' && Number(ack.offset) % 3),
      new Array(10).fill(i),
    )
  })
  assert.deepEqual(
    batches.values.map(({ count, baseOffset }) => [count, baseOffset]),
    [[10, 30n]],
  )
  await world.end()
})

test('records that cannot be sent fail in-band, and their neighbours are unharmed', async () => {
  const world = await startWorld({ cluster: CLUSTER, producer: { maxRequestSize: 10_000 } })
  const bad = [
    { value: 'no topic' },
    { topic: 't', value: 5 },
    { topic: 't' },
    { topic: 't', value: 'v', headers: { a: 5 } },
    { topic: 't', value: 'v', key: {} },
    { topic: 't', value: 'x'.repeat(10_000) },
    { topic: 't', value: 'v', partition: 6 },
    { topic: 't', value: 'v', partition: -1 },
    undefined,
  ] as unknown as ProducerRecord[]
  const mixed = bad.flatMap((record, i) => [{ topic: 't', value: `good ${i}` }, record])
  for (const acks of [
    watch(from(mixed).pipe(world.producer.send())),
    watch(world.producer.publish(mixed)),
    watch(world.producer.publish(from(mixed))),
  ]) {
    await world.time.until(() => acks.done)
    assert.equal(acks.values.length, mixed.length)
    const failed = acks.values.filter(ack => ack.kind !== 'acked')
    assert.equal(failed.length, bad.length)
    for (const ack of failed) {
      assert.ok(ack.kind === 'failed' && ack.error instanceof InvalidRecordError)
      assert.equal(ack.persisted, 'no')
      assert.equal(ack.attempts, 0)
      assert.ok(bad.includes(ack.record))
    }
    const texts = failed.map(ack => (ack.kind === 'failed' ? ack.error.message : ''))
    assert.ok(texts.some(text => /its `partition` is 6, but topic t has only 6, counted from 0/.test(text)))
    assert.ok(texts.some(text => /more than `maxRequestSize` \(10000\)/.test(text)))
  }
  const stored = [0, 1, 2, 3, 4, 5].flatMap(partition => valuesIn(world.cluster, 't', partition))
  assert.equal(stored.length, 3 * bad.length)
  const batches = watch(from(mixed).pipe(world.producer.sendBatches()))
  await world.time.until(() => batches.done)
  assert.equal(batches.values.filter(batch => batch.kind === 'failed').length, bad.length)
  assert.equal(
    batches.values.reduce((sum, batch) => sum + batch.count, 0),
    mixed.length,
  )
  await world.end()
})

test('a partitioner that throws, or names no partition, fails its record only', async () => {
  const world = await startWorld({
    cluster: CLUSTER,
    producer: {
      partitioner: record => {
        if (record.value === 'throw') throw new Error('no idea')
        return record.value === 'nan' ? Number.NaN : 3
      },
    },
  })
  const input = ['a', 'throw', 'b', 'nan', 'c'].map(value => ({ topic: 't', value }))
  const acks = watch(from(input).pipe(world.producer.send()))
  await world.time.until(() => acks.done)
  assert.deepEqual(valuesIn(world.cluster, 't', 3), ['a', 'b', 'c'])
  const errors = acks.values.flatMap(ack => (ack.kind === 'failed' ? [ack.error.message] : []))
  assert.equal(errors.length, 2)
  assert.match(errors.join(), /no idea/)
  await world.end()
})

test('roundRobin gives records to the partitions in turn, also the first ones, which await metadata', async () => {
  const world = await startWorld({ cluster: CLUSTER, producer: { partitioner: partitioners.roundRobin() } })
  const input = Array.from({ length: 9 }, (_, i) => ({ topic: 't', key: i % 2 ? 'same' : undefined, value: String(i) }))
  const acks = watch(from(input).pipe(world.producer.send()))
  await world.time.until(() => acks.done)
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map(partition => valuesIn(world.cluster, 't', partition)),
    [['0', '6'], ['1', '7'], ['2', '8'], ['3'], ['4'], ['5']],
  )
  await world.end()
})

test('roundRobin passes over a partition without a leader, also for the first records, and returns when it has one', async () => {
  let leaderless = true
  const world = await startLyingWorld(
    {
      Metadata: answer => ({
        ...answer,
        topics: answer.topics.map(topic => ({
          ...topic,
          partitions: topic.partitions.map(one =>
            leaderless && one.partitionIndex === 1 ? { ...one, leaderId: -1 } : one,
          ),
        })),
      }),
    },
    {
      cluster: { topics: { t: { partitions: 3 } } },
      producer: { partitioner: partitioners.roundRobin(), metadataMaxAgeMs: 1_000 },
    },
  )
  for (const first of ['0', '4']) {
    const values = Array.from({ length: 4 }, () => ({ topic: 't', value: first }))
    const acks = watch(from(values).pipe(world.producer.send()))
    await world.time.until(() => acks.done, 1_000)
    assert.deepEqual(new Set(acks.values.map(ack => ack.kind === 'acked' && ack.partition)), new Set([0, 2]))
  }
  leaderless = false
  await world.time.advance(2_000)
  const acks = watch(from(['a', 'b', 'c'].map(value => ({ topic: 't', value }))).pipe(world.producer.send()))
  await world.time.until(() => acks.done, 1_000)
  assert.equal(valuesIn(world.cluster, 't', 1).length, 1)
  await world.end()
})

test('a source that errors: everything accepted is acked first, then comes the error', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  const boom = new Error('boom')
  const source = concat(
    from(records(100)),
    throwError(() => boom),
  )
  for (const acks of [
    watch(source.pipe(world.producer.send())),
    watch(world.producer.publish(source)),
    watch(
      world.producer.publish(
        (function* () {
          yield* records(100)
          throw boom
        })(),
      ),
    ),
  ]) {
    await world.time.until(() => acks.error !== undefined)
    assert.equal(acks.error, boom)
    assert.equal(acks.values.filter(ack => ack.kind === 'acked').length, 100)
  }
  await world.end()
})

test('unsubscribing ends the intake; what was accepted is delivered', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  const { push, acks } = open(world.producer)
  push.next({ topic: 'one', value: 'a' })
  push.next({ topic: 'one', value: 'b' })
  acks.unsubscribe()
  assert.ok(!push.observed)
  push.next({ topic: 'one', value: 'not taken' })
  await world.time.until(world.producer.flush())
  assert.deepEqual(valuesIn(world.cluster, 'one', 0), ['a', 'b'])
  assert.equal(acks.values.length, 0)
  await world.end()
})

test('operators downstream: take ends the intake, share has one intake, an ack handler may send', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  const push = new Subject<ProducerRecord>()
  const two = watch(push.pipe(world.producer.send(), take(2)))
  for (let i = 0; i < 5; i++) push.next({ topic: 'one', value: `v${i}` })
  await world.time.until(() => two.done)
  assert.equal(two.values.length, 2)
  assert.ok(!push.observed)

  const shared = from(records(10, 'one')).pipe(world.producer.send(), share())
  const [a, b] = [watch(shared), watch(shared)]
  await world.time.until(() => a.done && b.done)

  const again = new Subject<ProducerRecord<number>>()
  const chain: number[] = []
  again.pipe(world.producer.send()).subscribe(ack => {
    const step = ack.record.metadata!
    chain.push(step)
    if (step < 20) again.next({ topic: 'one', value: `chain ${step}`, metadata: step + 1 })
    else again.complete()
  })
  again.next({ topic: 'one', value: 'chain', metadata: 0 })
  await world.time.until(() => chain.length === 21)
  await world.end()
})

test('failFast: the first record that is not acked ends the stream', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  const input = [
    { topic: 't', value: 'a' },
    { topic: '', value: 'b' },
  ] as ProducerRecord[]
  const acks = watch(from(input).pipe(world.producer.send(), failFast()))
  assert.ok(acks.error instanceof RecordFailedError)
  assert.equal(acks.error.ack.record, input[1])
  assert.match(acks.error.message, /`topic` must be a non-empty string/)
  await world.time.until(world.producer.flush())
  await world.end()
})

test('flush waits for what was accepted before it, and for nothing later', async () => {
  const world = await startWorld({ cluster: CLUSTER, producer: { linger: 60_000 } })
  const { push, acks } = open(world.producer)
  await world.time.until(world.producer.flush())
  push.next({ topic: 'one', value: 'a' })
  const flushed = world.producer.flush()
  await world.time.until(flushed)
  assert.equal(acks.values.length, 1)
  assert.ok(world.time.now() < 1000, 'the linger is not waited for')
  push.next({ topic: 'one', value: 'b' })
  await world.time.advance(1000)
  assert.equal(acks.values.length, 1, 'b lingers')
  await world.end()
})

test('linger: records wait for company, a full batch does not', async () => {
  const world = await startWorld({
    cluster: { ...CLUSTER, replyDelayMs: 0 },
    producer: { linger: 50, batchSize: 1000 },
  })
  const { push, acks } = open(world.producer)
  push.next({ topic: 'one', value: 'a' })
  await world.time.advance(40)
  push.next({ topic: 'one', value: 'b' })
  await world.time.advance(9)
  assert.equal(acks.values.length, 0)
  await world.time.advance(1)
  assert.equal(acks.values.length, 2)
  assert.equal(world.cluster.batches('one', 0).length, 1)
  for (let i = 0; i < 30; i++) push.next({ topic: 'one', value: 'x'.repeat(100) })
  await world.time.advance(0)
  assert.ok(acks.values.length >= 24, `${acks.values.length}: full batches are sent at once`)
  await world.end()
})

test('close: open streams get what they are owed, then an error, for their sources have not ended; later ones get one at once', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  const { push, acks } = open(world.producer)
  push.next({ topic: 'one', value: 'a' })
  const idle = open(world.producer)
  const closed = world.producer.close()
  assert.equal(world.producer.close(), closed)
  push.next({ topic: 'one', value: 'too late' })
  assert.ok(!push.observed)
  assert.ok(idle.acks.error instanceof ProducerClosedError)
  assert.match(idle.acks.error.message, /: 0 of its records had been accepted/)
  const ended = watch(from(records(1, 'one')).pipe(world.producer.send()))
  assert.ok(ended.error instanceof ProducerClosedError)
  await world.time.until(closed)
  assert.equal(acks.values.length, 1)
  assert.ok(acks.error instanceof ProducerClosedError)
  assert.match(acks.error.message, /: 1 of its records had been accepted/)
  assert.deepEqual(valuesIn(world.cluster, 'one', 0), ['a'])
  const late = watch(from(records(1)).pipe(world.producer.send()))
  assert.ok(late.error instanceof ProducerClosedError)
  assert.equal(world.events.at(-1)?.kind, 'closed')
  await world.end()
})

test('close: a stream whose source has ended completes as it would have', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  const acks = watch(from(records(3, 'one')).pipe(world.producer.send()))
  await world.time.until(world.producer.close())
  assert.deepEqual([acks.done, acks.error, acks.values.length], [true, undefined, 3])
  await world.end()
})

test('a producer that was never used closes at once', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  await world.producer.close()
  await world.end()
})

test('publish pulls by credit: never further than the buffer allows, and loses nothing', async () => {
  const bufferMemory = 40_000
  const world = await startWorld({
    cluster: CLUSTER,
    producer: { bufferMemory, maxRequestSize: 10_000, batchSize: 2000 },
  })
  let pulled = 0
  let most = 0
  function* source() {
    for (let i = 0; i < 5000; i++) {
      pulled++
      most = Math.max(most, world.producer.bufferedBytes)
      yield { topic: 't', key: `k${i}`, value: 'x'.repeat(100) }
    }
  }
  const acks = watch(world.producer.publish(source()))
  await world.time.advance(0)
  assert.ok(pulled < 400, `${pulled} were pulled before the first answer`)
  await world.time.until(() => acks.done)
  assert.equal(acks.values.filter(ack => ack.kind === 'acked').length, 5000)
  assert.ok(most <= bufferMemory - 10_000, `${most} bytes`)
  await world.end()
})

test('publish takes async iterables and promises, and closes an iterator that is not wanted any more', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  let closed = false
  async function* source() {
    try {
      for (const record of records(1000)) yield record
    } finally {
      closed = true
    }
  }
  const all = watch(world.producer.publish(source()))
  await world.time.until(() => all.done)
  assert.equal(all.values.length, 1000)
  closed = false
  const some = watch(world.producer.publish(source()).pipe(take(1)))
  await world.time.until(() => some.done && closed)
  const one = watch(world.producer.publish(Promise.resolve({ topic: 'one', value: 'v' })))
  await world.time.until(() => one.done)
  await world.end()
})

for (const overflow of ['error', 'reject'] as const) {
  test(`a push source that finds the buffer full: ${overflow}`, async () => {
    const world = await startWorld({
      cluster: CLUSTER,
      producer: { bufferMemory: 20_000, maxRequestSize: 10_000, overflow },
    })
    const { push, acks } = open(world.producer)
    let most = 0
    for (let i = 0; i < 1000; i++) {
      push.next({ topic: 't', value: 'x'.repeat(100) })
      most = Math.max(most, world.producer.bufferedBytes)
    }
    push.complete()
    await world.time.until(() => acks.done || acks.error !== undefined)
    assert.ok(most <= 20_000 && most > 19_000, `${most} bytes`)
    const acked = acks.values.filter(ack => ack.kind === 'acked').length
    const stored = [0, 1, 2, 3, 4, 5].reduce((sum, i) => sum + world.cluster.records('t', i).length, 0)
    assert.equal(stored, acked)
    if (overflow === 'error') {
      assert.ok(acks.error instanceof BufferFullError)
      assert.match(acks.error.message, /`bufferMemory` \(20000\).*`publish\(\)`/)
      assert.equal(acks.values.length, acked, 'and before it every ack that was owed')
    } else {
      const failed = acks.values.filter(ack => ack.kind === 'failed')
      assert.equal(acked + failed.length, 1000)
      assert.ok(failed.every(ack => ack.kind === 'failed' && ack.error instanceof BufferFullError))
    }
    await world.end()
  })
}

test('a synchronous source of 10^6 records does not overflow the stack', async () => {
  const world = await startWorld({ cluster: { ...CLUSTER, trace: false }, producer: { bufferMemory: 2 ** 30 } })
  let acked = 0
  let done = false
  const source = {
    *[Symbol.iterator]() {
      for (let i = 0; i < 1_000_000; i++) yield { topic: 't', value: 'v' }
    },
  }
  from(source)
    .pipe(world.producer.sendBatches())
    .subscribe({
      next: ack => {
        acked += ack.count
      },
      complete: () => {
        done = true
      },
    })
  await world.time.until(() => done)
  assert.equal(acked, 1_000_000)
  await world.end()
})

test('a pull source goes on when records that waited for metadata take less room in their batches', async () => {
  const world = await startWorld({
    cluster: { topics: { t: { partitions: 1 } } },
    producer: { bufferMemory: 20_000, maxRequestSize: 1_024, batchSize: 1_024 },
  })
  world.cluster.inject({ api: 'InitProducerId', fault: { kind: 'error', code: 14 }, times: Number.POSITIVE_INFINITY })
  let taken = 0
  const source = function* () {
    for (; taken < 2_000; taken++) yield { topic: 't', value: `${taken}` }
  }
  const acks = watch(world.producer.publish(source()))
  const unplaced = taken
  await world.time.until(() => world.events.some(({ kind }) => kind === 'metadata'))
  await world.time.advance(50)
  assert.ok(taken > unplaced, `${taken} taken, ${unplaced} of them before metadata came`)
  assert.ok(world.producer.bufferedBytes > 20_000 - 2 * 1_024)
  acks.unsubscribe()
  await world.end()
})

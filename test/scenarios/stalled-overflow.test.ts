import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { from, Subject } from 'rxjs'
import {
  type Ack,
  BufferFullError,
  type Failed,
  type ProducerOptions,
  type ProducerRecord,
  type RecordFailedError,
} from '../../src/index.js'
import type { MetadataResponse } from '../../src/protocol/messages/metadata.js'
import type { Fault, FaultRule } from '../../src/testing/index.js'
import { startLyingWorld } from '../support/liar.js'
import { type Seen, startWorld, type World, watch } from '../support/world.js'

const PARTITIONS = 4
const CLUSTER = { nodes: 2, topics: { t: { partitions: PARTITIONS } }, replyDelayMs: 5 }
const BUFFER = 1_000_000
/** Of which 200 records fill three quarters. */
const SMALL = { bufferMemory: 200_000 }
const SIZES: Partial<ProducerOptions> = { bufferMemory: BUFFER, maxRequestSize: 10_000, batchSize: 5_000 }

/** A world in which nobody leads these partitions while `leaderless` says so. */
async function startLeaderless(
  producer: Partial<ProducerOptions>,
  leaderless: (partition: number) => boolean,
): Promise<World> {
  const lie = (answer: MetadataResponse): MetadataResponse => ({
    ...answer,
    topics: answer.topics.map(topic => ({
      ...topic,
      partitions: topic.partitions.map(one => (leaderless(one.partitionIndex) ? { ...one, leaderId: -1 } : one)),
    })),
  })
  return await startLyingWorld(
    { Metadata: lie },
    { cluster: CLUSTER, producer: { ...SIZES, metadataMaxAgeMs: 1_000, random: () => 0, ...producer } },
  )
}

/** Records of 100 bytes, to each partition in turn. */
const recordOf = (i: number): ProducerRecord<number> => ({
  topic: 't',
  partition: i % PARTITIONS,
  value: `${i}`.padEnd(100, '.'),
  metadata: i,
})

/** What goes wrong: nobody leads some partitions, and what happens with node 1. */
interface Trouble {
  readonly leaderless?: (partition: number) => boolean
  readonly faults?: readonly FaultRule[]
}

/** How a source gives its records to the producer: one each ms, if it is taken. */
type Way = (world: World) => { tick(): void; end(): void; acks: Seen<Ack<number>> }

const WAYS: Readonly<Record<string, Way>> = {
  'publish(), pulled': ({ producer }) => {
    const ticks$ = new Subject<void>()
    let ended = false
    const source = async function* (): AsyncGenerator<ProducerRecord<number>> {
      for (let i = 0; ; i++) {
        await new Promise<void>(resolve => {
          const waiting = ticks$.subscribe(() => {
            waiting.unsubscribe()
            resolve()
          })
        })
        if (ended) return
        yield recordOf(i)
      }
    }
    const acks = watch(producer.publish<number>(source()))
    return {
      tick: () => ticks$.next(),
      end: () => {
        ended = true
        ticks$.next()
      },
      acks,
    }
  },
  'send()': ({ producer }) => {
    const push = new Subject<ProducerRecord<number>>()
    const acks = watch(push.pipe(producer.send<number>()))
    let i = 0
    return { tick: () => push.next(recordOf(i++)), end: () => push.complete(), acks }
  },
}

interface Measured {
  /** Acks a second, in the last two of ten seconds. */
  readonly rate: number
  /** What failed in the ten seconds. */
  readonly failed: readonly Failed<number>[]
  readonly mostBuffered: number
  /** Acks by partition of 400 records that were sent when all was well again. */
  readonly wellAgain: readonly number[]
  readonly error: Error | undefined
}

/** Ten seconds of trouble, then all is well again. */
async function measure(
  way: Way,
  producer: Partial<ProducerOptions>,
  { leaderless = () => false, faults = [] }: Trouble,
): Promise<Measured> {
  let over = false
  const world = await startLeaderless(producer, partition => !over && leaderless(partition))
  const node = 1
  const injected = faults.map(rule => world.cluster.inject({ node, times: Number.POSITIVE_INFINITY, ...rule }))
  const { tick, end, acks } = way(world)
  const acked = (): number => acks.values.filter(({ kind }) => kind === 'acked').length
  let [before, mostBuffered] = [0, 0]
  for (let ms = 0; ms < 10_000; ms++) {
    if (ms === 8_000) before = acked()
    tick()
    await world.time.advance(1)
    mostBuffered = Math.max(mostBuffered, world.producer.bufferedBytes)
  }
  const rate = (acked() - before) / 2
  const failed = acks.values.filter(ack => ack.kind === 'failed')
  over = true
  for (const one of injected) one.remove()
  await world.time.advance(60_000)
  const earlier = acks.values.length
  for (let ms = 0; ms < 400; ms++) {
    tick()
    await world.time.advance(1)
  }
  end()
  await world.time.until(() => acks.done || acks.error !== undefined)
  const later = acks.values.slice(earlier)
  const wellAgain = Array.from({ length: PARTITIONS }, (_, partition) => {
    return later.filter(ack => ack.kind === 'acked' && ack.partition === partition).length
  })
  await world.end()
  return { rate, failed, mostBuffered, wellAgain, error: acks.error }
}

const on = (apis: readonly string[], fault: Fault): FaultRule[] => apis.map(api => ({ api, fault }))
const FIRST = [0, 2]

/** What keeps partitions from sending, which, and what is said of it. Node 1 leads 0 and 2. */
const TROUBLES: Readonly<Record<string, { trouble: Trouble; stalled: readonly number[]; why: RegExp }>> = {
  'nobody leads one': {
    trouble: { leaderless: partition => partition === 0 },
    stalled: [0],
    why: /partition t-0 can't send at present \(partition t-0 has no leader\)/,
  },
  'nobody leads three': {
    trouble: { leaderless: partition => partition > 0 },
    stalled: [1, 2, 3],
    why: /\(partition t-\d+ has no leader/,
  },
  'their broker never answers': {
    trouble: { faults: on(['Produce'], { kind: 'neverAnswer' }) },
    stalled: FIRST,
    why: /\(broker 1 has not answered for more than 1000 ms\)/,
  },
  'their broker cuts every connection': {
    trouble: { faults: on(['Produce', 'ApiVersions'], { kind: 'dropBeforeAppend' }) },
    stalled: FIRST,
    why: /connection/,
  },
  'their broker asks for a pause': {
    trouble: { faults: on(['Produce'], { kind: 'throttle', ms: 30_000 }) },
    stalled: FIRST,
    why: /broker 1 has asked to be sent nothing for 30000 ms/,
  },
  'one is answered with NOT_ENOUGH_REPLICAS': {
    trouble: { faults: [{ partition: 0, fault: { kind: 'error', code: 19 } }] },
    stalled: [0],
    why: /partition t-0 can't send at present \(NOT_ENOUGH_REPLICAS/,
  },
}

describe('partitions that cannot send, and records for each of four in turn, 1,000 a second', () => {
  for (const [name, { trouble, stalled, why }] of Object.entries(TROUBLES)) {
    const healthy = 250 * (PARTITIONS - stalled.length)

    for (const [how, way] of Object.entries(WAYS)) {
      test(`${name}, ${how}: with 'reject' the others go on`, async () => {
        const measured = await measure(way, { stalledOverflow: 'reject' }, trouble)
        const { rate, failed, mostBuffered, wellAgain, error } = measured
        assert.deepEqual([Math.round(rate), error], [healthy, undefined])
        assert.equal(mostBuffered <= BUFFER, true)
        assert.equal(failed.length > 250, true, `${failed.length} failed`)
        for (const { error, persisted, record } of failed) {
          assert.ok(error instanceof BufferFullError)
          assert.deepEqual([error.topic, error.partition, persisted], ['t', record.partition, 'no'])
          assert.equal(stalled.includes(error.partition!), true)
        }
        assert.match(failed[0]!.error.message, why)
        assert.deepEqual(wellAgain, [100, 100, 100, 100])
      })
    }

    test(`${name}, publish() by default: none fails, and all wait once the buffer is full`, async () => {
      const { rate, failed, wellAgain } = await measure(WAYS['publish(), pulled']!, {}, trouble)
      assert.deepEqual([rate, failed, wellAgain], [0, [], [100, 100, 100, 100]])
    })

    test(`${name}, send() with overflow 'reject': the others go on by default`, async () => {
      const { rate, failed } = await measure(WAYS['send()']!, { overflow: 'reject' }, trouble)
      assert.deepEqual(
        [Math.round(rate), [...new Set(failed.map(({ record }) => record.partition))].sort()],
        [healthy, stalled],
      )
    })
  }

  test("send() with overflow 'error' by default: the stream ends when the buffer is full, not before", async () => {
    const { error, mostBuffered } = await measure(WAYS['send()']!, {}, TROUBLES['nobody leads one']!.trouble)
    assert.equal(error instanceof BufferFullError && error.partition === undefined, true)
    assert.equal(mostBuffered > BUFFER - 1_000, true)
  })
})

test('a buffer that healthy partitions fill refuses nothing, whatever the source', async () => {
  const world = await startLeaderless({ stalledOverflow: 'reject' }, () => false)
  const acks = watch(world.producer.publish(Array.from({ length: 5_000 }, (_, i) => recordOf(i))))
  let most = 0
  await world.time.until(() => {
    most = Math.max(most, world.producer.bufferedBytes)
    return acks.done
  })
  assert.deepEqual([acks.values.length, new Set(acks.values.map(({ kind }) => kind))], [5_000, new Set(['acked'])])
  assert.equal(most > BUFFER - 11_000, true)
  await world.end()
})

test('records that expire make room for others of their partition', async () => {
  const options = { ...SMALL, stalledOverflow: 'reject', deliveryTimeoutMs: 2_000, requestTimeoutMs: 1_000 } as const
  const world = await startLeaderless(options, partition => partition === 0)
  const push = new Subject<ProducerRecord<number>>()
  const acks = watch(push.pipe(world.producer.send<number>()))
  push.next(recordOf(1))
  await world.time.until(() => acks.values.length === 1)
  for (let i = 0; i < 400; i++) push.next(recordOf(0))
  await world.time.advance(1_900)
  const refused = acks.values.length - 1
  assert.equal(refused > 150 && refused < 200, true, `${refused} of 400 refused`)
  await world.time.advance(200)
  assert.equal(acks.values.length, 401, 'the others have expired')
  for (let i = 0; i < 100; i++) push.next(recordOf(0))
  assert.equal(acks.values.length, 401, 'there is room again')
  push.complete()
  await world.time.until(() => acks.done)
  await world.end()
})

test("sendOne(): with 'reject' a record whose partition can't send is refused at once, others resolve; by default all wait", async () => {
  for (const stalledOverflow of ['reject', 'wait'] as const) {
    const world = await startLeaderless({ ...SMALL, stalledOverflow }, partition => partition === 0)
    const ends: string[] = []
    for (let i = 0; i < 400; i++) {
      void world.producer.sendOne(recordOf(0)).then(
        () => ends.push('acked'),
        (error: RecordFailedError) => ends.push(error.ack.error.constructor.name),
      )
    }
    await world.time.advance(2_000)
    const other = world.producer.sendOne(recordOf(1)).then(({ kind }) => kind)
    const first = await Promise.race([other, world.time.advance(2_000).then(() => 'waits')])
    assert.equal(first, stalledOverflow === 'reject' ? 'acked' : 'waits')
    assert.deepEqual(new Set(ends), new Set(stalledOverflow === 'reject' ? ['BufferFullError'] : []))
    await world.time.until(other)
    await world.end()
  }
})

test('what asynchronous serializers have made is refused in the same way', async () => {
  const world = await startLeaderless({ ...SMALL, stalledOverflow: 'reject' }, partition => partition === 0)
  const data = Array.from({ length: 2_000 }, (_, i) => i)
  const acks = watch(
    world.producer.publish(data, {
      topic: 't',
      partition: i => i % PARTITIONS,
      value: async i => recordOf(i).value as string,
    }),
  )
  await world.time.until(() => acks.values.length > 1_700, 2_000)
  await world.time.advance(1_000)
  const kinds = [0, 1].map(
    wanted =>
      new Set(acks.values.filter(({ record }) => record.metadata! % PARTITIONS === wanted).map(({ kind }) => kind)),
  )
  assert.deepEqual(kinds, [new Set(['failed']), new Set(['acked'])])
  await world.time.until(() => acks.done)
  await world.end()
})

describe('a topic of which nothing is learnt', () => {
  test('holds its share only, with what the last answer said', async () => {
    const world = await startWorld({
      cluster: { ...CLUSTER, autoCreateTopics: false },
      producer: { ...SIZES, ...SMALL, stalledOverflow: 'reject' },
    })
    const records = Array.from({ length: 2_000 }, (_, i) => ({ ...recordOf(i), topic: i % 2 === 0 ? 't' : 'unknown' }))
    const acks = watch(world.producer.publish(records))
    await world.time.until(() => acks.values.length > 1_500, 5_000)
    const failed = acks.values.filter(ack => ack.kind === 'failed')
    const [{ error }] = failed as [Failed<number>]
    assert.ok(error instanceof BufferFullError)
    assert.deepEqual([error.topic, error.partition], ['unknown', -1])
    assert.match(error.message, /topic unknown can't send at present \(UNKNOWN_TOPIC_OR_PARTITION/)
    await world.time.until(() => acks.done)
    assert.equal(acks.values.filter(({ kind }) => kind === 'acked').length, 1_000)
    await world.end()
  })

  test('may fill the buffer while the first answer is on its way', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: { ...SIZES, ...SMALL, overflow: 'reject' } })
    const acks = watch(from(Array.from({ length: 270 }, (_, i) => recordOf(i))).pipe(world.producer.send()))
    await world.time.until(() => acks.done)
    assert.deepEqual(new Set(acks.values.map(({ kind }) => kind)), new Set(['acked']))
    await world.end()
  })
})

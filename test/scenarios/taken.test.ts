/** A record is read once, when it is taken: what the producer stores does not depend on what becomes of it afterwards. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { Subject } from 'rxjs'
import { type Ack, InvalidRecordError, type ProducerOptions, type ProducerRecord } from '../../src/index.js'
import { open, startWorld, valuesIn, type World, watch } from '../support/world.js'

const CLUSTER = { topics: { t: { partitions: 1 }, two: { partitions: 2 } } }
const count = (to: number): number[] => [...Array(to).keys()]
/** Bytes of a fixed length, so that one Buffer has room for each. */
const text = (n: number): string => `v${String(n).padStart(6, '0')}`
const texts = (to: number): string[] => count(to).map(text)

/** Everything of a record that is stored. */
const stored = ({ cluster }: World): string[] =>
  cluster
    .records('t', 0)
    .map(({ key, value, headers, timestamp }) => `${key} ${value} ${headers.map(String)} ${timestamp}`)

/** What stands in a way: how it failed, or `acked`. */
const ends = (acks: readonly Ack[]): string[] =>
  acks.map(ack => (ack.kind === 'acked' ? 'acked' : `${ack.persisted} ${ack.error.name}: ${ack.error.message}`))

/** Where a record can come to lie between `next()` and its batch. */
const PLACES: Readonly<Record<string, { readonly known: boolean; readonly producer?: Partial<ProducerOptions> }>> = {
  'a topic whose metadata is on its way': { known: false },
  'a topic that is known': { known: true },
  'a partitioner, metadata on its way': { known: false, producer: { partitioner: () => 0 } },
  'a partitioner, a topic that is known': { known: true, producer: { partitioner: () => 0 } },
}

async function startAt(place: string, topic = 't'): Promise<World> {
  const { known, producer } = PLACES[place]!
  const world = await startWorld({ cluster: CLUSTER, ...(producer && { producer }) })
  if (!known) return world
  const { acks, push } = open(world.producer)
  push.next({ topic, value: 'before' })
  await world.time.until(() => acks.values.length === 1)
  for (const partition of count(world.cluster.topics.get(topic)!)) world.cluster.deleteRecords(topic, partition, 1n)
  return world
}

type Fields = { -readonly [K in keyof ProducerRecord]: ProducerRecord[K] }

/** Records as a source makes them that uses one thing for all. */
const REUSED: Readonly<Record<string, () => (n: number) => ProducerRecord>> = {
  'one Buffer': () => {
    const bytes = Buffer.alloc(7)
    return n => {
      bytes.write(text(n))
      return { topic: 't', key: bytes, value: bytes, headers: [['h', bytes]], timestamp: n }
    }
  },
  'one record object': () => {
    const record: Fields = { topic: 't', value: '' }
    return n => Object.assign(record, { key: text(n), value: text(n), headers: { h: text(n) }, timestamp: n })
  },
  ...Object.fromEntries(
    [ArrayBuffer, SharedArrayBuffer].map(kind => [
      `views on one ${kind.name}`,
      () => {
        const memory = new kind(64)
        return (n: number) => {
          new Uint8Array(memory).set(Buffer.from(text(n)), 3)
          const view = new Uint8Array(memory, 3, 7)
          return { topic: 't', key: view, value: view, headers: { h: view }, timestamp: n }
        }
      },
    ]),
  ),
  'one array of headers, and one pair in it': () => {
    const pair: [string, string] = ['h', '']
    const headers = [pair]
    return n => {
      pair[1] = text(n)
      return { topic: 't', key: text(n), value: text(n), headers, timestamp: n }
    }
  },
}

for (const place of Object.keys(PLACES)) {
  for (const [what, make] of Object.entries(REUSED)) {
    test(`${what} for 2,000 records, ${place}: stored is what was in it at each next()`, async () => {
      const world = await startAt(place)
      const { push, acks } = open(world.producer)
      const next = make()
      for (const n of count(2_000)) push.next(next(n))
      await world.time.until(world.producer.flush())
      assert.deepEqual(ends(acks.values), new Array(2_000).fill('acked'))
      assert.deepEqual(
        stored(world),
        count(2_000).map(n => `${text(n)} ${text(n)} h,${text(n)} ${n}`),
      )
      await world.end()
    })
  }
}

/** What a user may do to a record once `next()` has returned. */
const CHANGES: Readonly<Record<string, (record: Fields) => void>> = {
  'has another value, key, time': record =>
    Object.assign(record, { value: 'longer than before', key: 'x', timestamp: 9 }),
  'names another topic, and a partition that there is not': record =>
    Object.assign(record, { topic: 'elsewhere', partition: 99 }),
  'is emptied': record => {
    for (const field of Object.keys(record) as (keyof Fields)[]) delete record[field]
  },
  'gets a key of 2 MB': record => {
    record.key = Buffer.alloc(2_000_000)
  },
  'has its bytes written again': record => {
    for (const bytes of [record.key, record.value, ...(record.headers as [string, Buffer][]).map(([, value]) => value)])
      (bytes as Buffer).fill('!')
  },
  'has more headers': record => (record.headers as unknown[]).push(['more', 'x'.repeat(2_000_000)]),
  'has headers of other names and values': record => (record.headers as unknown[][])[0]!.splice(0, 2, 5, {}),
  'is of the wrong types': record =>
    Object.assign(record, { topic: 5, key: {}, value: 1, headers: 'h', timestamp: 'now' }),
}

for (const place of Object.keys(PLACES)) {
  for (const [what, change] of Object.entries(CHANGES)) {
    test(`a record that ${what} after next(), ${place}: stored as it was`, async () => {
      const world = await startAt(place)
      const { push, acks } = open(world.producer)
      for (const n of count(3)) {
        const bytes = (): Buffer => Buffer.from(text(n))
        const record: Fields = {
          topic: 't',
          key: bytes(),
          value: bytes(),
          headers: [['h', bytes()]],
          timestamp: n,
          partition: 0,
        }
        push.next(record)
        change(record)
      }
      await world.time.until(world.producer.flush())
      assert.deepEqual(ends(acks.values), ['acked', 'acked', 'acked'])
      assert.deepEqual(
        stored(world),
        count(3).map(n => `${text(n)} ${text(n)} h,${text(n)} ${n}`),
      )
      await world.end()
    })
  }

  test(`getters that give something else each time, ${place}: each is asked once`, async () => {
    const world = await startAt(place)
    const { push, acks } = open(world.producer)
    const asked: Record<string, number> = {}
    const first: Record<string, unknown> = {
      topic: 't',
      key: 'key',
      value: 'first',
      partition: 0,
      timestamp: 1,
      headers: { h: '1' },
    }
    const later: Record<string, unknown> = {
      topic: 'elsewhere',
      key: 'another key',
      value: 'second-and-longer',
      partition: 9,
      timestamp: 2,
      headers: { other: 'and longer' },
    }
    const record = {}
    for (const field of Object.keys(first)) {
      const get = (): unknown => {
        asked[field] = (asked[field] ?? 0) + 1
        return asked[field] === 1 ? first[field] : later[field]
      }
      Object.defineProperty(record, field, { get, enumerable: true })
    }
    push.next(record as ProducerRecord)
    await world.time.until(world.producer.flush())
    assert.deepEqual(ends(acks.values), ['acked'])
    assert.deepEqual(stored(world), ['key first h,1 1'])
    assert.deepEqual(asked, { topic: 1, key: 1, value: 1, partition: 1, timestamp: 1, headers: 1 })
    await world.end()
  })
}

/** Thrown by what a record holds. */
const boom = (): never => {
  throw new Error('boom')
}
const with_ = (field: string, get: () => unknown): object =>
  Object.defineProperty({ topic: 't', value: 'bad' }, field, { get, enumerable: true })
const FIELDS = ['topic', 'key', 'value', 'partition', 'timestamp', 'headers']
const revoked = Proxy.revocable({}, {})
revoked.revoke()

/** Records that cannot be sent, with what their error names. */
const BAD: Readonly<Record<string, readonly [unknown, RegExp]>> = {
  ...Object.fromEntries(
    FIELDS.flatMap(field => [
      [`a getter of ${field} that throws`, [with_(field, boom), new RegExp(`\`${field}\` could not be read: boom`)]],
      [
        `a proxy that throws for ${field}`,
        [
          new Proxy(
            { topic: 't', value: 'bad' },
            { get: (target, name) => (name === field ? boom() : Reflect.get(target, name)) },
          ),
          new RegExp(`\`${field}\` could not be read: boom`),
        ],
      ],
    ]),
  ),
  'a revoked proxy': [revoked.proxy, /`topic` could not be read/],
  ...Object.fromEntries(
    Object.entries({
      'an iterable that throws': { [Symbol.iterator]: boom },
      'an iterator that throws': { [Symbol.iterator]: () => ({ next: boom }) },
      'an iterator that throws midway': {
        *[Symbol.iterator]() {
          yield ['h', '1']
          boom()
        },
      },
      'a getter that throws': Object.defineProperty({}, 'h', { get: boom, enumerable: true }),
      'a pair that throws': [new Proxy(['h', '1'], { get: boom })],
      'a revoked proxy': revoked.proxy,
    }).map(([what, headers]) => [
      `headers: ${what}`,
      [{ topic: 't', value: 'bad', headers }, /`headers` could not be read/],
    ]),
  ),
  'headers that are a promise': [
    { topic: 't', value: 'bad', headers: Promise.resolve({ h: '1' }) },
    /`headers` must be an object or an iterable of \[name, value\] pairs, got an object of class Promise/,
  ],
  'a Symbol as topic': [{ topic: Symbol('s'), value: 'bad' }, /`topic` must be a non-empty string, got Symbol\(s\)/],
  'half a surrogate pair in a new topic': [
    { topic: 'half \ud83d', value: 'bad' },
    /`topic` "half \\ud83d" holds half of a surrogate pair/,
  ],
}

describe('a record that can not be read or sent', () => {
  for (const known of [false, true]) {
    for (const [what, [bad, message]] of Object.entries(BAD)) {
      test(`${what}, ${known ? 'topics known' : 'at first'}: fails alone, at once; the source learns nothing`, async () => {
        const world = await startAt(known ? 'a topic that is known' : 'a topic whose metadata is on its way')
        const { push, acks } = open(world.producer)
        const batches = watch(push.pipe(world.producer.sendBatches()))
        push.next({ topic: 't', value: 'good' })
        // Throws into the source if anything escapes.
        push.next(bad as ProducerRecord)
        push.next({ topic: 't', value: 'good' })
        const failed = acks.values.filter(ack => ack.kind === 'failed')
        assert.deepEqual([failed.length, batches.values.length], [1, 1])
        assert.equal(failed[0]!.record, bad)
        assert.deepEqual([failed[0]!.persisted, failed[0]!.attempts], ['no', 0])
        assert.equal(failed[0]!.error.constructor, InvalidRecordError)
        assert.match(failed[0]!.error.message, message)
        push.complete()
        await world.time.until(() => acks.done && batches.done)
        assert.deepEqual(ends(acks.values).slice(1), ['acked', 'acked'])
        assert.deepEqual(valuesIn(world.cluster, 't', 0), ['good', 'good', 'good', 'good'])
        await world.end()
      })
    }
  }
})

for (const place of Object.keys(PLACES)) {
  test(`bytes of another realm, ${place}: stored as others are`, async () => {
    const world = await startAt(place)
    const { push, acks } = open(world.producer)
    const bytes: Uint8Array = runInNewContext('new Uint8Array([97, 98, 99])')
    assert.equal(bytes instanceof Uint8Array, false)
    push.next({ topic: 't', key: bytes, value: bytes, headers: { h: bytes }, timestamp: 1 })
    bytes.fill(0)
    await world.time.until(world.producer.flush())
    assert.deepEqual(ends(acks.values), ['acked'])
    assert.deepEqual(stored(world), ['abc abc h,abc 1'])
    await world.end()
  })
}

describe('a partitioner', () => {
  const ANSWERS: readonly unknown[] = [
    'length',
    Symbol('s'),
    Number.NaN,
    -1,
    1.5,
    2,
    Number.POSITIVE_INFINITY,
    null,
    '0',
    0n,
  ]
  for (const known of [false, true]) {
    const place = known ? 'a topic that is known' : 'a topic whose metadata is on its way'

    test(`whose answer is no partition, or that throws, ${place}: each such record fails, the others are stored`, async () => {
      const asked: unknown[] = []
      const partitioner = ({ metadata }: ProducerRecord): number => {
        asked.push(metadata)
        if (metadata === 'throws') throw new Error('no idea')
        return metadata === undefined ? 1 : (metadata as number)
      }
      const world = await startWorld({ cluster: CLUSTER, producer: { partitioner } })
      const { push, acks } = open(world.producer)
      if (known) {
        push.next({ topic: 'two', value: 'good' })
        await world.time.until(world.producer.flush())
      }
      const given = [...ANSWERS, 'throws']
      for (const metadata of given) push.next({ topic: 'two', value: 'bad', metadata })
      push.next({ topic: 'two', value: 'good' })
      push.complete()
      await world.time.until(() => acks.done)
      const failed = acks.values.filter(ack => ack.kind === 'failed')
      assert.deepEqual(
        failed.map(({ record, persisted }) => [record.metadata, persisted]),
        given.map(metadata => [metadata, 'no']),
      )
      for (const [i, { error }] of failed.entries()) {
        const told =
          i < ANSWERS.length ? /the `partitioner` returned .* for topic two; .* from 0 to 1/ : /threw: no idea/
        assert.match(error.message, told)
      }
      assert.deepEqual(valuesIn(world.cluster, 'two', 1), new Array(known ? 2 : 1).fill('good'))
      assert.equal(asked.length, given.length + (known ? 2 : 1), 'each record is asked for once')
      await world.end()
    })

    test(`that changes what it is given, ${place}: stored as sent`, async () => {
      const partitioner = (record: ProducerRecord): number => {
        const { key, value, headers } = record as unknown as { key: Buffer; value: Buffer; headers: [string, Buffer][] }
        for (const bytes of [key, value, headers[0]![1]]) bytes.fill('!')
        headers[0]![0] = 'another'
        headers.push(['more', Buffer.alloc(2_000_000)])
        Object.assign(record, { topic: 'elsewhere', key: 'x', value: 'longer than before', timestamp: 9, partition: 1 })
        return 0
      }
      const world = await startWorld({ cluster: CLUSTER, producer: { partitioner } })
      const { push, acks } = open(world.producer)
      if (known) {
        push.next({ topic: 't', partition: 0, value: 'before' })
        await world.time.until(world.producer.flush())
        world.cluster.deleteRecords('t', 0, 1n)
      }
      const bytes = (): Buffer => Buffer.from('as sent')
      push.next({ topic: 't', key: bytes(), value: bytes(), headers: [['h', bytes()]], timestamp: 1 })
      push.complete()
      await world.time.until(() => acks.done)
      assert.deepEqual(stored(world), ['as sent as sent h,as sent 1'])
      await world.end()
    })

    test(`that sends into the same stream and others, ${place}: everything once, acked, nothing in another's bytes`, async () => {
      const inner = new Subject<ProducerRecord>()
      const partitioner = ({ value }: ProducerRecord): number => {
        const name = String(value)
        if (!name.includes('<')) {
          inner.next({ topic: 't', value: `${name}<same topic, and longer than it` })
          inner.next({ topic: 'two', value: `${name}<another` })
          void world.producer.sendOne({ topic: 't', value: `${name}<single` }).then(() => singles++)
        }
        return 0
      }
      let singles = 0
      const world = await startWorld({ cluster: CLUSTER, producer: { partitioner } })
      const [innerAcks, { push, acks }] = [watch(inner.pipe(world.producer.send())), open(world.producer)]
      if (known) {
        push.next({ topic: 't', value: 'known' })
        await world.time.until(world.producer.flush())
      }
      for (const n of count(20)) push.next({ topic: 't', value: text(n) })
      await world.time.until(world.producer.flush())
      await world.time.until(world.producer.flush())
      const outer = [...(known ? ['known'] : []), ...texts(20)]
      assert.deepEqual(
        valuesIn(world.cluster, 't', 0).sort(),
        outer.flatMap(name => [name, `${name}<same topic, and longer than it`, `${name}<single`]).sort(),
      )
      assert.deepEqual(
        valuesIn(world.cluster, 't', 0).filter(value => !value.includes('<')),
        outer,
      )
      assert.deepEqual(
        valuesIn(world.cluster, 'two', 0),
        outer.map(name => `${name}<another`),
      )
      assert.deepEqual(
        [acks.values.length, innerAcks.values.length, singles],
        [1, 2, 1].map(each => each * outer.length),
      )
      await world.end()
    })
  }
})

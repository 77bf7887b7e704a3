/** sendOne(): one record, and the promise of its ack. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, test } from 'node:test'
import { of } from 'rxjs'
import {
  type Acked,
  BufferFullError,
  DeliveryTimeoutError,
  InvalidRecordError,
  type ProducerOptions,
  type ProducerRecord,
  RecordFailedError,
} from '../../src/index.js'
import { open, startWorld, valuesIn, type World, watch } from '../support/world.js'

const CLUSTER = { topics: { t: { partitions: 1 }, four: { partitions: 4 } }, replyDelayMs: 5 }
/** Room for a few records of 900 bytes. */
const SMALL = { bufferMemory: 4_096, maxRequestSize: 1_024, batchSize: 1_024 }
const ALWAYS = Number.POSITIVE_INFINITY
const count = (to: number): number[] => [...Array(to).keys()]
const named = (name: unknown): ProducerRecord => ({ topic: 't', value: `${name}`.padEnd(900, '.') })
const names = (world: World): string[] => valuesIn(world.cluster, 't', 0).map(value => value.replaceAll('.', ''))

/** How often somebody was said to wait for room. */
const blocked = (world: World): number => world.events.filter(({ kind }) => kind === 'blocked').length

type Outcome = 'pending' | Acked | Error
interface Sent {
  readonly now: Outcome
}

/** What becomes of a promise. */
function sent(promise: Promise<Acked>): Sent {
  const result: { now: Outcome } = { now: 'pending' }
  const end = (now: Outcome): void => {
    result.now = now
  }
  promise.then(end, end)
  return result
}

/** In a word each. */
const states = (all: readonly Sent[]): string[] =>
  all.map(({ now }) => (now instanceof Error ? now.name : now === 'pending' ? now : now.kind))

/** The ack of a record that failed. */
function failed({ now }: Sent): { readonly error: Error; readonly persisted: string; readonly record: unknown } {
  if (!(now instanceof RecordFailedError)) assert.fail(`not failed: ${String(now)}`)
  assert.equal(now.persisted, now.ack.persisted)
  assert.equal(now.cause, now.ack.error)
  return now.ack
}

/** A producer whose buffer is full of records that are not answered yet, and callers that wait for room. */
async function crowd(
  callers: number,
  producer: Partial<ProducerOptions> = {},
  signals: readonly (AbortSignal | undefined)[] = [],
): Promise<{ world: World; all: Sent[]; waiting: Sent[] }> {
  const world = await startWorld({ cluster: CLUSTER, producer: { ...SMALL, ...producer } })
  const first = sent(world.producer.sendOne({ topic: 't', value: 'known' }))
  await world.time.until(() => first.now !== 'pending')
  world.cluster.deleteRecords('t', 0, 1n)
  const all = count(callers).map(n => {
    const signal = signals[n]
    return sent(world.producer.sendOne(named(n), signal === undefined ? {} : { signal }))
  })
  // There is room for two.
  return { world, all, waiting: all.slice(2) }
}

describe('a record that is stored', () => {
  test('resolves to its ack: topic, partition, offset, timestamp, and the record that was given', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const given = count(12).map(n => ({
      topic: 'four',
      value: `${n}`,
      partition: n % 4,
      timestamp: 100 + n,
      metadata: { n },
    }))
    const all = given.map(record => sent(world.producer.sendOne(record)))
    await world.time.until(() => all.every(({ now }) => now !== 'pending'))
    for (const [n, { now }] of all.entries()) {
      assert.deepEqual(
        { ...(now as Acked) },
        {
          kind: 'acked',
          topic: 'four',
          partition: n % 4,
          offset: BigInt(Math.floor(n / 4)),
          timestamp: 100 + n,
          record: given[n],
        },
      )
      assert.equal((now as Acked).record, given[n])
      assert.equal(String(world.cluster.records('four', n % 4)[Math.floor(n / 4)]!.value), `${n}`)
    }
    await world.end()
  })

  test('calls of one turn leave in one batch; between send() they keep the order in which all were made', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const { push, acks } = open(world.producer)
    const all = count(30).flatMap(n => {
      const record = { topic: 't', value: `${n}` }
      if (n % 3 > 0) return [sent(world.producer.sendOne(record))]
      push.next(record)
      return []
    })
    await world.time.until(world.producer.flush())
    assert.deepEqual(states(all), new Array(20).fill('acked'))
    assert.deepEqual([acks.values.length, acks.done], [10, false])
    assert.deepEqual(valuesIn(world.cluster, 't', 0), count(30).map(String))
    assert.equal(world.cluster.batches('t', 0).length, 1)
    await world.end()
  })

  test('a record that is read: its object and bytes may be used again when the call has returned', async () => {
    const { world, all } = await crowd(3)
    const bytes = Buffer.alloc(900)
    const record = { topic: 't', value: bytes }
    // These wait for room.
    for (const n of [3, 4, 5]) {
      bytes.fill(`${n}`)
      all.push(sent(world.producer.sendOne(record)))
    }
    Object.assign(record, { topic: 5, value: 'x'.repeat(5_000) })
    await world.time.until(() => all.every(({ now }) => now !== 'pending'))
    assert.deepEqual(names(world), ['0', '1', '2', ...[3, 4, 5].map(n => `${n}`.repeat(900))])
    await world.end()
  })

  test('flush() waits for it, though a linger would hold it back', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: { linger: 60_000 } })
    const one = sent(world.producer.sendOne({ topic: 't', value: 'v' }))
    await world.time.advance(1_000)
    assert.deepEqual(states([one]), ['pending'])
    await world.time.until(world.producer.flush(), 1_000)
    assert.deepEqual(states([one]), ['acked'])
    await world.end()
  })
})

describe('more callers than there is room for', () => {
  test('none is refused: all are stored, once, in the order of their calls; the buffer keeps its limit', async () => {
    const { world, all } = await crowd(200)
    let most = 0
    const looked = world.cluster.trace$.subscribe(() => {
      most = Math.max(most, world.producer.bufferedBytes)
    })
    await world.time.advance(0)
    assert.equal(states(all).filter(state => state !== 'pending').length, 0)
    await world.time.until(() => all.every(({ now }) => now !== 'pending'))
    looked.unsubscribe()
    assert.deepEqual(states(all), new Array(200).fill('acked'))
    assert.deepEqual(names(world), count(200).map(String))
    assert.deepEqual(
      all.map(({ now }) => (now as Acked).offset),
      count(200).map(n => BigInt(n + 1)),
    )
    assert.equal(most > 2_048 && most <= SMALL.bufferMemory, true, `${most} bytes`)
    await world.end()
  })

  test('nothing overtakes those that wait: no small record, and none from an ack handler, which runs when room is free', async () => {
    const { world, all } = await crowd(0)
    const from = (name: string): unknown => all.push(sent(world.producer.sendOne({ topic: 't', value: name })))
    const acks$ = of(named(0), named(1)).pipe(world.producer.send())
    acks$.subscribe(ack => from(`after ${String(ack.record.value)[0]}`))
    for (const n of [2, 3, 4]) all.push(sent(world.producer.sendOne(named(n))))
    from('small')
    await world.time.until(() => all.length === 6 && all.every(({ now }) => now !== 'pending'))
    assert.deepEqual(names(world), ['0', '1', '2', '3', '4', 'small', 'after 0', 'after 1'])
    await world.end()
  })

  test('beside a pulled source that waits as well: both go on, and nothing is lost', async () => {
    const { world, all } = await crowd(20)
    const acks = watch(world.producer.publish(count(20).map(n => named(20 + n))))
    await world.time.until(() => acks.done && all.every(({ now }) => now !== 'pending'))
    assert.deepEqual(
      names(world)
        .map(Number)
        .sort((a, b) => a - b),
      count(40),
    )
    await world.end()
  })

  test('from a handler of acks, as an HTTP server in a loop: each call is answered', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    let answered = 0
    const loop = async (name: number): Promise<void> => {
      for (const n of count(10)) {
        await world.producer.sendOne(named(`${name}-${n}`))
        answered++
      }
    }
    await world.time.until(Promise.all(count(20).map(loop)))
    assert.equal(answered, 200)
    const stored = names(world).sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    assert.deepEqual(
      stored,
      count(20).flatMap(name => count(10).map(n => `${name}-${n}`)),
    )
    await world.end()
  })

  test('maxBlockMs: who has waited that long gets a BufferFullError, each by its own clock; what was taken goes on', async () => {
    const { world, all, waiting } = await crowd(4, { maxBlockMs: 2_000, requestTimeoutMs: 10_000 })
    world.cluster.inject({ fault: { kind: 'delay', ms: 5_000 }, times: ALWAYS })
    await world.time.advance(1_500)
    const late = sent(world.producer.sendOne(named('late')))
    await world.time.advance(499)
    assert.deepEqual(states(all), new Array(4).fill('pending'))
    await world.time.advance(1)
    assert.deepEqual(states(waiting), ['RecordFailedError', 'RecordFailedError'])
    const { error, persisted, record } = failed(waiting[0]!)
    assert.equal(error.constructor, BufferFullError)
    assert.match(error.message, /no room for another record within `maxBlockMs` \(2000\).*partition t-0 holds/)
    assert.deepEqual(record, named(2))
    assert.equal(persisted, 'no')
    assert.deepEqual(states([late]), ['pending'])
    await world.time.advance(1_500)
    assert.equal(failed(late).error.constructor, BufferFullError)
    await world.time.until(world.producer.flush())
    assert.deepEqual(states(all), ['acked', 'acked', 'RecordFailedError', 'RecordFailedError'])
    assert.deepEqual(names(world), ['0', '1'])
    await world.end()
  })
})

describe('its signal', () => {
  const REASON = new Error('enough')

  test('aborted already: rejects with the reason, and the record is not even read', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    let read = false
    const record = {
      topic: 't',
      get value() {
        read = true
        return 'v'
      },
    }
    const one = sent(world.producer.sendOne(record, { signal: AbortSignal.abort(REASON) }))
    await world.time.advance(1_000)
    assert.deepEqual([one.now, read, world.cluster.trace.length], [REASON, false, 0])
    await world.end()
  })

  test('aborted while it waits for room: rejects at once, is never sent, and holds up nobody', async () => {
    const aborts = count(6).map(() => new AbortController())
    const { world, all } = await crowd(
      6,
      {},
      aborts.map(({ signal }) => signal),
    )
    // The first that waits, one among others, the last.
    for (const n of [2, 3, 5]) aborts[n]!.abort(REASON)
    await world.time.advance(0)
    assert.deepEqual(
      all.map(({ now }) => now),
      ['pending', 'pending', REASON, REASON, 'pending', REASON],
    )
    await world.time.until(() => all.every(({ now }) => now !== 'pending'))
    assert.deepEqual(names(world), ['0', '1', '4'])
    assert.deepEqual(
      aborts.map(({ signal }) => getEventListeners(signal, 'abort').length),
      new Array(6).fill(0),
    )
    await world.end()
  })

  test('aborted by all that wait: nobody is told of a wait, and the next one waits as if they had never been', async () => {
    const abort = new AbortController()
    const { signal } = abort
    const { world, all } = await crowd(5, {}, [undefined, undefined, signal, signal, signal])
    world.cluster.inject({ fault: { kind: 'delay', ms: 5_000 } })
    abort.abort(REASON)
    await world.time.advance(2_000)
    assert.equal(blocked(world), 0)
    all.push(sent(world.producer.sendOne(named('next'))))
    await world.time.until(() => all.every(({ now }) => now !== 'pending'))
    assert.deepEqual([names(world), blocked(world)], [['0', '1', 'next'], 1])
    await world.end()
  })

  for (const known of [true, false]) {
    test(`aborted after the record was taken, ${known ? 'a request in flight' : 'metadata on its way'}: rejects at once, delivered all the same`, async () => {
      const world = await startWorld({ cluster: CLUSTER })
      if (known) await world.time.until(world.producer.sendOne({ topic: 't', value: 'before' }))
      const abort = new AbortController()
      const one = sent(world.producer.sendOne({ topic: 't', value: 'v' }, { signal: abort.signal }))
      await world.time.advance(known ? 1 : 0)
      assert.equal(getEventListeners(abort.signal, 'abort').length, 1)
      abort.abort(REASON)
      await world.time.advance(0)
      assert.equal(one.now, REASON)
      await world.time.until(world.producer.flush())
      assert.deepEqual(valuesIn(world.cluster, 't', 0), known ? ['before', 'v'] : ['v'])
      await world.end()
    })
  }

  test('aborted too late changes nothing, and no listener is left', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const abort = new AbortController()
    const good = sent(world.producer.sendOne({ topic: 't', value: 'v' }, { signal: abort.signal }))
    const bad = sent(world.producer.sendOne({ topic: 't', value: 5 } as never, { signal: abort.signal }))
    await world.time.until(world.producer.flush())
    await world.time.advance(0)
    assert.equal(getEventListeners(abort.signal, 'abort').length, 0)
    abort.abort(REASON)
    await world.time.advance(0)
    assert.deepEqual(states([good, bad]), ['acked', 'RecordFailedError'])
    await world.end()
  })
})

describe('a record that fails', () => {
  const BAD: Readonly<Record<string, readonly [unknown, RegExp]>> = {
    'no record': [undefined, /a record must be an object, got undefined/],
    'no topic': [{ value: 'v' }, /`topic` must be a non-empty string/],
    'a value of the wrong type': [{ topic: 't', value: 5 }, /`value` must be a string, a Uint8Array or null, got 5/],
    'too large': [{ topic: 't', value: 'x'.repeat(2_000) }, /more than `maxRequestSize` \(1024\)/],
    'no such partition': [{ topic: 't', value: 'v', partition: 7 }, /its `partition` is 7/],
  }
  for (const full of [false, true]) {
    for (const [what, [record, message]] of Object.entries(BAD)) {
      test(`${what}, ${full ? 'no room' : 'room'}: rejects with a RecordFailedError, persisted no`, async () => {
        const { world, all } = await crowd(full ? 4 : 0)
        const one = sent(world.producer.sendOne(record as ProducerRecord))
        all.push(sent(world.producer.sendOne({ topic: 't', value: 'behind it' })))
        await world.time.until(() => one.now !== 'pending' && all.every(({ now }) => now !== 'pending'))
        const { error, persisted, record: given } = failed(one)
        assert.equal(error.constructor, InvalidRecordError)
        assert.match(error.message, message)
        assert.deepEqual([persisted, given], ['no', record])
        assert.deepEqual(names(world), [...(full ? ['0', '1', '2', '3'] : []), 'behind it'])
        await world.end()
      })
    }
  }

  for (const [persisted, fault] of [
    ['maybe', { kind: 'neverAnswer' }],
    ['no', { kind: 'error', code: 19 }],
  ] as const) {
    test(`not confirmed in time, ${fault.kind}: persisted ${persisted}`, async () => {
      const producer = { deliveryTimeoutMs: 5_000, requestTimeoutMs: 1_000 }
      const world = await startWorld({ cluster: CLUSTER, producer })
      world.cluster.inject({ fault, times: ALWAYS })
      const one = sent(world.producer.sendOne({ topic: 't', value: 'v' }))
      await world.time.until(() => one.now !== 'pending')
      const ack = failed(one)
      assert.equal(ack.error.constructor, DeliveryTimeoutError)
      assert.equal(ack.persisted, persisted)
      await world.end()
    })
  }
})

describe('the end of the producer', () => {
  test('close(): what was taken is delivered, who waits for room, or comes later, is told at once and is not sent', async () => {
    const { world, all } = await crowd(5)
    world.cluster.inject({ fault: { kind: 'delay', ms: 5_000 } })
    const closing = world.producer.close()
    all.push(sent(world.producer.sendOne(named('later'))))
    await world.time.advance(0)
    assert.deepEqual(states(all), ['pending', 'pending', ...new Array(4).fill('ProducerClosedError')])
    await world.time.until(closing)
    await world.time.advance(0)
    assert.deepEqual(states(all).slice(0, 2), ['acked', 'acked'])
    assert.deepEqual([names(world), blocked(world)], [['0', '1'], 0])
    await world.end()
  })

  test('a fatal error: all reject, and so do later calls, with the error', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    world.cluster.inject({ api: 'InitProducerId', fault: { kind: 'error', code: 31 }, times: ALWAYS })
    const all = count(5).map(n => sent(world.producer.sendOne(named(n))))
    await world.time.until(() => all.every(({ now }) => now !== 'pending'))
    all.push(sent(world.producer.sendOne(named('later'))))
    await world.time.advance(0)
    assert.deepEqual(
      all.map(({ now }) => (now instanceof RecordFailedError ? now.ack.error : now)).map(String),
      new Array(6).fill(all.map(({ now }) => String(now)).at(-1)),
    )
    assert.match(String(all.at(-1)!.now), /CLUSTER_AUTHORIZATION_FAILED/)
    await world.end()
  })
})

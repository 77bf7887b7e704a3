/** What bounds waiting: signals, shared ones too; and serializers that take for ever, or all at once. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, type TestContext, test } from 'node:test'
import { config, NEVER, of, Subject } from 'rxjs'
import { type Ack, createProducer, DeliveryTimeoutError, type Producer } from '../../src/index.js'
import { FORMS, type Sent, WAITING } from '../streams/forms.js'
import { startWorld, valuesIn, watch } from '../support/world.js'

const CLUSTER = { topics: { t: { partitions: 1 } }, replyDelayMs: 5 }
const REASON = new Error('enough')
const count = (to: number): number[] => [...Array(to).keys()]
const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length
const data = <T>(acks: readonly Ack<T>[]): unknown[] => acks.map(ack => ack.record.metadata)

/** What becomes of a promise. */
function outcome(promise: Promise<unknown>): { readonly now: unknown } {
  const result: { now: unknown } = { now: 'pending' }
  const end = (now: unknown): void => {
    result.now = now === undefined ? 'done' : now
  }
  promise.then(end, end)
  return result
}

/** Warnings of the process while a test runs. */
function warnings(t: TestContext): string[] {
  const heard: string[] = []
  const hear = (warning: Error): void => void heard.push(warning.name)
  process.on('warning', hear)
  t.after(() => process.off('warning', hear))
  return heard
}

/** Everything that takes a signal, once: what each has come to. */
function everything(producer: Producer, signal: AbortSignal, what: string): Readonly<Record<string, () => unknown>> {
  const streams = Object.entries(FORMS).map(([name, send]): [string, () => unknown] => {
    const sent: Sent<string> = send(producer, [`${what} ${name}`], { topic: 't', value: String, signal })
    return [name, () => (sent.done ? (sent.error ?? 'done') : 'pending')]
  })
  const promises = Object.entries({
    'sendOne()': producer.sendOne({ topic: 't', value: `${what} sendOne()` }, { signal }),
    'connect()': producer.connect({ signal }),
    'flush()': producer.flush({ signal }),
  }).map(([name, promise]): [string, () => unknown] => {
    const result = outcome(promise)
    return [name, () => result.now]
  })
  return Object.fromEntries([...streams, ...promises])
}

const states = (all: readonly Readonly<Record<string, () => unknown>>[]): unknown[] =>
  all.flatMap(each => Object.values(each).map(now => now()))

/** The values that {@link everything} sends. */
const VALUES = [...Object.keys(FORMS), 'sendOne()']

describe('one signal for many', () => {
  test('two of each stream, sendOne(), connect() and flush(): one listener, no warning, and all end at once', async t => {
    const heard = warnings(t)
    const world = await startWorld({ cluster: CLUSTER })
    // Not the answer that first contact waits for.
    world.cluster.inject({ api: 'InitProducerId', fault: { kind: 'delay', ms: 1_000 } })
    const abort = new AbortController()
    const all = ['a', 'b'].map(what => everything(world.producer, abort.signal, what))
    await world.time.advance(100)
    assert.deepEqual([...new Set(states(all)), states(all).length], ['pending', 2 * (VALUES.length + 2)])
    const before = world.time.now()
    abort.abort(REASON)
    await world.time.until(() => !states(all).includes('pending'), 0)
    for (const state of states(all)) assert.equal(state, REASON)
    assert.deepEqual([world.time.now() - before, listeners(abort.signal)], [0, 0])
    await world.time.until(world.producer.flush())
    assert.deepEqual(
      valuesIn(world.cluster, 't', 0).sort(),
      ['a', 'b'].flatMap(what => VALUES.map(name => `${what} ${name}`)).sort(),
    )
    assert.deepEqual(heard, [])
    await world.end()
  })

  test('of several producers, their own signal included: as well', async t => {
    const heard = warnings(t)
    const world = await startWorld({ cluster: CLUSTER })
    const abort = new AbortController()
    const { signal } = abort
    const { time, network, cluster } = world
    const producers = count(12).map(() =>
      createProducer({ brokers: cluster.brokers, scheduler: time, transport: network, signal }),
    )
    const streams = producers.map(producer => watch(NEVER.pipe(producer.send({ signal }))))
    assert.equal(listeners(signal), 1)
    abort.abort(REASON)
    await time.advance(0)
    assert.deepEqual(streams.map(({ error }) => error?.name).sort(), new Array(12).fill('ProducerClosedError').sort())
    for (const producer of producers) await time.until(producer.close())
    assert.deepEqual([heard, listeners(signal)], [[], 0])
    await world.end()
  })

  test('what has ended by itself hears no more; the listener goes with the last, and comes again with the next', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const abort = new AbortController()
    const { signal } = abort
    const patient = [
      watch(NEVER.pipe(world.producer.send({ signal }))),
      watch(NEVER.pipe(world.producer.send({ signal }))),
    ]
    for (const _ of count(2)) {
      const all = everything(world.producer, signal, 'v')
      await world.time.until(() => !Object.values(all).some(now => now() === 'pending'))
      assert.equal(listeners(signal), 1)
    }
    patient[0]!.unsubscribe()
    assert.equal(listeners(signal), 1)
    patient[1]!.unsubscribe()
    assert.equal(listeners(signal), 0)
    const next = watch(NEVER.pipe(world.producer.send({ signal })))
    assert.equal(listeners(signal), 1)
    abort.abort(REASON)
    assert.deepEqual(
      [next.error, patient[0]!.error, patient[1]!.error, listeners(signal)],
      [REASON, undefined, undefined, 0],
    )
    await world.end()
  })

  test('one whose handler ends another, or throws, or begins a new one: each ends once', async t => {
    const world = await startWorld({ cluster: CLUSTER })
    const abort = new AbortController()
    const { signal } = abort
    const unhandled = new Promise(resolve => {
      config.onUnhandledError = resolve
    })
    t.after(() => {
      config.onUnhandledError = null
    })
    const told: string[] = []
    const open = (name: string, then: () => void): { unsubscribe(): void } =>
      NEVER.pipe(world.producer.send({ signal })).subscribe({
        error: () => {
          told.push(name)
          then()
        },
      })
    open('first', () => left.unsubscribe())
    const left = open('left', () => {})
    open('throws', () => {
      throw REASON
    })
    open('begins', () => open('new', () => {}))
    open('last', () => {})
    abort.abort(new Error('over'))
    assert.deepEqual(told, ['first', 'throws', 'begins', 'new', 'last'])
    assert.equal(await unhandled, REASON)
    assert.equal(listeners(signal), 0)
    await world.end()
  })
})

describe('brokers are away', () => {
  for (const when of ['from the start', 'after first contact'] as const) {
    for (const how of ['while they wait', 'aborted already'] as const) {
      test(`${when}, ${how}: all end at once with the reason; what was accepted is delivered when brokers come back`, async () => {
        const world = await startWorld({ cluster: CLUSTER })
        const { producer, time, cluster } = world
        if (when === 'after first contact') await time.until(producer.sendOne({ topic: 't', value: 'before' }))
        await cluster.stopNode(1)
        const accepted = watch(of({ topic: 't', value: 'accepted' }).pipe(producer.send()))
        await time.advance(2_000)
        const abort = new AbortController()
        if (how === 'aborted already') abort.abort(REASON)
        const all = everything(producer, abort.signal, 'v')
        const before = time.now()
        if (how === 'while they wait') {
          // The streams of Node and the web take a few turns to begin.
          for (const _ of count(10)) await time.advance(0)
          // Contact that was made is not asked for again.
          const waits = Object.keys(all).filter(name => when === 'from the start' || name !== 'connect()')
          assert.deepEqual([...new Set(waits.map(name => all[name]!()))], ['pending'])
          assert.equal(all['connect()']!(), when === 'from the start' ? 'pending' : 'done')
          abort.abort(REASON)
        }
        for (const _ of count(10)) await time.advance(0)
        for (const [name, now] of Object.entries(all)) {
          const made = name === 'connect()' && when === 'after first contact' && how === 'while they wait'
          assert.equal(now(), made ? 'done' : REASON, name)
        }
        const closed = outcome(producer.close({ signal: abort.signal }))
        await time.advance(0)
        assert.deepEqual([closed.now, time.now() - before, listeners(abort.signal)], [REASON, 0, 0])
        assert.deepEqual([accepted.done, accepted.values.length], [false, 0])
        await cluster.startNode(1)
        await time.until(producer.close())
        assert.deepEqual(
          accepted.values.map(({ kind }) => kind),
          ['acked'],
        )
        const stored = valuesIn(cluster, 't', 0).filter(value => value !== 'before')
        const taken = how === 'while they wait' ? VALUES.map(name => `v ${name}`) : []
        assert.deepEqual(stored.sort(), ['accepted', ...taken].sort())
        await world.end()
      })
    }
  }
})

describe('a serializer that never settles', () => {
  const TIMES = { deliveryTimeoutMs: 5_000, requestTimeoutMs: 1_000 }

  test('deliveryTimeoutMs fails its record; flush() resolves; those behind it go on, in order; too late is too late', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: TIMES })
    const { producer, time } = world
    const source = new Subject<number>()
    const value = (n: number): string | Promise<string> => {
      if (n % 20 !== 3) return `${n}`
      return new Promise(resolve => n === 23 && time.schedule(() => resolve('too late'), 6_000))
    }
    const acks = watch(source.pipe(producer.send({ topic: 't', value })))
    let flushed: { readonly now: unknown } | undefined
    for (const n of count(30)) {
      source.next(n)
      if (n === 10) flushed = outcome(producer.flush())
      await time.advance(100)
    }
    await time.advance(2_299)
    // 300 ms and `deliveryTimeoutMs` are almost over.
    assert.deepEqual([data(acks.values), flushed?.now], [[0, 1, 2], 'pending'])
    await time.advance(11)
    assert.deepEqual([data(acks.values), flushed?.now], [count(23), 'done'])
    await time.advance(10_000)
    assert.deepEqual(data(acks.values), count(30))
    const failed = acks.values.filter(ack => ack.kind === 'failed')
    assert.deepEqual(data(failed), [3, 23])
    for (const { error, persisted, attempts } of failed) {
      assert.deepEqual([error.constructor, persisted, attempts], [DeliveryTimeoutError, 'no', 0])
      assert.match(error.message, /not sent: its serializers, or those of records before it, did not settle within/)
    }
    assert.deepEqual(
      valuesIn(world.cluster, 't', 0),
      count(30)
        .filter(n => n % 20 !== 3)
        .map(String),
    )
    assert.equal(producer.bufferedBytes, 0)
    source.complete()
    assert.equal(acks.done, true)
    await world.end()
  })

  for (const name of WAITING) {
    test(`${name}: it goes on, and ends, whatever hangs`, async () => {
      const world = await startWorld({ cluster: CLUSTER, producer: TIMES })
      const value = (n: number): Promise<string> => (n % 20 === 7 ? new Promise(() => {}) : Promise.resolve(`${n}`))
      const sent = FORMS[name]!(world.producer, count(100), { topic: 't', value })
      await world.time.until(() => sent.done, 60_000)
      assert.equal(sent.error, undefined)
      const failed = sent.acks.filter(ack => ack.kind === 'failed')
      for (const hung of [7, 27, 47, 67, 87]) {
        const ack = failed.find(({ record }) => record.metadata === hung)
        assert.deepEqual([ack?.error.constructor, ack?.persisted], [DeliveryTimeoutError, 'no'])
      }
      const stored = valuesIn(world.cluster, 't', 0).map(Number)
      assert.deepEqual(
        stored,
        [...new Set(stored)].sort((a, b) => a - b),
      )
      const lost = failed.filter(({ persisted }) => persisted === 'no').map(({ record }) => record.metadata)
      assert.deepEqual(
        count(100).filter(n => !stored.includes(n) && !lost.includes(n)),
        [],
      )
      await world.end()
    })
  }
})

describe('concurrency of serializers', () => {
  for (const name of WAITING) {
    for (const concurrency of [undefined, 1, 3]) {
      test(`${name}: ${concurrency ?? 'by default 16'} at once, no more and no fewer, in the order of the source`, async () => {
        const world = await startWorld({ cluster: CLUSTER })
        const limit = concurrency ?? 16
        let [working, most] = [0, 0]
        /** Done in another order than it was asked for; some fail. */
        const work = <T>(n: number, made: T): Promise<T> =>
          new Promise((resolve, reject) => {
            most = Math.max(most, ++working)
            world.time.schedule(
              () => {
                working--
                if (n % 7 === 6) reject(new Error('boom'))
                else resolve(made)
              },
              1 + ((n * 37) % 50),
            )
          })
        const options = { topic: 't', key: () => 'k', value: (n: number) => work(n, `${n}`) }
        const sent = FORMS[name]!(
          world.producer,
          count(200),
          concurrency === undefined ? options : { ...options, concurrency },
        )
        await world.time.until(() => sent.done)
        assert.deepEqual([sent.error, most], [undefined, limit])
        assert.deepEqual(
          valuesIn(world.cluster, 't', 0),
          count(200)
            .filter(n => n % 7 !== 6)
            .map(String),
        )
        await world.end()
      })
    }
  }
})

/** What ends streams and producers: signals, flush() and close(), and what is refused. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, test } from 'node:test'
import { NEVER, of } from 'rxjs'
import { type Ack, createProducer, InvalidArgumentError, type Producer, ProducerClosedError } from '../../src/index.js'
import { open, startWorld, valuesIn, type World, watch } from '../support/world.js'
import { FORMS } from './forms.js'

const CLUSTER = { topics: { t: { partitions: 1 } }, replyDelayMs: 5 }
const UNANSWERED = { fault: { kind: 'neverAnswer' }, times: Number.POSITIVE_INFINITY } as const
const count = (to: number): number[] => [...Array(to).keys()]
const OPTIONS = { topic: 't', value: String }
/** How records ended. */
const ends = (acks: readonly Ack[]): unknown[] =>
  acks.map(ack => (ack.kind === 'failed' ? `${ack.error.name}, ${ack.persisted}` : ack.kind))

/** A value that says that it was read. */
function unread(): { readonly values: Iterable<number>; readonly read: () => boolean } {
  let read = false
  const values = {
    *[Symbol.iterator]() {
      read = true
      yield 1
    },
  }
  return { values, read: () => read }
}

/** What has become of a promise. */
function outcome(promise: Promise<unknown>): () => unknown {
  let now: unknown = 'pending'
  promise.then(
    () => {
      now = 'done'
    },
    error => {
      now = error
    },
  )
  return () => now
}

for (const [name, send] of Object.entries(FORMS)) {
  describe(name, () => {
    test('a signal ends it at once, with its reason; what was accepted is stored, and nobody listens to it any more', async () => {
      const world = await startWorld({ cluster: CLUSTER })
      const { signal, abort } = signalled()
      const sent = send(world.producer, count(20), { ...OPTIONS, signal })
      await world.time.advance(0)
      const reason = new Error('enough')
      abort(reason)
      await world.time.advance(0)
      assert.deepEqual([sent.done, sent.error, sent.acks.length], [true, reason, 0])
      await world.time.until(world.producer.flush())
      assert.deepEqual(valuesIn(world.cluster, 't', 0), count(20).map(String))
      assert.equal(sent.acks.length, 0)
      assert.equal(getEventListeners(signal, 'abort').length, 0)
      await world.end()
    })

    test('one that has ended by itself leaves the signal alone', async () => {
      const world = await startWorld({ cluster: CLUSTER })
      const { signal, abort } = signalled()
      const sent = send(world.producer, count(20), { ...OPTIONS, signal })
      await world.time.until(() => sent.done)
      assert.equal(getEventListeners(signal, 'abort').length, 0)
      abort(new Error('too late'))
      await world.time.advance(0)
      assert.equal(sent.error, undefined)
      await world.end()
    })

    test('a signal that is aborted already: its reason at once, and nothing is sent', async () => {
      const world = await startWorld({ cluster: CLUSTER })
      const sent = send(world.producer, count(3), { ...OPTIONS, signal: AbortSignal.abort(new Error('enough')) })
      await world.time.until(() => sent.done)
      assert.match(String(sent.error), /enough/)
      assert.equal(world.cluster.trace.length, 0)
      await world.end()
    })

    test('after close(): a ProducerClosedError, and nothing is sent', async () => {
      const world = await startWorld({ cluster: CLUSTER })
      await world.time.until(world.producer.close())
      const { values, read } = unread()
      const sent = send(world.producer, values, OPTIONS)
      await world.time.until(() => sent.done)
      assert.ok(sent.error instanceof ProducerClosedError)
      assert.equal(sent.error.message, 'the producer was closed')
      // A Node stream in front of it reads ahead.
      if (!/able|duplex|web/i.test(name)) assert.ok(!read())
      assert.equal(world.cluster.trace.length, 0)
      await world.end()
    })

    test('options are checked at the call', async () => {
      const producer = createProducer({ brokers: ['localhost:9092'] })
      const method = name.replace(/\(.*/, '')
      const refused = (options: object, message: RegExp): void => {
        assert.throws(
          () => call(producer, method, options),
          error => error instanceof InvalidArgumentError && message.test(error.message),
          `${JSON.stringify(options)} was taken, or refused otherwise`,
        )
      }
      refused({ topik: 't' }, new RegExp(`no option \`topik\` of ${method}\\(\\); the options are topic, key, value`))
      refused({ topic: '' }, /`topic` is '', but it must be a non-empty string or a function/)
      refused({ topic: 5 }, /`topic` is 5/)
      refused({ signal: new AbortController() }, /`signal` .* must be an AbortSignal/)
      for (const option of ['key', 'value', 'headers', 'partition', 'timestamp']) {
        refused({ topic: 't', [option]: 5 }, new RegExp(`\`${option}\` is 5, but it must be a function`))
        refused({ [option]: () => 'x' }, new RegExp(`needs option \`topic\` of ${method}\\(\\) beside it`))
      }
      if (/writable/i.test(name)) refused({ onFailed: 5 }, /`onFailed` is 5, but it must be a function/)
      else refused({ onFailed: () => {} }, /no option `onFailed`/)
      for (const options of [null, 5, 'topic']) refused(options as never, /expects an object of options, got/)
      await producer.close()
    })
  })
}

describe('flush()', () => {
  test('its signal ends the waiting, not the records', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const { push, acks } = open(world.producer)
    push.next({ topic: 't', value: 'v' })
    const { signal, abort } = signalled()
    const [flushed, patient] = [outcome(world.producer.flush({ signal })), outcome(world.producer.flush())]
    await world.time.advance(1)
    const reason = new Error('enough')
    abort(reason)
    await world.time.advance(0)
    assert.deepEqual([flushed(), patient(), acks.values.length], [reason, 'pending', 0])
    await world.time.until(() => patient() === 'done')
    assert.deepEqual(ends(acks.values), ['acked'])
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    await world.end()
  })

  test('one that has ended leaves its signal alone; one that is aborted already rejects at once', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const { signal, abort } = signalled()
    await world.time.until(world.producer.flush({ signal }))
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    abort(new Error('enough'))
    await assert.rejects(world.producer.flush({ signal }), /enough/)
    await world.end()
  })

  test('resolves after close() too, during it as well', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const { push } = open(world.producer)
    push.next({ topic: 't', value: 'v' })
    void world.producer.close()
    await world.time.until(world.producer.flush())
    await world.time.until(world.producer.close())
    await world.time.until(world.producer.flush())
    await world.end()
  })

  test('refuses options that mean nothing', async () => {
    const producer = createProducer({ brokers: ['localhost:9092'] })
    assert.throws(() => producer.flush({ timeoutMs: 5 } as never), {
      name: 'InvalidArgumentError',
      message: 'there is no option `timeoutMs` of flush(); the options are signal',
    })
    assert.throws(() => producer.flush({ signal: 5 } as never), InvalidArgumentError)
    await producer.close()
  })
})

describe('close()', () => {
  /** Of ten records four are in flight and six wait, and no broker answers any more. */
  async function stuck(options: { readonly signal?: AbortSignal } = {}): Promise<{ world: World; acks: () => Ack[] }> {
    const world = await startWorld({ cluster: CLUSTER, producer: { batchSize: 1, ...options } })
    const { push, acks } = open(world.producer)
    push.next({ topic: 't', value: 'first' })
    await world.time.until(world.producer.flush())
    world.cluster.inject(UNANSWERED)
    for (let i = 0; i < 10; i++) push.next({ topic: 't', value: `${i}` })
    await world.time.advance(100)
    assert.equal(world.producer.inFlight.get(1), 4)
    return { world, acks: () => acks.values.slice(1) }
  }
  const GIVEN_UP = [...new Array(4).fill('ProducerClosedError, maybe'), ...new Array(6).fill('ProducerClosedError, no')]

  test('timeoutMs: what has no end by then fails, and says whether it may be stored', async () => {
    const { world, acks } = await stuck()
    const before = world.time.now()
    await world.time.until(world.producer.close({ timeoutMs: 2_000 }))
    assert.equal(world.time.now() - before, 2_000)
    assert.deepEqual(ends(acks()), GIVEN_UP)
    const [first] = acks()
    assert.match(
      String(first?.kind === 'failed' && first.error),
      /before brokers had answered: `timeoutMs` \(2000\) is over/,
    )
    await world.end()
  })

  test('a signal ends the waiting at once, not the records', async () => {
    const { world, acks } = await stuck()
    const { signal, abort } = signalled()
    const closed = outcome(world.producer.close({ signal }))
    await world.time.advance(1_000)
    assert.deepEqual([closed(), acks().length], ['pending', 0])
    const reason = new Error('enough')
    abort(reason)
    await world.time.advance(0)
    assert.deepEqual([closed(), acks().length], [reason, 0])
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    // It goes on closing.
    await world.time.until(world.producer.close())
    assert.deepEqual(
      acks().map(ack => ack.kind === 'failed' && ack.error.name),
      new Array(10).fill('DeliveryTimeoutError'),
    )
    await world.end()
  })

  test('a second call waits for the first, and its options count', async () => {
    const { world, acks } = await stuck()
    const first = world.producer.close()
    await world.time.advance(1_000)
    const before = world.time.now()
    const second = world.producer.close({ timeoutMs: 500 })
    assert.equal(second, first)
    void world.producer.close({ timeoutMs: 60_000, signal: signalled().signal })
    await world.time.until(first)
    assert.equal(world.time.now() - before, 500)
    assert.deepEqual(ends(acks()), GIVEN_UP)
    await world.end()
  })

  test('with time left it is not waited for, and leaves no timer', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const { push, acks } = open(world.producer)
    push.next({ topic: 't', value: 'v' })
    const { signal } = signalled()
    await world.time.until(world.producer.close({ timeoutMs: 60_000, signal }))
    assert.ok(world.time.now() < 1_000)
    assert.deepEqual(ends(acks.values), ['acked'])
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    await world.end()
  })

  test('timeoutMs 0: nothing is waited for', async () => {
    const { world, acks } = await stuck()
    const before = world.time.now()
    await world.time.until(world.producer.close({ timeoutMs: 0 }))
    assert.equal(world.time.now(), before)
    assert.deepEqual(ends(acks()), GIVEN_UP)
    await world.end()
  })

  test('a signal that is aborted already: it is closed, and not waited for', async () => {
    const { world, acks } = await stuck()
    const reason = new Error('enough')
    await assert.rejects(world.producer.close({ signal: AbortSignal.abort(reason) }), reason)
    assert.equal(acks().length, 0)
    const later = watch(of({ topic: 't', value: 'v' }).pipe(world.producer.send()))
    assert.ok(later.error instanceof ProducerClosedError)
    await world.end()
    assert.equal(acks().length, 10)
  })

  test("the producer's own signal closes it at once", async () => {
    const { signal, abort } = signalled()
    const { world, acks } = await stuck({ signal })
    const idle = watch(NEVER.pipe(world.producer.send()))
    abort(new Error('enough'))
    assert.deepEqual(ends(acks()), GIVEN_UP)
    assert.ok(idle.error instanceof ProducerClosedError)
    await world.time.advance(0)
    assert.equal(world.events.at(-1)?.kind, 'closed')
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    await world.end()
  })

  test("the producer's own signal is aborted already: it is closed from the start", async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: { signal: AbortSignal.abort() } })
    const acks = watch(of({ topic: 't', value: 'v' }).pipe(world.producer.send()))
    assert.ok(acks.error instanceof ProducerClosedError)
    await world.end()
  })

  test('refuses options that mean nothing, and goes on', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const bad: readonly object[] = [{ timeoutMs: -1 }, { timeoutMs: '5s' }, { signal: {} }, { force: true }]
    for (const options of bad) assert.throws(() => world.producer.close(options), InvalidArgumentError)
    const acks = watch(of({ topic: 't', value: 'v' }).pipe(world.producer.send()))
    await world.time.until(() => acks.done)
    assert.deepEqual(ends(acks.values), ['acked'])
    await world.end()
  })
})

function signalled(): { readonly signal: AbortSignal; readonly abort: (reason: Error) => void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: reason => controller.abort(reason) }
}

function call(producer: Producer, method: string, options: object): unknown {
  if (method === 'publish') return producer.publish([], options as never)
  return (producer as unknown as Record<string, (options: object) => unknown>)[method]!(options)
}

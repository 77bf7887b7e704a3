/** Records that an asynchronous serializer has in hand, and those that wait behind them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { concat, from, NEVER, Subject } from 'rxjs'
import { type Ack, BufferFullError, ProducerClosedError } from '../../src/index.js'
import { startWorld, valuesIn, watch } from '../support/world.js'
import { FORMS, WAITING, WITH_ACKS } from './forms.js'

const CLUSTER = { topics: { t: { partitions: 1 } }, replyDelayMs: 5 }
const SMALL = { bufferMemory: 8_192, maxRequestSize: 1_024, batchSize: 1_024 }
const PUSHED = Object.keys(FORMS).filter(name => !WAITING.includes(name))
const count = (to: number): number[] => [...Array(to).keys()]
const values = (to: number): string[] => count(to).map(n => `v${n}`)
const data = <T>(acks: readonly Ack<T>[]): unknown[] => acks.map(ack => ack.record.metadata)
const errors = (acks: readonly Ack[]): unknown[] => acks.map(ack => (ack.kind === 'failed' ? ack.error : ack.kind))

/** What a serializer is asked for stays in hand until it is let go. */
class Hand {
  readonly #waiting: (() => void)[] = []

  get size(): number {
    return this.#waiting.length
  }

  readonly value = (n: unknown): Promise<string> =>
    new Promise(resolve => {
      this.#waiting.push(() => resolve(`v${n}`))
    })

  letGo(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

for (const [name, send] of Object.entries(FORMS)) {
  describe(name, () => {
    test('flush() waits for them', async () => {
      const world = await startWorld({ cluster: CLUSTER, producer: { linger: 60_000 } })
      const hand = new Hand()
      const sent = send(world.producer, count(10), { topic: 't', value: hand.value })
      await world.time.advance(0)
      let flushed = false
      const flushing = world.producer.flush().then(() => {
        flushed = true
      })
      await world.time.advance(10_000)
      assert.ok(!flushed && hand.size === 10)
      hand.letGo()
      await world.time.until(flushing)
      assert.ok(world.time.now() < 11_000, 'the linger is not waited for')
      assert.deepEqual(valuesIn(world.cluster, 't', 0), values(10))
      await world.time.until(() => sent.done)
      if (WITH_ACKS.includes(name)) assert.deepEqual(data(sent.acks), count(10))
      await world.end()
    })

    test('close() has them fail, in order, and what serializers come to later is dropped', async () => {
      const world = await startWorld({ cluster: CLUSTER })
      const hand = new Hand()
      const sent = send(world.producer, count(10), { topic: 't', value: n => (n < 4 ? `v${n}` : hand.value(n)) })
      await world.time.advance(0)
      await world.time.until(world.producer.close())
      await world.time.until(() => sent.done)
      assert.equal(sent.error, undefined)
      const failed = sent.acks.filter(ack => ack.kind === 'failed')
      assert.deepEqual(data(failed), [4, 5, 6, 7, 8, 9])
      assert.ok(failed.every(({ error, persisted }) => error instanceof ProducerClosedError && persisted === 'no'))
      assert.equal(sent.acks.length, WITH_ACKS.includes(name) ? 10 : 6)
      hand.letGo()
      await world.end()
      assert.deepEqual(valuesIn(world.cluster, 't', 0), values(4))
    })

    test('a signal ends the stream at once; they are sent all the same, and nobody is told', async () => {
      const world = await startWorld({ cluster: CLUSTER })
      const hand = new Hand()
      const abort = new AbortController()
      const sent = send(world.producer, count(10), { topic: 't', value: hand.value, signal: abort.signal })
      await world.time.advance(0)
      const reason = new Error('enough')
      abort.abort(reason)
      await world.time.advance(0)
      assert.deepEqual([sent.done, sent.error], [true, reason])
      hand.letGo()
      await world.time.until(world.producer.flush())
      assert.deepEqual(valuesIn(world.cluster, 't', 0), values(10))
      assert.deepEqual(sent.acks, [])
      await world.end()
    })
  })
}

describe('sources that can wait', () => {
  for (const name of WAITING) {
    test(`${name}: no more than \`concurrency\` are read ahead of serializers, and nothing is lost`, async () => {
      const world = await startWorld({ cluster: CLUSTER })
      const hand = new Hand()
      let read = 0
      const offered = (function* () {
        for (; read < 1_000; read++) yield read
      })()
      const sent = FORMS[name]!(world.producer, offered, { topic: 't', value: hand.value, concurrency: 100 })
      await world.time.advance(0)
      assert.equal(hand.size, 100)
      // What streams read ahead by themselves: 16 at each end.
      assert.ok(read <= 100 + 34, `${read} were read`)
      while (!sent.done) {
        hand.letGo()
        await world.time.advance(1)
        assert.ok(hand.size <= 100)
      }
      assert.equal(sent.error, undefined)
      assert.deepEqual(valuesIn(world.cluster, 't', 0), values(1_000))
      await world.end()
    })

    test(`${name}: what is serialized waits for room, and the buffer keeps its limit`, async () => {
      const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
      const hand = new Hand()
      const value = async (n: number): Promise<string> => (await hand.value(n)).padEnd(500, '.')
      const sent = FORMS[name]!(world.producer, count(100), { topic: 't', value })
      await world.time.advance(0)
      // 16 at once, unless `concurrency` says otherwise: as many as the small buffer has room for.
      assert.ok(hand.size > 10 && hand.size <= 16, `${hand.size}`)
      while (!sent.done) {
        hand.letGo()
        await world.time.advance(1)
        assert.ok(world.producer.bufferedBytes <= SMALL.bufferMemory, `${world.producer.bufferedBytes} bytes`)
      }
      assert.equal(sent.error, undefined)
      assert.deepEqual(
        valuesIn(world.cluster, 't', 0).map(text => text.replaceAll('.', '')),
        values(100),
      )
      await world.end()
    })

    test(`${name}: no room within maxBlockMs: they fail with that, in order, and so does the stream`, async () => {
      const producer = { ...SMALL, maxBlockMs: 2_000, requestTimeoutMs: 1_000, deliveryTimeoutMs: 5_000 }
      const world = await startWorld({ cluster: CLUSTER, producer })
      world.cluster.inject({ fault: { kind: 'neverAnswer' }, times: Number.POSITIVE_INFINITY })
      const hand = new Hand()
      const value = async (n: number): Promise<string> => (await hand.value(n)).padEnd(500, '.')
      // Few enough for all of them to be taken, so that nothing else waits.
      const sent = FORMS[name]!(world.producer, count(10), { topic: 't', value })
      await world.time.advance(0)
      assert.equal(hand.size, 10)
      hand.letGo()
      await world.time.until(() => sent.done)
      assert.ok(sent.error instanceof BufferFullError)
      assert.match(sent.error.message, /`maxBlockMs` \(2000\)/)
      assert.ok(sent.acks.every(({ kind }) => kind === 'failed'))
      const unmade = sent.acks.filter(ack => ack.kind === 'failed' && ack.error === sent.error)
      assert.ok(unmade.length > 3, `${unmade.length} of 10`)
      assert.deepEqual(data(unmade), count(10).slice(10 - unmade.length))
      await world.end()
    })
  }
})

describe('sources that can not wait', () => {
  for (const name of PUSHED) {
    test(`${name}: serializers work on \`concurrency\` at once, and what comes meanwhile waits`, async () => {
      const world = await startWorld({ cluster: CLUSTER })
      const hand = new Hand()
      const sent = FORMS[name]!(world.producer, count(2_000), { topic: 't', value: hand.value, concurrency: 3 })
      await world.time.advance(0)
      assert.equal(hand.size, 3)
      assert.equal(world.producer.bufferedBytes, 2_000 * 500)
      while (!sent.done) {
        assert.ok(hand.size <= 3)
        hand.letGo()
        await world.time.advance(1)
      }
      assert.equal(sent.error, undefined)
      assert.deepEqual(data(sent.acks), count(2_000))
      assert.deepEqual(valuesIn(world.cluster, 't', 0), values(2_000))
      await world.end()
    })

    test(`${name}: more than the buffer has room for, overflow 'reject': those fail in-band, the others are sent`, async () => {
      const world = await startWorld({ cluster: CLUSTER, producer: { ...SMALL, overflow: 'reject' } })
      const hand = new Hand()
      const sent = FORMS[name]!(world.producer, count(30), { topic: 't', value: hand.value, concurrency: 30 })
      // Each counts 500 of its 8,192 bytes, of which 1,024 stay free for the largest record.
      assert.deepEqual(data(sent.acks), count(30).slice(14))
      for (const error of errors(sent.acks)) assert.ok(error instanceof BufferFullError)
      await world.time.advance(0)
      assert.equal(hand.size, 14)
      hand.letGo()
      await world.time.until(() => sent.done)
      assert.equal(sent.error, undefined)
      assert.deepEqual(data(sent.acks.slice(16)), count(14))
      assert.deepEqual(valuesIn(world.cluster, 't', 0), values(14))
      await world.end()
    })

    test(`${name}: more than the buffer has room for, overflow 'error': the stream ends with that, after the acks of the others`, async () => {
      const world = await startWorld({ cluster: CLUSTER, producer: { ...SMALL, overflow: 'error' } })
      const hand = new Hand()
      const sent = FORMS[name]!(world.producer, count(30), { topic: 't', value: hand.value, concurrency: 30 })
      await world.time.advance(1_000)
      assert.deepEqual([sent.done, sent.acks.length, hand.size], [false, 0, 14])
      hand.letGo()
      await world.time.until(() => sent.done)
      assert.ok(sent.error instanceof BufferFullError)
      assert.match(sent.error.message, /With `overflow: 'error'` this ends the stream of acks/)
      assert.deepEqual(data(sent.acks), count(14))
      assert.deepEqual(valuesIn(world.cluster, 't', 0), values(14))
      await world.end()
    })

    test(`${name}: what is serialized waits for room, and the buffer keeps its limit`, async () => {
      const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
      const value = async (n: number): Promise<string> => `v${n}`.padEnd(900, '.')
      const sent = FORMS[name]!(world.producer, count(14), { topic: 't', value })
      while (!sent.done) {
        await world.time.advance(1)
        assert.ok(world.producer.bufferedBytes <= SMALL.bufferMemory, `${world.producer.bufferedBytes} bytes`)
      }
      assert.equal(sent.error, undefined)
      assert.deepEqual(data(sent.acks), count(14))
      assert.ok(sent.acks.every(({ kind }) => kind === 'acked'))
      assert.equal(valuesIn(world.cluster, 't', 0).length, 14)
      await world.end()
    })
  }
})

describe('a source that', () => {
  test('fails while they are in hand: their acks first', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const hand = new Hand()
    const source = new Subject<number>()
    const acks = watch(source.pipe(world.producer.send({ topic: 't', value: hand.value })))
    source.next(0)
    source.error(new Error('boom'))
    await world.time.advance(1_000)
    assert.equal(String(acks.error), 'undefined')
    hand.letGo()
    await world.time.until(() => acks.error !== undefined)
    assert.deepEqual(data(acks.values), [0])
    await world.end()
  })

  test('is left while they are in hand: they are sent, flush() waits for them', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const hand = new Hand()
    const acks = watch(concat(from(count(10)), NEVER).pipe(world.producer.send({ topic: 't', value: hand.value })))
    acks.unsubscribe()
    let flushed = false
    const flushing = world.producer.flush().then(() => {
      flushed = true
    })
    await world.time.advance(1_000)
    assert.ok(!flushed)
    hand.letGo()
    await world.time.until(flushing)
    assert.deepEqual(valuesIn(world.cluster, 't', 0), values(10))
    await world.end()
  })

  test('is left while they are in hand, before close(): they are dropped, and nothing is left of them', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const hand = new Hand()
    const acks = watch(from(count(10)).pipe(world.producer.send({ topic: 't', value: hand.value })))
    acks.unsubscribe()
    await world.time.until(world.producer.close())
    hand.letGo()
    await world.end()
    assert.deepEqual(valuesIn(world.cluster, 't', 0), [])
  })
})

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import {
  type Ack,
  BufferFullError,
  DeliveryTimeoutError,
  InvalidArgumentError,
  ProducerClosedError,
  type ProducerRecord,
} from '../../src/index.js'
import { startWorld, valuesIn, watch } from '../support/world.js'
import { PULLED, silentSources, webStream } from './sources.js'

const CLUSTER = { topics: { t: { partitions: 1 } }, replyDelayMs: 5 }
const SMALL = { bufferMemory: 100_000, maxRequestSize: 1_024, batchSize: 1_024 }
const NEVER = { fault: { kind: 'neverAnswer' }, times: Number.POSITIVE_INFINITY } as const

function* records(count: number, size = 1): Generator<ProducerRecord<number>, undefined> {
  for (let i = 0; i < count; i++) yield { topic: 't', value: `v${i}`.padEnd(size, '.'), metadata: i }
}
const values = (count: number, size = 1): string[] => [...records(count, size)].map(({ value }) => String(value))
const numbers = (acks: readonly Ack<number>[]): unknown[] => acks.map(ack => ack.record.metadata)

describe('publish(): every kind of source that can be pulled', () => {
  for (const [kind, sourceOf] of Object.entries(PULLED)) {
    test(`${kind}: an ack for each, in order, then the end`, async () => {
      const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
      const acks = watch(world.producer.publish<number>(sourceOf(records(500, 100))))
      await world.time.until(() => acks.done)
      assert.deepEqual(numbers(acks.values), [...Array(500).keys()])
      assert.ok(acks.values.every(ack => ack.kind === 'acked'))
      assert.deepEqual(valuesIn(world.cluster, 't', 0), values(500, 100))
      await world.end()
    })

    test(`${kind}: of 10^6 records only what fits into the buffer is read while brokers do not answer`, async () => {
      const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
      world.cluster.inject(NEVER)
      let read = 0
      const offered = (function* () {
        for (const record of records(1_000_000, 100)) {
          read++
          yield record
        }
      })()
      const acks = watch(world.producer.publish<number>(sourceOf(offered)))
      await world.time.advance(20_000)
      assert.ok(world.producer.bufferedBytes > SMALL.bufferMemory - 2 * SMALL.maxRequestSize)
      // A Readable reads ahead by itself: 16 objects, and one that is on its way.
      const ahead = kind === 'Readable' ? 17 : 1
      assert.ok(read > 100 && read <= SMALL.bufferMemory / 100 + ahead, `${read} were read`)
      acks.unsubscribe()
      await world.time.until(world.producer.close({ timeoutMs: 0 }))
      await world.end()
    })

    test(`${kind}: one that fails midway: all acks first, then its error`, async () => {
      const world = await startWorld({ cluster: CLUSTER })
      const boom = new Error('boom')
      const failing = (function* () {
        yield* records(50)
        throw boom
      })()
      const acks = watch(world.producer.publish<number>(sourceOf(failing)))
      await world.time.until(() => acks.error !== undefined)
      assert.equal(acks.error, boom)
      assert.deepEqual(numbers(acks.values), [...Array(50).keys()])
      await world.end()
    })

    test(`${kind}: unsubscribed midway it is left, and what was accepted is delivered`, async () => {
      const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
      let [read, left] = [0, false]
      const offered = (function* () {
        try {
          for (const record of records(1_000_000, 100)) {
            read++
            yield record
          }
        } finally {
          left = true
        }
      })()
      const acks = watch(world.producer.publish<number>(sourceOf(offered)))
      await world.time.until(() => acks.values.length > 0)
      const { length } = acks.values
      acks.unsubscribe()
      await world.time.until(() => left)
      await world.time.until(world.producer.flush())
      assert.equal(acks.values.length, length)
      const stored = valuesIn(world.cluster, 't', 0)
      assert.ok(stored.length > length)
      assert.deepEqual(stored, values(stored.length, 100))
      assert.ok(read < 1_000)
      await world.end()
    })

    test(`${kind}: close() leaves it, and its acks come before the end`, async () => {
      const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
      const acks = watch(world.producer.publish<number>(sourceOf(records(1_000_000, 100))))
      await world.time.until(() => acks.values.length > 0)
      await world.time.until(world.producer.close())
      assert.ok(acks.error instanceof ProducerClosedError)
      const accepted = new RegExp(
        `before the source of this stream had ended: ${acks.values.length} of its records had been accepted`,
      )
      assert.match(acks.error.message, accepted)
      assert.deepEqual(
        acks.values.map(({ record }) => record.value),
        valuesIn(world.cluster, 't', 0),
      )
      await world.end()
    })
  }
})

describe('publish(): sources that give nothing', () => {
  for (const kind of ['Readable', 'web stream', 'async iterable'] as const) {
    test(`${kind}: left at once when unsubscribed, when the signal is aborted, when the producer closes`, async () => {
      const world = await startWorld({ cluster: CLUSTER })
      const abort = new AbortController()
      const [unsubscribed, aborted, closed] = [silentSources()[kind], silentSources()[kind], silentSources()[kind]]
      const [first, second, third] = [
        watch(world.producer.publish(unsubscribed.source)),
        watch(world.producer.publish(aborted.source, { signal: abort.signal })),
        watch(world.producer.publish(closed.source)),
      ]
      await world.time.advance(1_000)
      assert.deepEqual([unsubscribed.left(), aborted.left(), closed.left()], [false, false, false])
      first.unsubscribe()
      assert.deepEqual([unsubscribed.left(), aborted.left(), closed.left()], [true, false, false])
      abort.abort(new Error('enough'))
      assert.deepEqual([unsubscribed.left(), aborted.left(), closed.left()], [true, true, false])
      assert.equal(second.error?.message, 'enough')
      const closing = world.producer.close()
      assert.ok(closed.left())
      assert.ok(third.error instanceof ProducerClosedError)
      await world.time.until(closing)
      await world.end()
    })
  }

  test('an iterator that fails when it is told to return harms nobody', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const source: AsyncIterable<never> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: () => {
          throw new Error('not now')
        },
      }),
    }
    watch(world.producer.publish(source)).unsubscribe()
    await world.time.advance(0)
    await world.end()
  })
})

describe('publish(): several at once', () => {
  for (const [kind, sourceOf] of Object.entries(PULLED)) {
    test(`${kind}: of records that almost fill the buffer none is refused, and each source makes progress`, async () => {
      const producer = { bufferMemory: 3_072, maxRequestSize: 1_024, batchSize: 1_024 }
      const world = await startWorld({ cluster: CLUSTER, producer })
      let most = 0
      world.cluster.trace$.subscribe(() => {
        most = Math.max(most, world.producer.bufferedBytes)
      })
      const streams = [1, 2, 3].map(() => watch(world.producer.publish<number>(sourceOf(records(60, 900)))))
      await world.time.until(() => streams.every(({ done }) => done))
      for (const { values } of streams) {
        assert.deepEqual(numbers(values), [...Array(60).keys()])
        assert.ok(values.every(({ kind }) => kind === 'acked'))
      }
      assert.ok(most <= producer.bufferMemory && most > 2_048, `${most} bytes`)
      await world.end()
    })
  }

  test('a source whose code sends by itself is asked again before what it gives is taken', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: { ...SMALL, bufferMemory: 2_048 } })
    const inner: Ack[] = []
    const source = (function* () {
      for (const record of records(10, 900)) {
        world.producer.publish([{ topic: 't', value: 'x'.repeat(900) }]).subscribe(ack => inner.push(ack))
        yield record
      }
    })()
    const acks = watch(world.producer.publish<number>(source))
    await world.time.until(() => acks.done && inner.length === 10)
    assert.ok([...acks.values, ...inner].every(({ kind }) => kind === 'acked'))
    await world.end()
  })
})

test('a pulled source that finds no room within maxBlockMs: its acks first, then a BufferFullError; it is left', async () => {
  for (const sourceOf of Object.values(PULLED)) {
    const world = await startWorld({
      cluster: CLUSTER,
      producer: { ...SMALL, maxBlockMs: 2_000, requestTimeoutMs: 1_000, deliveryTimeoutMs: 5_000 },
    })
    world.cluster.inject(NEVER)
    let left = false
    const source = (function* () {
      try {
        yield* records(1_000, 100)
      } finally {
        left = true
      }
    })()
    const acks = watch(world.producer.publish<number>(sourceOf(source)))
    await world.time.advance(2_100)
    assert.ok(left)
    assert.deepEqual([acks.done, acks.error], [false, undefined])
    await world.time.until(() => acks.error !== undefined)
    assert.ok(acks.error instanceof BufferFullError)
    assert.deepEqual(numbers(acks.values), [...Array(acks.values.length).keys()])
    assert.ok(acks.values.length > 100)
    assert.equal(world.producer.bufferedBytes, 0)
    await world.end()
  }
})

test('what fills the buffer fails before a source that waits behind it does, if both are due at the same time', async () => {
  const producer = { bufferMemory: 2_048, maxRequestSize: 1_024, requestTimeoutMs: 500, deliveryTimeoutMs: 2_000 }
  const world = await startWorld({ cluster: CLUSTER, producer })
  await world.cluster.stopNode(1)
  world.cluster.inject({ api: 'InitProducerId', fault: { kind: 'error', code: 14 }, times: Number.POSITIVE_INFINITY })
  const acks = watch(world.producer.publish<number>(records(5, 600)))
  // Its timer begins anew with the batch, behind the one of the source.
  await world.time.advance(1_000)
  await world.cluster.startNode(1)
  await world.time.until(() => acks.done || acks.error !== undefined)
  assert.equal(acks.error, undefined)
  assert.deepEqual(numbers(acks.values), [0, 1, 2, 3, 4])
  assert.ok(acks.values.every(ack => ack.kind === 'failed' && ack.error instanceof DeliveryTimeoutError))
  await world.end()
})

test('publish() refuses at once what is no source, and options that mean nothing', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  const { producer } = world
  for (const bad of [undefined, null, 5, 'text', () => {}, {}, { topic: 't', value: 'v' }]) {
    assert.throws(() => producer.publish(bad as never), InvalidArgumentError, String(bad))
  }
  for (const [bad, got] of [
    [5, 'number'],
    [null, 'null'],
    [{ subscribe: 5 }, 'an object that is none of these'],
    [{ topic: 't', value: 'v' }, 'a record; use sendOne(record) or publish([record])'],
  ]) {
    assert.throws(() => producer.publish(bad as never), {
      message: `publish() accepts an Observable, an iterable, an async iterable, a Readable, a web stream or a promise, got ${got}`,
    })
  }
  await world.end()
})

test('a source that cannot be read makes the stream fail, not the call', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  const locked = webStream(records(1))
  locked.getReader()
  const broken: AsyncIterable<never> = {
    [Symbol.asyncIterator]: () => {
      throw new Error('no iterator')
    },
  }
  const destroyed = Readable.from(records(3))
  destroyed.destroy(new Error('destroyed before'))
  destroyed.on('error', () => {})
  await world.time.advance(0)
  const errors = await Promise.all(
    [locked, broken, destroyed].map(async source => {
      const acks = watch(world.producer.publish(source as AsyncIterable<ProducerRecord>))
      await world.time.until(() => acks.error !== undefined)
      return acks.error?.message
    }),
  )
  assert.match(String(errors[0]), /locked/)
  assert.deepEqual(errors.slice(1), ['no iterator', 'destroyed before'])
  await world.end()
})

test('after close() it errors, and does not touch its source', async () => {
  const world = await startWorld({ cluster: CLUSTER })
  await world.time.until(world.producer.close())
  let read = false
  const source = (function* () {
    read = true
    yield* records(1)
  })()
  const acks = watch(world.producer.publish(source))
  assert.ok(acks.error instanceof ProducerClosedError)
  assert.ok(!read)
  await world.end()
})

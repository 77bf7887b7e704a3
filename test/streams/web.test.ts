import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Ack, BufferFullError, type ProducerRecord, RecordFailedError } from '../../src/index.js'
import { RECORD_COST } from '../../src/producer/model/batch.js'
import { startWorld, valuesIn, type World } from '../support/world.js'
import { webStream } from './sources.js'

const CLUSTER = { topics: { t: { partitions: 1 } }, replyDelayMs: 10 }
const SMALL = { bufferMemory: 40_000, maxRequestSize: 1_024, batchSize: 1_024 }
/** What a record of the largest size takes in the buffer. */
const LARGEST = SMALL.maxRequestSize + RECORD_COST
const NEVER = { fault: { kind: 'neverAnswer' }, times: Number.POSITIVE_INFINITY } as const

function* records(count: number, size = 1): Generator<ProducerRecord<number>, undefined> {
  for (let i = 0; i < count; i++) yield { topic: 't', value: `v${i}`.padEnd(size, '.'), metadata: i }
}
const BAD = { topic: '', value: 'bad' }
const count = (to: number): number[] => [...Array(to).keys()]
const values = (to: number, size = 1): string[] => [...records(to, size)].map(({ value }) => String(value))
const numbers = (acks: readonly Ack[]): unknown[] => acks.map(ack => ack.record.metadata)

/** What a promise has come to so far: its value or its error, or `pending`. */
function state(promise: Promise<unknown>): () => unknown {
  let now: unknown = 'pending'
  promise.then(
    value => {
      now = value ?? 'done'
    },
    error => {
      now = error
    },
  )
  return () => now
}

/** Writes one record after the other until a write waits; gives how many were written. */
async function fill(world: World, writer: WritableStreamDefaultWriter<ProducerRecord<number>>): Promise<number> {
  for (let written = 1; ; written++) {
    writer.write({ topic: 't', value: 'x'.repeat(100) }).catch(() => {})
    await world.time.advance(0)
    const free = SMALL.bufferMemory - world.producer.bufferedBytes
    assert.equal(writer.desiredSize === 1, free >= LARGEST, `after ${written}, with ${free} bytes free`)
    if (writer.desiredSize !== 1) return written
  }
}

/** Reads one ack after the other, each a while after the one before it. */
async function readSlowly(world: World, stream: ReadableStream<Ack<number>>): Promise<{ acks: Ack[]; error: unknown }> {
  const acks: Ack[] = []
  try {
    for await (const ack of stream as AsyncIterable<Ack<number>>) {
      acks.push(ack)
      await new Promise<void>(resolve => {
        world.time.schedule(() => resolve(), 1)
      })
    }
  } catch (error) {
    return { acks, error }
  }
  return { acks, error: undefined }
}

describe('webWritable()', () => {
  test('pipeTo() resolves when brokers have confirmed every record', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    const piped = webStream(records(1_000, 20)).pipeTo(world.producer.webWritable())
    await world.time.until(piped.then(() => assert.equal(world.producer.bufferedBytes, 0)))
    assert.deepEqual(valuesIn(world.cluster, 't', 0), values(1_000, 20))
    await world.end()
  })

  test('takes arrays of any length, and strings with a topic', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    const all = values(500)
    const chunks = webStream([all.slice(0, 400), 'alone', all.slice(400), []])
    await world.time.until(chunks.pipeTo(world.producer.webWritable<string>({ topic: 't' })))
    assert.deepEqual(valuesIn(world.cluster, 't', 0), [...all.slice(0, 400), 'alone', ...all.slice(400)])
    await world.end()
  })

  test('a writer is ready exactly while the buffer has room', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    const writer = world.producer.webWritable<number>().getWriter()
    for (let round = 0; round < 5; round++) {
      assert.ok((await fill(world, writer)) > (round === 0 ? 10 : 0))
      const ready = state(writer.ready)
      await world.time.advance(0)
      assert.equal(ready(), 'pending')
      await world.time.until(writer.ready)
      assert.ok(SMALL.bufferMemory - world.producer.bufferedBytes >= LARGEST)
    }
    await world.time.until(writer.close())
    await world.end()
  })

  test('close() waits for every ack', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const writer = world.producer.webWritable<number>().getWriter()
    for (const record of records(3)) void writer.write(record)
    const closed = state(writer.close())
    await world.time.advance(5)
    assert.deepEqual([closed(), world.producer.bufferedBytes > 0], ['pending', true])
    await world.time.until(() => closed() !== 'pending')
    assert.deepEqual([closed(), world.producer.bufferedBytes], ['done', 0])
    await world.end()
  })

  for (const last of [false, true]) {
    test(`a record that fails${last ? ', the last one,' : ''} errors it; what was accepted is delivered`, async () => {
      const world = await startWorld({ cluster: CLUSTER })
      let cancelled: unknown
      const source = new ReadableStream<ProducerRecord>({
        start: controller => {
          for (const record of records(2)) controller.enqueue(record)
          // Accepted, and failed by the brokers.
          controller.enqueue({ topic: 'none', value: 'bad' })
          if (last) controller.close()
        },
        cancel: reason => {
          cancelled = reason
        },
      })
      world.cluster.inject({ topic: 'none', api: 'Metadata', fault: { kind: 'error', code: 17 } })
      const piped = state(source.pipeTo(world.producer.webWritable()))
      await world.time.until(() => piped() !== 'pending')
      const error = piped()
      assert.ok(error instanceof RecordFailedError)
      assert.equal(error.ack.record.value, 'bad')
      assert.equal(cancelled, last ? undefined : error)
      await world.time.until(world.producer.flush())
      assert.deepEqual(valuesIn(world.cluster, 't', 0), values(2))
      await world.end()
    })
  }

  test('onFailed takes what fails, and it goes on', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const failed: unknown[] = []
    const sink = world.producer.webWritable({ onFailed: ack => void failed.push(ack.record) })
    await world.time.until(webStream([...records(2), BAD, ...records(1)]).pipeTo(sink))
    assert.deepEqual(failed, [BAD])
    assert.deepEqual(valuesIn(world.cluster, 't', 0), [...values(2), 'v0'])
    await world.end()
  })

  for (const when of ['a write waits for room', 'close() waits for acks'] as const) {
    test(`aborted while ${when}: that ends at once, and what was accepted is delivered`, async () => {
      const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
      const writer = world.producer.webWritable<number>().getWriter()
      const closing = when.startsWith('close')
      const written = closing ? 1 : await fill(world, writer)
      void writer.write({ topic: 't', value: closing ? 'x' : 'not taken' }).catch(() => {})
      const [last, closed] = [state(closing ? writer.close() : writer.ready), state(writer.closed)]
      await world.time.advance(0)
      assert.equal(last(), 'pending')
      const reason = new Error('enough')
      writer.abort(reason).catch(() => {})
      await world.time.advance(0)
      assert.deepEqual([last(), closed()], [reason, reason])
      await world.time.until(world.producer.flush())
      assert.equal(valuesIn(world.cluster, 't', 0).length, written)
      await world.end()
    })
  }

  test('a source that fails, and a signal of pipeTo(), end it; what was accepted is delivered', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const boom = new Error('boom')
    const failing = (function* () {
      yield* records(5)
      throw boom
    })()
    await world.time.until(assert.rejects(webStream(failing).pipeTo(world.producer.webWritable()), boom))
    const abort = new AbortController()
    const silent = new ReadableStream<ProducerRecord>({ start: controller => controller.enqueue(BAD) })
    const sink = world.producer.webWritable({ onFailed: () => {} })
    const piped = state(silent.pipeTo(sink, { signal: abort.signal }))
    await world.time.advance(10)
    abort.abort(boom)
    await world.time.advance(0)
    assert.equal(piped(), boom)
    await world.time.until(world.producer.flush())
    assert.deepEqual(valuesIn(world.cluster, 't', 0), values(5))
    await world.end()
  })

  test('the producer closes while a write waits: it errors when everything is acked; a signal has it error at once', async () => {
    for (const how of ['close', 'abort'] as const) {
      const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
      const abort = new AbortController()
      const writer = world.producer.webWritable<number>({ signal: abort.signal }).getWriter()
      const written = await fill(world, writer)
      const [waiting, closed] = [state(writer.write({ topic: 't', value: 'not taken' })), state(writer.closed)]
      if (how === 'close') void world.producer.close()
      else abort.abort(new Error('enough'))
      await world.time.advance(5)
      if (how === 'close') assert.deepEqual([waiting(), closed()], ['pending', 'pending'])
      else assert.match(String(closed()), /enough/)
      await world.time.until(() => closed() !== 'pending')
      await world.time.until(world.producer.flush())
      assert.match(String(closed()), how === 'close' ? /^ProducerClosedError: / : /enough/)
      assert.equal(waiting(), closed())
      assert.equal(world.producer.bufferedBytes, 0)
      assert.equal(valuesIn(world.cluster, 't', 0).length, written)
      const late = state(world.producer.webWritable({ signal: abort.signal }).getWriter().closed)
      await world.time.advance(0)
      assert.match(String(late()), how === 'close' ? /^ProducerClosedError: / : /enough/)
      await world.end()
    }
  })

  test('no room for maxBlockMs: it errors with that', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: { ...SMALL, maxBlockMs: 5_000 } })
    const writer = world.producer.webWritable<number>().getWriter()
    await writer.write({ topic: 't', value: 'first' })
    await world.time.until(world.producer.flush())
    world.cluster.inject(NEVER)
    await fill(world, writer)
    const closed = state(writer.closed)
    await world.time.advance(4_900)
    assert.equal(closed(), 'pending')
    await world.time.advance(200)
    assert.ok(closed() instanceof BufferFullError)
    await world.time.until(world.producer.close({ timeoutMs: 0 }))
    await world.end()
  })
})

describe('webTransform()', () => {
  test('pipeThrough(): one ack for each record, in order', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    const acks = webStream(records(500, 20)).pipeThrough(world.producer.webTransform())
    const read = await world.time.until(readSlowly(world, acks))
    assert.equal(read.error, undefined)
    assert.deepEqual(numbers(read.acks), count(500))
    assert.ok(read.acks.every(({ kind }) => kind === 'acked'))
    await world.end()
  })

  test('a record that fails is an ack among the others', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const acks = webStream<ProducerRecord<number>>([...records(2), BAD, ...records(1)]).pipeThrough(
      world.producer.webTransform(),
    )
    const read = await world.time.until(readSlowly(world, acks))
    assert.equal(read.error, undefined)
    assert.deepEqual(read.acks.map(({ kind }) => kind).sort(), ['acked', 'acked', 'acked', 'failed'])
    await world.end()
  })

  test('a reader that stops reading stops the intake; when it reads on, nothing is lost', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: { bufferMemory: 200_000, maxRequestSize: 20_000 } })
    let read = 0
    const source = (function* () {
      for (const record of records(20_000, 50)) {
        read++
        yield record
      }
    })()
    const acks = webStream(source).pipeThrough(world.producer.webTransform())
    await world.time.advance(60_000)
    assert.equal(world.producer.bufferedBytes, 0)
    const taken = valuesIn(world.cluster, 't', 0).length
    assert.ok(taken >= 1 && taken <= 200_000 / 50, `${taken} were taken`)
    assert.ok(read <= taken + 2, `${read} were read`)
    let [acked, inOrder] = [0, true]
    const sink = new WritableStream<Ack<number>>({
      write: ack => {
        inOrder &&= ack.kind === 'acked' && ack.record.metadata === acked
        acked++
      },
    })
    await world.time.until(acks.pipeTo(sink))
    assert.deepEqual([acked, inOrder], [20_000, true])
    await world.end()
  })

  for (const when of ['a write waits for the reader', 'a write waits for room', 'close() waits for acks'] as const) {
    for (const how of ['cancelled by its reader', 'aborted by its writer'] as const) {
      test(`${how} while ${when}: that ends at once, and what was accepted is delivered`, async () => {
        const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
        const { readable, writable } = world.producer.webTransform<number>()
        const [writer, reader] = [writable.getWriter(), readable.getReader()]
        if (when === 'a write waits for room') {
          await fill(world, writer)
        } else if (when === 'a write waits for the reader') {
          for (let i = 0; i < 3; i++) writer.write({ topic: 't', value: 'x' }).catch(() => {})
          await world.time.advance(100)
          writer.write({ topic: 't', value: 'x' }).catch(() => {})
        } else void writer.write({ topic: 't', value: 'x' })
        const last = when.startsWith('close') ? writer.close() : writer.write({ topic: 't', value: 'not taken' })
        const [waiting, closed, read] = [state(last), state(writer.closed), state(reader.closed)]
        await world.time.advance(1)
        assert.deepEqual([waiting(), closed(), read()], ['pending', 'pending', 'pending'])
        const reason = new Error('enough')
        if (how.startsWith('cancelled')) void reader.cancel(reason)
        else writer.abort(reason).catch(() => {})
        await world.time.advance(0)
        assert.deepEqual([waiting(), closed()], [reason, reason])
        assert.equal(read(), how.startsWith('cancelled') ? 'done' : reason)
        await world.time.until(world.producer.flush())
        const stored = valuesIn(world.cluster, 't', 0)
        assert.ok(stored.length > 0 && !stored.includes('not taken'))
        await world.end()
      })
    }
  }

  test('a reader that leaves a loop cancels the source', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    let left = false
    const source = (function* () {
      try {
        yield* records(100_000)
      } finally {
        left = true
      }
    })()
    const acks = webStream(source).pipeThrough(world.producer.webTransform())
    const first = (async () => {
      for await (const ack of acks as AsyncIterable<Ack<number>>) return ack
      return undefined
    })()
    assert.equal((await world.time.until(first))?.record.metadata, 0)
    await world.time.until(() => left)
    await world.end()
  })
})

describe('webTransform(): what ends it comes after every ack, however slowly they are read', () => {
  test('the producer closes', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    const { writable, readable } = world.producer.webTransform<number>()
    const piped = state(webStream([[...records(30, 50)], ...records(100_000, 50)]).pipeTo(writable))
    const reading = readSlowly(world, readable)
    await world.time.advance(25)
    void world.producer.close()
    const { acks, error } = await world.time.until(reading)
    assert.match(String(error), /^ProducerClosedError: /)
    assert.equal(piped(), error)
    assert.equal(acks.length >= 30 && acks.every(({ kind }) => kind === 'acked'), true)
    assert.deepEqual(
      acks.map(({ record }) => record.value),
      valuesIn(world.cluster, 't', 0),
    )
    const late = state(world.producer.webTransform().readable.getReader().read())
    await world.time.advance(0)
    assert.match(String(late()), /^ProducerClosedError: /)
    await world.end()
  })

  test('a signal has both sides error at once; what was accepted is delivered', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    const abort = new AbortController()
    const reason = new Error('enough')
    const { writable, readable } = world.producer.webTransform<number>({ signal: abort.signal })
    const piped = state(webStream([[...records(30, 50)], ...records(100_000, 50)]).pipeTo(writable))
    const read = state(readSlowly(world, readable))
    await world.time.advance(25)
    abort.abort(reason)
    await world.time.advance(1)
    assert.deepEqual([piped(), (read() as { error?: unknown }).error], [reason, reason])
    await world.time.until(world.producer.flush())
    assert.equal(valuesIn(world.cluster, 't', 0).length >= 30, true)
    const late = state(world.producer.webTransform({ signal: abort.signal }).readable.getReader().read())
    await world.time.advance(0)
    assert.equal(late(), reason)
    await world.end()
  })

  test('there is no room for maxBlockMs', async () => {
    const producer = { ...SMALL, maxBlockMs: 2_000, requestTimeoutMs: 1_000, deliveryTimeoutMs: 5_000 }
    const world = await startWorld({ cluster: CLUSTER, producer })
    world.cluster.inject(NEVER)
    const acks = webStream(records(100_000, 50)).pipeThrough(world.producer.webTransform())
    const read = await world.time.until(readSlowly(world, acks))
    assert.ok(read.error instanceof BufferFullError)
    assert.ok(read.acks.length > 20 && read.acks.every(({ kind }) => kind === 'failed'))
    assert.deepEqual(numbers(read.acks), count(read.acks.length))
    await world.end()
  })
})

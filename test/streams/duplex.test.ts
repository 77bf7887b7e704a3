import assert from 'node:assert/strict'
import { type Duplex, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import {
  type Ack,
  BrokerError,
  BufferFullError,
  InvalidRecordError,
  ProducerClosedError,
  type ProducerRecord,
} from '../../src/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { startWorld, valuesIn, type World } from '../support/world.js'

const CLUSTER = { topics: { t: { partitions: 1 }, many: { partitions: 3 } }, replyDelayMs: 10 }
const SMALL = { bufferMemory: 40_000, maxRequestSize: 1_024, batchSize: 1_024 }
const NEVER = { fault: { kind: 'neverAnswer' }, times: Number.POSITIVE_INFINITY } as const

function* records(count: number, size = 1): Generator<ProducerRecord<number>, undefined> {
  for (let i = 0; i < count; i++) yield { topic: 't', value: `v${i}`.padEnd(size, '.'), metadata: i }
}
const count = (to: number): number[] => [...Array(to).keys()]
const values = (to: number, size = 1): string[] => [...records(to, size)].map(({ value }) => String(value))
const numbers = (acks: readonly Ack[]): unknown[] => acks.map(ack => ack.record.metadata)

/** What a stream tells, in order. */
function events(stream: Duplex): string[] {
  const seen: string[] = []
  for (const name of ['finish', 'end', 'close'] as const) stream.on(name, () => seen.push(name))
  stream.on('error', error => seen.push(error.message))
  return seen
}

/** Reads one ack after the other, each a while after the one before it. */
async function readSlowly(world: World, duplex: AsyncIterable<Ack<number>>): Promise<{ acks: Ack[]; error: unknown }> {
  const acks: Ack[] = []
  try {
    for await (const ack of duplex) {
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

describe('duplex()', () => {
  test('pipeline(source, duplex, sink): one ack for each record, in the order of its partition', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const acks: Ack<number>[] = []
    const sink = new Writable({
      objectMode: true,
      write: (ack, _, done) => {
        acks.push(ack)
        world.time.schedule(() => done())
      },
    })
    const source = Readable.from(
      count(3_000).map(n => ({ topic: 'many', key: `k${n % 7}`, value: `${n}`, metadata: n })),
    )
    await world.time.until(pipeline(source, world.producer.duplex<number>(), sink))
    assert.deepEqual(numbers(acks).sort(), count(3_000).sort())
    for (const partition of [0, 1, 2]) {
      const own = acks.filter(ack => ack.kind === 'acked' && ack.partition === partition)
      assert.deepEqual(
        own.map(({ record }) => record.value),
        valuesIn(world.cluster, 'many', partition),
      )
      assert.deepEqual(
        own.map(ack => ack.kind === 'acked' && ack.offset),
        count(own.length).map(BigInt),
      )
    }
    await world.end()
  })

  test('for await: every ack, then the end', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    const reading = readSlowly(world, Readable.from(records(300, 50)).pipe(world.producer.duplex<number>()))
    const { acks, error } = await world.time.until(reading)
    assert.equal(error, undefined)
    assert.deepEqual(numbers(acks), count(300))
    assert.ok(acks.every(({ kind }) => kind === 'acked'))
    await world.end()
  })

  test('a reader that stops reading stops the intake; when it reads on, nothing is lost', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    let read = 0
    const source = (function* () {
      for (const record of records(100_000, 50)) {
        read++
        yield record
      }
    })()
    const duplex = Readable.from(source).pipe(world.producer.duplex<number>())
    await world.time.advance(60_000)
    assert.equal(world.producer.bufferedBytes, 0)
    const taken = valuesIn(world.cluster, 't', 0).length
    assert.equal(duplex.readableLength, taken)
    assert.ok(taken >= 16 && taken <= SMALL.bufferMemory / 50, `${taken} were taken`)
    assert.ok(read <= taken + 34, `${read} were read`)
    let [acked, inOrder] = [0, true]
    duplex.on('data', (ack: Ack<number>) => {
      inOrder &&= ack.kind === 'acked' && ack.record.metadata === acked
      acked++
    })
    await world.time.until(() => duplex.closed)
    assert.deepEqual([acked, inOrder], [100_000, true])
    await world.end()
  })

  test('end() is followed by the last ack, finish, end and close, each once', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const duplex = world.producer.duplex<number>()
    const seen = events(duplex)
    duplex.on('data', (ack: Ack<number>) => seen.push(`ack ${ack.record.metadata}`))
    for (const record of records(2)) duplex.write(record)
    duplex.end([...records(1)])
    await world.time.advance(5)
    assert.deepEqual(seen, [])
    await world.time.until(() => duplex.closed)
    assert.deepEqual(seen.slice(0, 3), ['ack 0', 'ack 1', 'ack 0'])
    assert.deepEqual([...seen.slice(3)].sort(), ['close', 'end', 'finish'])
    assert.equal(seen.at(-1), 'close')
    await world.end()
  })

  test('one that is given nothing ends', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const duplex = world.producer.duplex()
    const seen = events(duplex)
    duplex.resume().end()
    await world.time.until(() => duplex.closed)
    assert.deepEqual(seen.sort(), ['close', 'end', 'finish'])
    assert.equal(world.cluster.trace.length, 0)
    await world.end()
  })

  test('a record that fails is an ack among the others', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const given = [...records(3)].map(record => (record.metadata === 1 ? { ...record, topic: '' } : record))
    const duplex = Readable.from(given).pipe(world.producer.duplex<number>())
    const { acks, error } = await world.time.until(readSlowly(world, duplex))
    assert.equal(error, undefined)
    assert.deepEqual(acks.map(({ kind }) => kind).sort(), ['acked', 'acked', 'failed'])
    const [failed] = acks.filter(ack => ack.kind === 'failed')
    assert.ok(failed?.error instanceof InvalidRecordError)
    assert.equal(failed.record, given[1])
    await world.end()
  })
})

describe('duplex() ends early', () => {
  test('its source fails: so does the pipeline, and what was accepted is delivered', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const boom = new Error('boom')
    const source = (function* () {
      yield* records(20)
      throw boom
    })()
    const sink = new Writable({ objectMode: true, write: (_ack, _encoding, done) => done() })
    const failed = assert.rejects(pipeline(Readable.from(source), world.producer.duplex(), sink), boom)
    await world.time.until(failed)
    assert.ok(sink.destroyed)
    await world.time.until(world.producer.flush())
    assert.deepEqual(valuesIn(world.cluster, 't', 0), values(20))
    await world.end()
  })

  test('destroyed in flight: it closes, tells nothing more, and what was accepted is delivered', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const duplex = world.producer.duplex<number>()
    const seen = events(duplex)
    duplex.on('data', () => seen.push('ack'))
    for (const record of records(10)) duplex.write(record)
    duplex.destroy()
    await world.time.until(world.producer.flush())
    assert.deepEqual(seen, ['close'])
    assert.deepEqual(valuesIn(world.cluster, 't', 0), values(10))
    await world.end()
  })

  for (const why of ['for room', 'for the reader'] as const) {
    test(`destroyed while a write waits ${why}: its callback is told`, async () => {
      const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
      const duplex = world.producer.duplex<number>()
      duplex.on('error', () => {})
      const told: unknown[] = []
      if (why === 'for room') world.cluster.inject(NEVER)
      for (const record of records(500, 100)) duplex.write(record, error => told.push(error ?? 'accepted'))
      await world.time.advance(1_000)
      const accepted = told.length
      assert.ok(accepted > 10 && accepted < 500)
      const reason = new Error('enough')
      duplex.destroy(reason)
      await world.time.advance(0)
      assert.deepEqual(told, [...new Array(accepted).fill('accepted'), ...new Array(500 - accepted).fill(reason)])
      await world.time.until(world.producer.close({ timeoutMs: 0 }))
      await world.end()
    })
  }

  test('a reader that leaves a loop destroys it; what was accepted is delivered', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const duplex = world.producer.duplex<number>()
    for (const record of records(10)) duplex.write(record)
    const first = (async () => {
      for await (const ack of duplex) return ack
      return undefined
    })()
    assert.equal((await world.time.until(first))?.record.metadata, 0)
    assert.ok(duplex.destroyed)
    await world.time.until(world.producer.flush())
    assert.deepEqual(valuesIn(world.cluster, 't', 0), values(10))
    await world.end()
  })

  test('after close() it is destroyed at once', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    await world.time.until(world.producer.close())
    const duplex = world.producer.duplex()
    const seen = events(duplex)
    await world.time.advance(0)
    assert.ok(duplex.errored instanceof ProducerClosedError)
    assert.deepEqual(seen, ['the producer was closed', 'close'])
    await world.end()
  })
})

describe('duplex(): what ends it comes after every ack, however slowly they are read', () => {
  /** Writes more than there is room for, whatever comes of it. */
  const begin = (world: World, signal?: AbortSignal) => {
    const duplex = Readable.from(records(100_000, 50)).pipe(world.producer.duplex<number>(signal && { signal }))
    return readSlowly(world, duplex)
  }
  const check = (world: World, acks: readonly Ack[]): void => {
    assert.ok(acks.length > 50, `${acks.length} acks`)
    assert.deepEqual(numbers(acks), count(acks.length))
    const acked = acks.filter(({ kind }) => kind === 'acked')
    assert.deepEqual(valuesIn(world.cluster, 't', 0), values(acked.length, 50))
  }

  test('the producer closes', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    const reading = begin(world)
    await world.time.advance(500)
    await world.time.until(world.producer.close())
    const { acks, error } = await world.time.until(reading)
    assert.ok(error instanceof ProducerClosedError)
    check(world, acks)
    assert.ok(acks.every(({ kind }) => kind === 'acked'))
    await world.end()
  })

  test('its signal is aborted', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    const abort = new AbortController()
    const reading = begin(world, abort.signal)
    await world.time.advance(500)
    abort.abort(new Error('enough'))
    const { acks, error } = await world.time.until(reading)
    assert.match(String(error), /enough/)
    check(world, acks)
    assert.ok(acks.every(({ kind }) => kind === 'acked'))
    await world.end()
  })

  test('the producer can not go on', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    const code = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
    world.cluster.inject({ api: 'InitProducerId', fault: { kind: 'error', code } })
    const { acks, error } = await world.time.until(begin(world))
    assert.ok(error instanceof BrokerError && error.code === code)
    check(world, acks)
    assert.ok(acks.every(ack => ack.kind === 'failed' && ack.error === error))
    await world.end()
  })

  test('there is no room for maxBlockMs', async () => {
    const producer = { ...SMALL, maxBlockMs: 2_000, requestTimeoutMs: 1_000, deliveryTimeoutMs: 5_000 }
    const world = await startWorld({ cluster: CLUSTER, producer })
    world.cluster.inject({ after: 30, ...NEVER })
    const { acks, error } = await world.time.until(begin(world))
    assert.ok(error instanceof BufferFullError)
    assert.deepEqual(numbers(acks), count(acks.length))
    const kinds = new Set(acks.map(({ kind }) => kind))
    assert.ok(kinds.has('acked') && kinds.has('failed'))
    await world.end()
  })
})

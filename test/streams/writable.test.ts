import assert from 'node:assert/strict'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import {
  BufferFullError,
  ProducerClosedError,
  type ProducerRecord,
  RecordFailedError,
  serializers,
} from '../../src/index.js'
import { RECORD_COST } from '../../src/producer/model/batch.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { BATCH_HEADER_SIZE } from '../../src/protocol/records/record-batch.js'
import { startWorld, valuesIn, type World } from '../support/world.js'

const CLUSTER = { topics: { t: { partitions: 1 } }, replyDelayMs: 10 }
const SMALL = { bufferMemory: 10_000, maxRequestSize: 1_024, batchSize: 1_024 }
/** What a record of the largest size takes in the buffer. */
const LARGEST = SMALL.maxRequestSize + RECORD_COST
const records = (count: number, size = 1): ProducerRecord[] =>
  Array.from({ length: count }, (_, i) => ({ topic: 't', value: `v${i}`.padEnd(size, '.') }))
const values = (count: number): string[] => records(count).map(record => String(record.value))

/** Writes records one by one until `write()` is false; gives how many were written. */
function fill(world: World, writable: Writable, value = 'x'.repeat(100)): number {
  for (let written = 1; ; written++) {
    const more = writable.write({ topic: 't', value })
    const free = SMALL.bufferMemory - world.producer.bufferedBytes
    assert.equal(more, free >= LARGEST, `after ${written} records, with ${free} bytes free`)
    if (!more) return written
  }
}

/** Resolves, in virtual time, with what it ended with. */
async function ended(world: World, stream: Writable): Promise<Error | null> {
  stream.on('error', () => {})
  if (!stream.closed) await world.time.until(() => stream.closed)
  return stream.errored
}

describe('writable()', () => {
  test('await pipeline() ends when every record is acked, and they are in order', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    let confirmed = 0
    const done = pipeline(Readable.from(records(5_000)), world.producer.writable()).then(() => {
      confirmed = valuesIn(world.cluster, 't', 0).length
      assert.equal(world.producer.bufferedBytes, 0)
    })
    await world.time.until(done)
    assert.equal(confirmed, 5_000)
    assert.deepEqual(valuesIn(world.cluster, 't', 0), values(5_000))
    await world.end()
  })

  test('the window is full while a stream is piped: flushes do not alternate with waiting', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: { batchSize: 200 } })
    await world.time.until(pipeline(Readable.from(records(2_000, 50)), world.producer.writable()))
    assert.equal(world.cluster.depth.most(), 4)
    await world.end()
  })

  test('write() is false exactly while the buffer is at its limit, and drain follows', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    const writable = world.producer.writable()
    let drains = 0
    writable.on('drain', () => {
      drains++
    })
    for (let round = 1; round <= 5; round++) {
      assert.ok(fill(world, writable) > (round === 1 ? 10 : 0))
      assert.equal(drains, round - 1)
      await world.time.until(() => drains === round)
      assert.ok(SMALL.bufferMemory - world.producer.bufferedBytes >= LARGEST)
    }
    writable.end()
    assert.equal(await ended(world, writable), null)
    assert.equal(drains, 5)
    await world.end()
  })

  test('who goes on writing though it was told not to loses nothing, and the buffer keeps its limit', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    const writable = world.producer.writable()
    for (const record of records(500, 100)) {
      writable.write(record)
      assert.ok(world.producer.bufferedBytes <= SMALL.bufferMemory)
    }
    writable.end()
    assert.equal(await ended(world, writable), null)
    assert.equal(valuesIn(world.cluster, 't', 0).length, 500)
    await world.end()
  })

  test('takes arrays, and corked writes, of any length', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    const writable = world.producer.writable()
    const all = records(1_000)
    writable.write(all.slice(0, 400))
    writable.cork()
    for (const record of all.slice(400, 500)) writable.write(record)
    writable.write(all.slice(500))
    writable.uncork()
    writable.end()
    assert.equal(await ended(world, writable), null)
    assert.deepEqual(valuesIn(world.cluster, 't', 0), values(1_000))
    await world.end()
  })

  test('with a topic takes anything that a serializer makes a value of', async () => {
    const world = await startWorld({ cluster: { topics: { t: { partitions: 3 } } } })
    const lines = world.producer.writable({ topic: 't', partition: () => 0 })
    const orders = world.producer.writable<{ id: number }>({
      topic: 't',
      key: ({ id }) => `k${id}`,
      value: serializers.json,
      headers: ({ id }) => ({ id: `${id}` }),
      partition: () => 1,
      timestamp: ({ id }) => id,
    })
    await world.time.until(pipeline(Readable.from(['a', Buffer.from('b')]), lines))
    await world.time.until(pipeline(Readable.from([[{ id: 1 }, { id: 2 }], { id: 3 }]), orders))
    assert.deepEqual(valuesIn(world.cluster, 't', 0), ['a', 'b'])
    assert.deepEqual(valuesIn(world.cluster, 't', 1), ['{"id":1}', '{"id":2}', '{"id":3}'])
    const [first] = world.cluster.records('t', 1)
    assert.deepEqual(
      [String(first?.key), first?.timestamp, first?.headers.map(([name, value]) => [name, String(value)])],
      ['k1', 1n, [['id', '1']]],
    )
    await world.end()
  })

  test('a record that fails destroys it; what was accepted is delivered all the same', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const writable = world.producer.writable()
    writable.write({ topic: 't', value: 'good' })
    writable.write({ topic: '', value: 'bad' })
    const error = await ended(world, writable)
    assert.ok(error instanceof RecordFailedError)
    assert.equal(error.ack.record.value, 'bad')
    await world.time.until(world.producer.flush())
    assert.deepEqual(valuesIn(world.cluster, 't', 0), ['good'])
    await world.end()
  })

  test('onFailed takes what fails, and the stream goes on and finishes', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: { batchSize: BATCH_HEADER_SIZE } })
    world.cluster.inject({ after: 1, fault: { kind: 'error', code: ErrorCode.INVALID_RECORD } })
    const failed: unknown[] = []
    const writable = world.producer.writable<number>({
      onFailed: ack => failed.push([ack.kind === 'failed' && ack.persisted, ack.record.metadata]),
    })
    await world.time.until(
      pipeline(Readable.from(records(4).map((record, metadata) => ({ ...record, metadata }))), writable),
    )
    assert.deepEqual(failed, [['no', 1]])
    assert.deepEqual(valuesIn(world.cluster, 't', 0), ['v0', 'v2', 'v3'])
    await world.end()
  })

  test('destroyed in flight: what was accepted is delivered, what waited for room is not, and nothing is left', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: SMALL })
    const writable = world.producer.writable()
    const taken = fill(world, writable)
    writable.write({ topic: 't', value: 'waits' })
    writable.destroy(new Error('enough'))
    assert.match(String(await ended(world, writable)), /enough/)
    await world.time.until(world.producer.flush())
    assert.equal(valuesIn(world.cluster, 't', 0).length, taken)
    await world.end()
  })

  test('the producer closes under it: it is destroyed with the reason once its records are acked', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const writable = world.producer.writable()
    writable.write({ topic: 't', value: 'v' })
    void world.producer.close()
    const error = await ended(world, writable)
    assert.ok(error instanceof ProducerClosedError)
    assert.equal(valuesIn(world.cluster, 't', 0).length, 1)
    const late = world.producer.writable()
    assert.ok((await ended(world, late)) instanceof ProducerClosedError)
    await world.end()
  })

  test('a signal ends it with its reason', async () => {
    const world = await startWorld({ cluster: CLUSTER })
    const abort = new AbortController()
    const writable = world.producer.writable({ signal: abort.signal })
    writable.write({ topic: 't', value: 'v' })
    abort.abort(new Error('no more'))
    assert.match(String(await ended(world, writable)), /no more/)
    await world.time.until(world.producer.flush())
    assert.equal(valuesIn(world.cluster, 't', 0).length, 1)
    const late = world.producer.writable({ signal: abort.signal })
    assert.match(String(await ended(world, late)), /no more/)
    await world.end()
  })

  test('no room for longer than maxBlockMs: the error names who holds the buffer', async () => {
    const world = await startWorld({ cluster: CLUSTER, producer: { ...SMALL, maxBlockMs: 5_000 } })
    const writable = world.producer.writable()
    writable.write({ topic: 't', value: 'first' })
    await world.time.until(world.producer.flush())
    world.cluster.inject({ fault: { kind: 'neverAnswer' }, times: Number.POSITIVE_INFINITY })
    fill(world, writable)
    const error = await ended(world, writable)
    assert.ok(error instanceof BufferFullError)
    assert.match(error.message, /`maxBlockMs` \(5000\).*partition t-0 holds \d+ of them/)
    const blocked = world.events.filter(event => event.kind === 'blocked')
    assert.equal(blocked.length, 1)
    assert.ok(blocked[0]?.kind === 'blocked' && blocked[0].waitingOn[0]?.topic === 't')
    await world.time.until(world.producer.close({ timeoutMs: 0 }))
    await world.end()
  })
})

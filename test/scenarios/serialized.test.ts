/** What serializers make is the producer's own as soon as they have made it: they may use their memory again. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { of, Subject } from 'rxjs'
import { type Ack, InvalidRecordError, type ProducerRecord, type RecordOptions } from '../../src/index.js'
import { startWorld, type World, watch } from '../support/world.js'

const CLUSTER = { topics: { t: { partitions: 1 } }, replyDelayMs: 5 }
const count = (to: number): number[] => [...Array(to).keys()]
const text = (what: string, n: unknown): string => `${what}${String(n).padStart(3, '0')}`
const failure = (ack: Ack | undefined): string | undefined => (ack?.kind === 'failed' ? ack.error.message : ack?.kind)

/** A serializer that writes everything into one buffer. */
function scratch(what: string): (n: unknown) => Buffer {
  const bytes = Buffer.alloc(what.length + 3)
  return n => {
    bytes.write(text(what, n))
    return bytes
  }
}

/** The same, after so many ms: no two at the same time. */
function later(world: World, what: string, base = 0): (n: unknown) => Promise<Buffer> {
  const write = scratch(what)
  return n =>
    new Promise(resolve => {
      world.time.schedule(() => resolve(write(n)), base + ((Number(n) * 7) % 16) * 100 + Number(n))
    })
}

const startAt = async (known: boolean): Promise<World> => {
  const world = await startWorld({ cluster: CLUSTER })
  if (!known) return world
  const acks = watch(of({ topic: 't', value: 'before' }).pipe(world.producer.send()))
  await world.time.until(() => acks.done)
  world.cluster.deleteRecords('t', 0, 1n)
  return world
}

/** Of one stream: how the key and the value of a record come to be. */
const SCRATCHES: Readonly<Record<string, (world: World) => Omit<RecordOptions<number>, 'topic'>>> = {
  'key and value at once': () => ({ key: scratch('k'), value: scratch('v') }),
  'key at once, value later': world => ({ key: scratch('k'), value: later(world, 'v') }),
  'key at once, value in a promise': () => ({ key: scratch('k'), value: async n => text('v', n) }),
  'key later, value at once': world => ({ key: later(world, 'k'), value: scratch('v') }),
  'key and value later': world => ({ key: later(world, 'k'), value: later(world, 'v', 2_000) }),
  'value before key': world => ({ key: later(world, 'k', 2_000), value: later(world, 'v') }),
  'some values later, others at once behind them': world => {
    const [write, slow] = [scratch('v'), later(world, 'v')]
    return { key: scratch('k'), value: n => (n % 3 === 0 ? slow(n) : write(n)) }
  },
  'in microtasks, one at a time': () => {
    const [key, value] = [scratch('k'), scratch('v')]
    return {
      key: async n => {
        await undefined
        return key(n)
      },
      value: async n => {
        await undefined
        return value(n)
      },
      concurrency: 1,
    }
  },
  'one for both, at once': () => {
    const bytes = Buffer.alloc(4)
    const write = (what: string) => (n: unknown) => {
      bytes.write(text(what, n))
      return bytes
    }
    return { key: write('k'), value: write('v') }
  },
}

describe('serializers with one buffer for all records', () => {
  for (const known of [false, true]) {
    for (const [what, options] of Object.entries(SCRATCHES)) {
      test(`${what}, ${known ? 'a topic that is known' : 'metadata on its way'}: each record has its own`, async () => {
        const world = await startAt(known)
        const header = Buffer.alloc(4)
        const headers = (n: number): [string, Buffer][] => {
          header.write(text('h', n))
          return [['h', header]]
        }
        const source = new Subject<number>()
        const acks = watch(source.pipe(world.producer.send({ topic: 't', ...options(world), headers })))
        for (const n of count(100)) source.next(n)
        source.complete()
        await world.time.until(() => acks.done)
        assert.deepEqual(
          world.cluster.records('t', 0).map(record => `${record.key} ${record.value} ${record.headers.map(String)}`),
          count(100).map(n => `${text('k', n)} ${text('v', n)} h,${text('h', n)}`),
        )
        await world.end()
      })
    }
  }

  test('a source with one buffer, which is the value, and an asynchronous key', async () => {
    const world = await startAt(true)
    const source = new Subject<Buffer>()
    const acks = watch(source.pipe(world.producer.send({ topic: 't', key: async bytes => `key of ${bytes}` })))
    const write = scratch('v')
    // As many as there are at work at once: what waits for its turn is to stay as it is.
    for (const n of count(16)) source.next(write(n))
    source.complete()
    await world.time.until(() => acks.done)
    assert.deepEqual(
      world.cluster.records('t', 0).map(({ key, value }) => `${key}: ${value}`),
      count(16).map(n => `key of ${text('v', n)}: ${text('v', n)}`),
    )
    await world.end()
  })
})

/** Options that make nothing that could be sent. TypeScript would refuse them. */
const WRONG: Readonly<Record<string, readonly [Record<string, unknown>, RegExp]>> = {
  'headers of an async function': [
    { headers: async () => ({ h: '1' }) },
    /`headers` must be .*, got an object of class Promise/,
  ],
  'a Symbol as topic': [{ topic: () => Symbol('s') }, /`topic` must be a non-empty string, got Symbol\(s\)/],
  'an async topic': [{ topic: async () => 't' }, /`topic` must be a non-empty string, got an object of class Promise/],
  'half a surrogate pair as topic': [
    { topic: () => 'half \ud83d' },
    /`topic` "half \\ud83d" holds half of a surrogate pair/,
  ],
  'an async partition': [
    { partition: async () => 0 },
    /`partition` must be an integer from 0, got an object of class Promise/,
  ],
  'an async timestamp': [{ timestamp: async () => 0 }, /`timestamp` must be .*, got an object of class Promise/],
}

describe('what can not be sent', () => {
  for (const how of ['at once', 'later'] as const) {
    for (const [what, [wrong, message]] of Object.entries(WRONG)) {
      test(`${what}, value ${how}: the record fails, and says so`, async () => {
        const world = await startAt(false)
        const value = (n: number): unknown => (how === 'later' ? Promise.resolve(`${n}`) : `${n}`)
        const options = { topic: 't', value, ...wrong } as unknown as RecordOptions<number>
        const acks = watch(of(1).pipe(world.producer.send(options)))
        await world.time.until(() => acks.done)
        assert.match(String(failure(acks.values[0])), message)
        assert.deepEqual([acks.values.length, acks.error, world.time.now()], [1, undefined, 0])
        assert.deepEqual([...world.cluster.topics.keys()], ['t'])
        await world.end()
      })

      test(`${what}, value ${how}: ends a writable(), which does not finish`, async () => {
        const world = await startAt(false)
        const value = (n: number): unknown => (how === 'later' ? Promise.resolve(`${n}`) : `${n}`)
        const writable = world.producer.writable({ topic: 't', value, ...wrong } as unknown as RecordOptions<number>)
        let finished = false
        writable.on('finish', () => {
          finished = true
        })
        writable.end(1)
        const [error] = (await once(writable, 'error')) as [Error]
        assert.match(error.message, message)
        assert.equal((error.cause as Error).constructor, InvalidRecordError)
        assert.equal(finished, false)
        await world.end()
      })
    }
  }

  test('a Symbol as topic of a record ends a writable(), which does not finish; as an option it is refused', async () => {
    const world = await startAt(true)
    const writable = world.producer.writable()
    let finished = false
    writable.on('finish', () => {
      finished = true
    })
    writable.end({ topic: Symbol('s'), value: 'v' } as unknown as ProducerRecord)
    const [error] = (await once(writable, 'error')) as [Error]
    assert.match(error.message, /^a record of topic Symbol\(s\) failed: .*`topic` must be a non-empty string/)
    assert.equal(finished, false)
    assert.throws(
      () => world.producer.writable({ topic: Symbol('s') } as never),
      /`topic` is Symbol\(s\), but it must be a non-empty string or a function/,
    )
    await world.end()
  })
})

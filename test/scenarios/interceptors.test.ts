import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type TestContext, test } from 'node:test'
import { from, lastValueFrom, map, toArray } from 'rxjs'
import {
  type Ack,
  BufferFullError,
  type Interceptor,
  type Producer,
  type ProducerRecord,
  RecordFailedError,
} from '../../src/index.js'
import { ErrorCode } from '../../src/protocol/error-codes.js'
import { open, startWorld, valuesIn, type World, type WorldOptions, watch } from '../support/world.js'

/** Marks records, and keeps what it sees. */
class Marker implements Interceptor {
  readonly sent: ProducerRecord[] = []
  readonly acks: Ack[] = []
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  closed = 0

  onClose(): void {
    this.closed++
  }

  onSend(record: ProducerRecord): ProducerRecord {
    const marked = { ...record, headers: { ...(record.headers as object), [this.#name]: String(this.sent.length) } }
    this.sent.push(marked)
    return marked
  }

  onAck(ack: Ack): void {
    this.acks.push(ack)
  }
}

function world(interceptors: readonly Interceptor[], options: WorldOptions = {}): Promise<World> {
  return startWorld({
    cluster: { topics: { t: { partitions: 1 } }, ...options.cluster },
    producer: { interceptors, ...options.producer },
  })
}

const headersIn = ({ cluster }: World): string[] =>
  cluster.records('t', 0).map(({ headers }) => headers.map(([name, value]) => `${name}=${value}`).join())

const FORMS: Record<string, (producer: Producer, records: readonly ProducerRecord[]) => Promise<unknown>> = {
  send: (producer, records) => lastValueFrom(from(records).pipe(producer.send(), toArray())),
  sendBatches: (producer, records) => lastValueFrom(from(records).pipe(producer.sendBatches(), toArray())),
  publish: (producer, records) => lastValueFrom(producer.publish(records).pipe(toArray())),
  'send with a mapping': (producer, records) =>
    lastValueFrom(
      from(records).pipe(
        map(({ value }) => ({ value })),
        producer.send({ topic: 't', value: ({ value }) => value }),
        toArray(),
      ),
    ),
  'publish with a promise': (producer, records) =>
    lastValueFrom(
      producer.publish(records, { topic: 't', value: async ({ value }) => value, concurrency: 2 }).pipe(toArray()),
    ),
  sendOne: (producer, records) => Promise.all(records.map(record => producer.sendOne(record))),
  writable: (producer, records) => pipeline(Readable.from(records), producer.writable()),
  duplex: async (producer, records) => {
    const duplex = Readable.from(records).pipe(producer.duplex())
    duplex.resume()
    await once(duplex, 'close')
  },
  webWritable: (producer, records) => ReadableStream.from(records).pipeTo(producer.webWritable()),
  webTransform: async (producer, records) => {
    for await (const _ of ReadableStream.from(records).pipeThrough(producer.webTransform()));
  },
}

for (const [name, send] of Object.entries(FORMS)) {
  test(`${name}: onSend sees each record before it is sent, onAck each ack`, async () => {
    const marker = new Marker('m')
    const it = await world([marker])
    const records = ['a', 'b', 'c'].map(value => ({ topic: 't', value }))
    await it.time.until(send(it.producer, records))
    assert.deepEqual(valuesIn(it.cluster, 't', 0), ['a', 'b', 'c'])
    assert.deepEqual(headersIn(it), ['m=0', 'm=1', 'm=2'])
    assert.deepEqual(
      marker.acks.map(ack => (ack.kind === 'acked' ? ack.offset : ack.error)),
      [0n, 1n, 2n],
    )
    assert.deepEqual(
      marker.acks.map(({ record }) => marker.sent.indexOf(record)),
      [0, 1, 2],
    )
    assert.equal(marker.closed, 0)
    await it.end()
    assert.equal(marker.closed, 1)
  })
}

test("each interceptor gets what the one before it returned, its own record back, and the user's ack the user's object", async () => {
  const [first, second] = [new Marker('first'), new Marker('second')]
  const it = await world([first, second])
  const record = { topic: 't', value: 'v', metadata: 7 }
  const [ack] = await it.time.until(lastValueFrom(from([record]).pipe(it.producer.send(), toArray())))
  assert.deepEqual(headersIn(it), ['first=0,second=0'])
  assert.equal(ack!.record, record)
  assert.equal(first.acks[0]!.record, first.sent[0])
  assert.equal(second.acks[0]!.record, second.sent[0])
  // One object, sent twice.
  const twice = await it.time.until(lastValueFrom(from([record, record]).pipe(it.producer.sendBatches(), toArray())))
  assert.deepEqual(
    twice.flatMap(batch => [...batch]).map(one => one.record === record),
    [true, true],
  )
  assert.equal((await it.time.until(it.producer.sendOne(record))).record, record)
  assert.deepEqual(headersIn(it).slice(1), ['first=1,second=1', 'first=2,second=2', 'first=3,second=3'])
  await it.end()
})

test('onAck is called for every record that fails: refused, never serialized, rejected by its broker, expired', async () => {
  const marker = new Marker('m')
  const it = await world([marker])
  it.cluster.inject({ topic: 't', fault: { kind: 'error', code: ErrorCode.TOPIC_AUTHORIZATION_FAILED } })
  const { push, acks } = open(it.producer)
  push.next({ topic: 't', value: 'rejected' })
  await it.time.until(() => acks.values.length === 1)
  push.next({ topic: 't', value: 5 as never })
  push.next(undefined as never)
  push.next({ topic: 'no such topic!', value: 'v' })
  push.complete()
  const unserialized = watch(
    from(['data']).pipe(
      it.producer.send({
        topic: 't',
        value: () => {
          throw new Error('no schema')
        },
      }),
    ),
  )
  await it.time.until(() => acks.done && unserialized.done)
  await assert.rejects(it.time.until(it.producer.sendOne({ topic: 't', value: 6 as never })), RecordFailedError)
  assert.deepEqual(
    marker.acks.map(ack => (ack.kind === 'failed' ? `${ack.persisted} ${ack.attempts}` : ack.kind)),
    ['no 1', 'no 0', 'no 0', 'no 0', 'no 0', 'no 0'],
  )
  assert.deepEqual(
    acks.values.map(({ record }) => record?.value),
    ['rejected', 5, undefined, 'v'],
  )
  await it.end()
})

test('a record without buffer memory: onAck is called where the stream ends instead, and where a promise is rejected', async () => {
  const marker = new Marker('m')
  const it = await world([marker], { producer: { bufferMemory: 4_000, maxRequestSize: 1_024 } })
  it.cluster.inject({ times: Number.POSITIVE_INFINITY, fault: { kind: 'neverAnswer' } })
  const { push, acks } = open(it.producer)
  for (let i = 0; i < 8; i++) push.next({ topic: 't', value: 'v'.repeat(400) })
  const abort = new AbortController()
  const single = it.producer.sendOne({ topic: 't', value: 's' }, { signal: abort.signal }).catch(error => error)
  abort.abort(new Error('enough'))
  assert.equal((await single).message, 'enough')
  const waiting = it.producer.sendOne({ topic: 't', value: 'w' }).catch(error => error)
  await it.time.until(it.producer.close({ timeoutMs: 100 }))
  assert.match((await waiting).message, /closed/)
  assert.ok(acks.error instanceof BufferFullError, String(acks.error))
  assert.equal(marker.acks.length, marker.sent.length)
  assert.ok(marker.acks.some(ack => ack.kind === 'failed' && ack.error instanceof BufferFullError))
  assert.ok(marker.acks.some(ack => ack.kind === 'failed' && ack.error.message === 'enough'))
  await it.end()
})

test('onSend is called in the order of the source, whichever serializer is done first, and never for a record that expires before', async () => {
  const marker = new Marker('m')
  const it = await world([marker], { producer: { deliveryTimeoutMs: 1_000, requestTimeoutMs: 500 } })
  const done = new Map<string, () => void>()
  const source = ['a', 'b', 'c', 'd']
  const value = (data: string): Promise<string> => new Promise(resolve => done.set(data, () => resolve(data)))
  const acks = watch(it.producer.publish(source, { topic: 't', value, concurrency: 4 }))
  await it.time.advance(10)
  for (const data of ['c', 'b', 'a']) {
    done.get(data)!()
    await it.time.advance(10)
  }
  await it.time.until(() => acks.done)
  done.get('d')!()
  await it.time.advance(10)
  assert.deepEqual(
    marker.sent.map(({ value }) => String(value)),
    ['a', 'b', 'c'],
  )
  assert.deepEqual(
    marker.acks.map(({ kind, record }) => [kind, record.metadata]),
    [
      ['acked', 'a'],
      ['acked', 'b'],
      ['acked', 'c'],
      ['failed', 'd'],
    ],
  )
  await it.end()
})

test('an interceptor that throws, or returns no record, fails nothing: the record goes on, and an event says why', async () => {
  const bad: Interceptor = {
    onSend(record) {
      if (record.value === 'throws') throw new Error('onSend is broken')
      if (record.value === 'nothing') return undefined as never
      return record.value === 'promise' ? (Promise.resolve(record) as never) : record
    },
    onAck() {
      throw 'onAck is broken'
    },
  }
  const marker = new Marker('m')
  const it = await world([bad, marker])
  const values = ['throws', 'nothing', 'promise', 'good']
  const acks = await it.time.until(
    lastValueFrom(from(values.map(value => ({ topic: 't', value }))).pipe(it.producer.send(), toArray())),
  )
  assert.deepEqual(
    acks.map(({ kind }) => kind),
    ['acked', 'acked', 'acked', 'acked'],
  )
  assert.deepEqual(headersIn(it), ['m=0', 'm=1', 'm=2', 'm=3'])
  assert.deepEqual(
    it.events.flatMap(event => (event.kind === 'interceptorFailed' ? [`${event.method}: ${event.error.message}`] : [])),
    [
      'onSend: onSend is broken',
      'onSend: onSend() of an interceptor returned undefined; it must return a record',
      'onSend: onSend() of an interceptor returned a promise; it must return a record',
      ...values.map(() => 'onAck: onAck is broken'),
    ],
  )
  await it.end()
})

test('while nobody observes events$, the first failure of an interceptor is a process warning', async (t: TestContext) => {
  const warnings: unknown[] = []
  t.mock.method(process, 'emitWarning', (text: string, { code }: { code: string }) => warnings.push([code, text]))
  const { ProducerEvents } = await import('../../src/producer/model/events.js')
  const events$ = new ProducerEvents()
  for (const _ of [1, 2]) events$.next({ kind: 'interceptorFailed', method: 'onAck', error: new Error('broken') })
  assert.deepEqual(warnings, [
    [
      'RX_KAFKA_INTERCEPTOR',
      'rx-kafka: onAck() of an interceptor failed: broken\nRecords go on without it; producer.events$ tells what happens.',
    ],
  ])
})

test('an interceptor that closes the producer, or sends records, loses nothing', async () => {
  let it: World | undefined
  const seen: Ack[] = []
  const nested: Ack[] = []
  const interceptor: Interceptor = {
    onSend(record) {
      if (record.value === 'closes') void it!.producer.close()
      if (record.value === 'sends')
        from([{ topic: 't', value: 'nested' }])
          .pipe(it!.producer.send())
          .subscribe(ack => nested.push(ack))
      return record
    },
    onAck: ack => void seen.push(ack),
  }
  it = await world([interceptor])
  const { push, acks } = open(it.producer)
  push.next({ topic: 't', value: 'sends' })
  push.next({ topic: 't', value: 'closes' })
  await it.time.until(() => acks.error !== undefined)
  await it.time.until(it.producer.close())
  assert.deepEqual(valuesIn(it.cluster, 't', 0).slice(0, 2), ['nested', 'sends'])
  assert.equal(nested.length, 1)
  assert.equal(acks.values.length, 2)
  assert.equal(seen.length, 3)
  await it.end()
})

test('a partitioner sees what the interceptors made of a record', async () => {
  const partitions: (number | undefined)[] = []
  const it = await startWorld({
    cluster: { topics: { t: { partitions: 3 } } },
    producer: {
      interceptors: [{ onSend: record => ({ ...record, metadata: 2 }) }],
      partitioner: ({ metadata }) => metadata as number,
    },
  })
  const acks = await it.time.until(
    lastValueFrom(from([{ topic: 't', value: 'v', metadata: 1 }]).pipe(it.producer.send(), toArray())),
  )
  for (const ack of acks) partitions.push(ack.kind === 'acked' ? ack.partition : undefined)
  assert.deepEqual(partitions, [2])
  assert.equal(acks[0]!.record.metadata, 1)
  await it.end()
})

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { mergeMap, Subject, VirtualTimeScheduler } from 'rxjs'
import type { Batch } from '../../src/producer/model/batch.js'
import type { Outcome } from '../../src/producer/model/outcome.js'
import type { AckSink } from '../../src/producer/model/sinks.js'
import { decodeRecordBatches, decodeRecords } from '../../src/protocol/records/record-batch.js'
import { LoneAccumulator, MAX_REQUEST_SIZE } from '../support/accumulator.js'

/** Compressions that run, in the order in which they began. */
let running: { readonly bytes: Uint8Array; readonly done$: Subject<Uint8Array> }[]
let accumulator: LoneAccumulator
let scheduler: VirtualTimeScheduler
let ready: number[]
let outcomes: Outcome[]
let sink: AckSink

/** What takes 100 bytes is compressed off the event loop. The codec has gzip's number, and keeps every other byte. */
const CODEC = {
  id: 1,
  isOffLoop: (bytes: number) => bytes >= 100,
  compressSync: (bytes: Uint8Array) => bytes.filter((_, i) => i % 2 === 0),
  compress(bytes: Uint8Array): Promise<Uint8Array> {
    const done$ = new Subject<Uint8Array>()
    running.push({ bytes, done$ })
    return done$ as unknown as Promise<Uint8Array>
  },
}

beforeEach(() => {
  running = []
  ready = []
  outcomes = []
  sink = { settled: (_, from, to, outcome) => outcomes.push(...Array(to - from).fill(outcome)), neverBatched() {} }
  start({})
})

function start(options: { readonly batchSize?: number }): void {
  scheduler = new VirtualTimeScheduler()
  accumulator = new LoneAccumulator({ scheduler, random: () => 0, deliveryTimeoutMs: 40_000, ...options }, () => CODEC)
  accumulator.identify({ producerId: 1n, producerEpoch: 0 })
  accumulator.accept({ topic: 't', key: 'k', value: 'first' }, sink)
  accumulator.update({ name: 't', topicId: '', leaders: [1], error: undefined })
  accumulator.ready.ready$.subscribe(nodeId => ready.push(nodeId))
  const { packing } = accumulator
  packing.offLoop$.pipe(mergeMap(batch => packing.compress(batch))).subscribe(batch => accumulator.packed(batch))
}

function send(value: string): void {
  assert.equal(accumulator.accept({ topic: 't', key: 'k', value }, sink), undefined)
}

function drain(): Batch[] {
  return accumulator.drain(1, MAX_REQUEST_SIZE).map(({ batch }) => batch)
}

function finish(index: number): void {
  const { bytes, done$ } = running[index]!
  done$.next(CODEC.compressSync(bytes))
  done$.complete()
}

const LONG = 'x'.repeat(200)

test('a small batch is compressed at once, when it is drained', () => {
  const [batch] = drain()
  assert.equal(running.length, 0)
  assert.equal(decodeRecordBatches(batch!.bytes!)[0]!.compression, 1)
})

test('a large batch is compressed off the event loop before it is drained; its partition is ready when that ends', () => {
  send(LONG)
  assert.deepEqual(drain(), [])
  assert.equal(running.length, 1)
  assert.deepEqual(drain(), [], 'and not compressed twice')
  assert.equal(running.length, 1)
  send('later')
  assert.deepEqual(ready, [])
  finish(0)
  assert.deepEqual(ready, [1])
  const [batch] = drain()
  assert.equal(batch!.count, 2, 'what came while it was compressed is in the next batch')
  const [decoded] = decodeRecordBatches(batch!.bytes!)
  assert.deepEqual([decoded!.compression, decoded!.baseSequence], [1, 0])
  assert.equal(decoded!.bytes.length, batch!.size)
  assert.equal(drain()[0], undefined, 'a probe goes alone')
})

test('a full batch is compressed at once; batches go in their order, whichever is compressed first', () => {
  start({ batchSize: 500 })
  send(LONG)
  send(LONG)
  send(LONG)
  assert.equal(running.length, 2, 'the last one is open')
  finish(1)
  assert.deepEqual(drain(), [])
  finish(0)
  const [batch] = drain()
  assert.equal(batch!.count, 2)
  assert.equal(batch!.baseSequence, 0)
})

test('a batch that expires while it is compressed was not sent, and takes no sequence', () => {
  send(LONG)
  assert.deepEqual(drain(), [])
  scheduler.maxFrames = 50_000
  scheduler.flush()
  assert.deepEqual(
    outcomes.map(outcome => outcome.kind === 'failed' && outcome.persisted),
    ['no', 'no'],
  )
  send('next')
  finish(0)
  assert.deepEqual(ready, [1])
  assert.equal(drain()[0]!.baseSequence, 0)
  assert.equal(running.length, 1)
})

test('a batch that expires before its compression has begun is not compressed', () => {
  send(LONG)
  const batches: Batch[] = []
  accumulator.packing.offLoop$.subscribe(batch => batches.push(batch))
  drain()
  const [batch] = batches
  batch!.settled = true
  const before = running.length
  accumulator.packing.compress(batch!).subscribe()
  assert.equal(running.length, before)
})

test('the topic is recreated while a batch is compressed: its records go to the new topic, as they were', () => {
  accumulator.update({ name: 't', topicId: 'a', leaders: [1], error: undefined })
  send(LONG)
  assert.deepEqual(drain(), [])
  accumulator.update({ name: 't', topicId: 'b', leaders: [1], error: undefined })
  finish(0)
  assert.deepEqual(drain(), [])
  assert.equal(running.length, 2)
  const whole = running[1]!.bytes
  finish(1)
  assert.equal(drain()[0]!.count, 2)
  assert.ok(Buffer.from(whole).includes(LONG) && Buffer.from(whole).includes('first'))
})

test('a batch whose records were needed while it was compressed keeps the bytes that it got then', () => {
  send(LONG)
  const batches: Batch[] = []
  accumulator.packing.offLoop$.subscribe(batch => batches.push(batch))
  drain()
  const [batch] = batches
  batch!.takeApart(0)
  const { size } = batch!
  finish(0)
  assert.equal(batch!.size, size)
})

test('records that a codec cannot compress, or not well, go as they are', () => {
  for (const end of [
    ({ done$ }: (typeof running)[0]) => done$.error(new Error('out of memory')),
    ({ done$, bytes }: (typeof running)[0]) => done$.next(bytes),
  ]) {
    running = []
    start({})
    send(LONG)
    drain()
    end(running[0]!)
    const [batch] = drain()
    const [decoded] = decodeRecordBatches(batch!.bytes!)
    assert.equal(decoded!.compression, 0)
    assert.deepEqual(
      decodeRecords(decoded!).map(({ value }) => String(value)),
      ['first', LONG],
    )
  }
})

test('a codec that throws at the call fails no batch either', t => {
  const fails = (): never => {
    throw new Error('out of memory')
  }
  t.mock.method(CODEC, 'compressSync', fails)
  t.mock.method(CODEC, 'compress', fails)
  const compressionOf = (batch: Batch | undefined): number => decodeRecordBatches(batch!.bytes!)[0]!.compression
  const [small] = drain()
  assert.equal(compressionOf(small), 0)
  accumulator.answered(accumulator.partitionOf(small!), small!, { kind: 'stored', baseOffset: 0n, logAppendTime: -1 })
  send(LONG)
  const [large] = [...drain(), ...drain()]
  assert.equal(compressionOf(large), 0)
})

test('a batch is filled by what it will take once compressed', () => {
  start({ batchSize: 1_000 })
  const batches = Array.from({ length: 80 }, fill)
  const counts = batches.map(({ count }) => count)
  assert.ok(
    counts.slice(0, 3).every(count => count <= 5),
    `${counts}`,
  )
  // It halves: twice as many, less the margin for a bad estimate.
  assert.ok(
    counts.slice(-5).every(count => count >= 7),
    `${counts}`,
  )
  assert.ok(batches.every(({ size }) => size <= 1_000))

  // Small batches compress badly, which says nothing about full ones.
  const { compressSync } = CODEC
  CODEC.compressSync = bytes => Uint8Array.from(bytes)
  settle()
  for (let i = 0; i < 5; i++) {
    send('small')
    settle()
  }
  CODEC.compressSync = compressSync
  const { count } = fill()
  assert.ok(count >= 7, `${count}`)

  // One full batch that compresses badly is enough: what follows may, too.
  CODEC.compressSync = bytes => Uint8Array.from(bytes)
  fill()
  fill()
  CODEC.compressSync = compressSync
  const { count: next } = fill()
  assert.ok(next <= 5, `${next}`)
})

/** Sends records until a full batch is compressed, and settles that batch. */
function fill(): Batch {
  running = []
  for (let sent = 0; running.length === 0; sent++) {
    assert.ok(sent < 100)
    send(LONG)
  }
  return settle()
}

/** Settles the next batch, however it is compressed. */
function settle(): Batch {
  let [part] = accumulator.drain(1, MAX_REQUEST_SIZE)
  if (part === undefined) {
    finish(running.length - 1)
    ;[part] = accumulator.drain(1, MAX_REQUEST_SIZE)
  }
  const { partition, batch } = part!
  accumulator.answered(partition, batch, { kind: 'stored', baseOffset: 0n, logAppendTime: -1 })
  accumulator.offer(partition)
  return batch
}

/** The forms of a stream, each with a source of records that counts how far it was read. */
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { lastValueFrom, type OperatorFunction, Subject } from 'rxjs'
import type { Producer, ProducerRecord } from '../../src/index.js'

/** The producer's default; bounds are in terms of it. */
export const BUFFER_MEMORY: number = 32 * 1024 * 1024

/** How long the broker reads slowly, and a reader of acks not at all, in ms. */
export const SLOW_MS = 3_000

/** Records that were taken from the source. */
export let taken = 0

function* records(count: number): Generator<ProducerRecord> {
  for (let i = 0; i < count; i++) {
    taken++
    yield { topic: 't', value: `${i}`.padStart(10, '0').padEnd(100, 'x') }
  }
}

async function* slowly(count: number): AsyncGenerator<ProducerRecord> {
  yield* records(count)
}

function* arrays(count: number): Generator<ProducerRecord[]> {
  let array: ProducerRecord[] = []
  for (const record of records(count)) {
    if (array.push(record) < 1_000) continue
    yield array
    array = []
  }
  yield array
}

/** Nothing can slow a Subject down: who has one looks at the buffer. */
async function push(producer: Producer, count: number, send: OperatorFunction<ProducerRecord, unknown>): Promise<void> {
  const source = new Subject<ProducerRecord>()
  const done = lastValueFrom(source.pipe(send))
  let i = 0
  for (const record of records(count)) {
    while (producer.bufferedBytes > BUFFER_MEMORY / 2) await sleep(1)
    source.next(record)
    if (++i % 1_000 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  source.complete()
  await done
}

/** Reads nothing for a while, then everything. */
function reader(): Writable {
  let first = true
  return new Writable({
    objectMode: true,
    write(_ack, _encoding, done) {
      if (first) setTimeout(done, SLOW_MS)
      else done()
      first = false
    },
  })
}

const web = (count: number): ReadableStream<ProducerRecord> => Readable.toWeb(Readable.from(records(count))) as never
const webReader = (): WritableStream => Writable.toWeb(reader())

export const FORMS: Readonly<Record<string, (producer: Producer, count: number) => Promise<unknown>>> = {
  'send()': (producer, count) => push(producer, count, producer.send()),
  'sendBatches()': (producer, count) => push(producer, count, producer.sendBatches()),
  'publish(iterable)': (producer, count) => lastValueFrom(producer.publish(records(count))),
  'publish(async iterable)': (producer, count) => lastValueFrom(producer.publish(slowly(count))),
  'publish(Readable)': (producer, count) => lastValueFrom(producer.publish(Readable.from(records(count)))),
  'publish(web stream)': (producer, count) => lastValueFrom(producer.publish(web(count))),
  'writable(), single records': (producer, count) => pipeline(Readable.from(records(count)), producer.writable()),
  'writable(), arrays': (producer, count) => pipeline(Readable.from(arrays(count)), producer.writable()),
  'duplex(), acks read late': (producer, count) => pipeline(Readable.from(records(count)), producer.duplex(), reader()),
  'webWritable()': (producer, count) => web(count).pipeTo(producer.webWritable()),
  'webTransform(), acks read late': (producer, count) =>
    web(count).pipeThrough(producer.webTransform()).pipeTo(webReader()),
}

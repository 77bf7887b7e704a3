/**
 * `npm run bench:streams`: what a record costs in each form of a stream, as a ratio to `sendBatches()`; all forms take turns
 * in one run. For forms that are Node's or the web's, what their machinery costs without a producer stands beside.
 */
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { lastValueFrom } from 'rxjs'
import { createProducer, type ProducerRecord } from '../../src/index.js'
import { CountingBroker, inProcess } from './counting-broker.js'
import { feed } from './feed.js'
import { median } from './measure.js'

const RECORDS = 100_000
const BURST = 1_000
const ROUNDS = 9
const VALUE = 'x'.repeat(100)

const producer = createProducer({
  brokers: ['local'],
  transport: inProcess(new CountingBroker([{ host: 'local', port: 9092 }], 3)),
})

function* records(): Generator<ProducerRecord> {
  for (let i = 0; i < RECORDS; i++) yield { topic: 't', value: VALUE }
}

function* arrays(): Generator<ProducerRecord[]> {
  for (let i = 0; i < RECORDS; i += BURST) {
    const array: ProducerRecord[] = []
    for (let j = 0; j < BURST; j++) array.push({ topic: 't', value: VALUE })
    yield array
  }
}

async function* slowly(): AsyncGenerator<ProducerRecord> {
  yield* records()
}

const web = (): ReadableStream<ProducerRecord> => Readable.toWeb(Readable.from(records())) as never
const nothing = (): Writable => new Writable({ objectMode: true, write: (_chunk, _encoding, done) => done() })

const FORMS: Readonly<Record<string, () => Promise<unknown>>> = {
  'sendBatches()': () => feed(producer, 'sendBatches', RECORDS, () => ({ topic: 't', value: VALUE })),
  'send()': () => feed(producer, 'send', RECORDS, () => ({ topic: 't', value: VALUE })),
  'publish(iterable)': () => lastValueFrom(producer.publish(records())),
  'publish(async iterable)': () => lastValueFrom(producer.publish(slowly())),
  'writable(), arrays of 1,000': () => pipeline(Readable.from(arrays()), producer.writable()),
  'writable(), single records': () => pipeline(Readable.from(records()), producer.writable()),
  "  Node's own part of that": () => pipeline(Readable.from(records()), nothing()),
  'duplex()': () => pipeline(Readable.from(records()), producer.duplex(), nothing()),
  'webWritable()': () => web().pipeTo(producer.webWritable()),
  "  the streams' own part of that": () => web().pipeTo(new WritableStream()),
}

const times = new Map(Object.keys(FORMS).map(name => [name, [] as number[]]))
for (let round = -2; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(FORMS)) {
    const start = performance.now()
    await run()
    if (round >= 0) times.get(name)!.push(((performance.now() - start) * 1e6) / RECORDS)
  }
}
await producer.close()

const base = times.get('sendBatches()')!
console.log(
  `${RECORDS} records of 100 B, medians of ${ROUNDS} rounds; the ratio is that to sendBatches() of the same round`,
)
console.table(
  [...times].map(([form, ns]) => ({
    form,
    'ns/record': Math.round(median(ns)),
    min: Math.round(Math.min(...ns)),
    ratio: Number(median(ns.map((time, i) => time / base[i]!)).toFixed(2)),
  })),
)

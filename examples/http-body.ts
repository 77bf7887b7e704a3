/**
 * The body of an HTTP request, lines of JSON, straight to Kafka: a slow broker slows the upload down, and the answer comes when all is stored.
 *
 *     npm run example -- http-body
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { createProducer, type ProducerRecord, RecordFailedError } from '../src/index.js'
import { openKafka } from './support/kafka.js'
import { readLines } from './support/lines.js'

const topic = 'example-http-body'
await using kafka = await openKafka({ topics: { [topic]: { partitions: 3 } } })
// A small buffer: the upload is many times larger.
await using producer = createProducer({ brokers: kafka.brokers, bufferMemory: 2_000_000 })

await using server = createServer(async (request, response) => {
  let lines = 0
  async function* records(body: AsyncIterable<Buffer>): AsyncGenerator<ProducerRecord> {
    for await (const value of readLines(body)) {
      lines++
      yield { topic, value }
    }
  }
  const answer = (status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  try {
    // Ends when every record is stored; the first one that fails ends it, and the upload with it.
    await pipeline(request, records, producer.writable())
    answer(200, { lines })
  } catch (error) {
    // What came before is stored: who sends it all again has that twice.
    const persisted = error instanceof RecordFailedError ? error.persisted : 'no'
    answer(503, { error: (error as Error).message, persisted, after: lines })
  }
}).listen(0, '127.0.0.1')
await once(server, 'listening')

// And now an upload of 20 MB, made as it goes.
const count = 100_000
const line = (i: number): string => JSON.stringify({ i, text: 'x'.repeat(200) })
async function* upload(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i += 100)
    yield Buffer.from(Array.from({ length: 100 }, (_, j) => `${line(i + j)}\n`).join(''))
}
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
let most = 0
producer.metrics$.subscribe(({ bufferUsedBytes }) => (most = Math.max(most, bufferUsedBytes)))
const response = await fetch(url, {
  method: 'POST',
  body: ReadableStream.from(upload()),
  duplex: 'half',
} as RequestInit)
console.log(`${response.status}: ${await response.text()}`)
if (most > 2_000_000) throw new Error(`the buffer held ${most} bytes`)
kafka.verify(topic, {
  *[Symbol.iterator]() {
    for (let i = 0; i < count; i++) yield { value: line(i) }
  },
})

/**
 * The body of a fetch to Kafka, a record a line: web streams that end in the producer.
 *
 *     npm run example -- web-fetch [URL]
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProducer } from '../src/index.js'
import { openKafka } from './support/kafka.js'
import { lineStream } from './support/lines.js'

const topic = 'example-web-fetch'
await using kafka = await openKafka({ topics: { [topic]: { partitions: 3 } } })
await using producer = createProducer({ brokers: kafka.brokers })

// A server of ten thousand lines, if no other is given.
const lines = Array.from({ length: 10_000 }, (_, i) => `line ${i} of a text with an ä and a 文`)
await using server = createServer((_, response) => response.end(lines.join('\n'))).listen(0, '127.0.0.1')
await once(server, 'listening')
const [url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`] = kafka.args

const response = await fetch(url)
if (!response.ok || response.body === null) throw new Error(`${url} answered with ${response.status}`)

// Resolves when brokers have confirmed the last line. While the producer's buffer is full, nothing is read from the network.
await response.body
  .pipeThrough(new TextDecoderStream())
  .pipeThrough(lineStream())
  .pipeTo(producer.webWritable<string>({ topic }))

console.log(`the text at ${url} is written`)
if (kafka.args.length === 0)
  kafka.verify(
    topic,
    lines.map(value => ({ value })),
  )

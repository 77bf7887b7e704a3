/**
 * Runs one snippet of the README beside what the text around it defines, in a process of its own:
 *
 *     node --import tsx test/examples/snippets/run.ts SNIPPET HOST:PORT [fill]
 *
 * Ends when the snippet has nothing left to do and everything it sent is settled. `fill` then fills the buffer.
 */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pathToFileURL } from 'node:url'
import { createGunzip } from 'node:zlib'
import { filter, from, lastValueFrom, map, range, windowTime } from 'rxjs'
import { createProducer, serializers } from '../../../src/index.js'

const [snippet, broker, fill] = process.argv.slice(2)

// A small buffer, so that it can be filled, and a price that does not fit.
const producer = createProducer({
  brokers: [broker!],
  batchSize: 4_096,
  maxRequestSize: 4_096,
  bufferMemory: 16_384,
  allowAutoTopicCreation: false,
})
const ended = lastValueFrom(producer.events$)

async function* parseRows(chunks: AsyncIterable<Buffer>): AsyncGenerator<{ sensor: string; celsius: number }> {
  let text = ''
  for await (const chunk of chunks) text += chunk
  for (const line of text.trim().split('\n')) {
    const [sensor, celsius] = line.split(',')
    yield { sensor: sensor!, celsius: Number(celsius) }
  }
}

const splitLines = new TransformStream<string, string>({
  transform(text, controller) {
    for (const line of text.trim().split('\n')) controller.enqueue(line)
  },
})

const around = {
  producer,
  createProducer,
  readFile,
  map,
  filter,
  range,
  windowTime,
  lastValueFrom,
  serializers,
  pipeline,
  createReadStream,
  createGunzip,
  parseRows,
  splitLines,
  orders$: from([{ id: 'o-1' }, { id: 'o-2' }]),
  prices$: from([{ symbol: 'A' }, { symbol: 'x'.repeat(4_096) }, { symbol: 'B' }]),
  records: Readable.from([1, 2, 3].map(n => ({ topic: 'records', value: `r-${n}` }))),
  rows: webStreamOf({ sensor: 's-1' }, { sensor: 's-2' }),
  lines: webStreamOf('l-1', 'l-2'),
  response: new Response('p-1\np-2\n'),
  log: { warn: (what: unknown) => console.error(`warned: ${what}`) },
}
Object.assign(globalThis, around)

await import(pathToFileURL(snippet!).href)

if (fill === 'fill') {
  const many = Array.from({ length: 40 }, () => ({ topic: 'filled', value: 'x'.repeat(1_000) }))
  await lastValueFrom(producer.publish(many))
}

// Once nothing is in hand any more. Whatever the snippet does on SIGTERM must close the producer by itself.
process.once('beforeExit', async () => {
  await producer.flush()
  if (!process.emit('SIGTERM')) await producer.close()
  await ended
  console.error('closed')
})

function webStreamOf<T>(...items: T[]): ReadableStream<T> {
  return new ReadableStream({
    start(controller) {
      for (const item of items) controller.enqueue(item)
      controller.close()
    },
  })
}

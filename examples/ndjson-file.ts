/**
 * A file of JSON lines to Kafka; a field of each is the record's key.
 *
 *     npm run example -- ndjson-file [FILE [FIELD]]
 */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { createProducer } from '../src/index.js'
import { openKafka } from './support/kafka.js'
import { writeSample } from './support/sample.js'
import { tempFolder } from './support/temp.js'

const topic = 'example-ndjson-file'
await using kafka = await openKafka({ topics: { [topic]: { partitions: 3 } } })
await using producer = createProducer({ brokers: kafka.brokers })

// Ten thousand events of a web shop, if no file is given.
await using temp = await tempFolder()
const [file = temp.path('events.ndjson'), field = 'customer'] = kafka.args
if (kafka.args.length === 0) await writeSample(file, 10_000)

const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })
let acked = 0

// publish() pulls: of a file of any length, no more is in memory than the producer's buffer takes.
await producer.publish(lines, { topic, key: keyOf }).forEach(ack => {
  if (ack.kind === 'acked') {
    acked++
    return
  }
  // A line that is not JSON fails by itself: its key could not be made. The others go on.
  console.error(`not written: ${ack.record.metadata}: ${ack.error.message}`)
  process.exitCode = 1
})

console.log(`${acked} lines of ${file} are acked`)
if (kafka.args.length === 0) {
  const sent = (await readFile(file, 'utf8')).trimEnd().split('\n')
  kafka.verify(
    topic,
    sent.map(value => ({ key: keyOf(value), value })),
  )
}

function keyOf(line: string): string | undefined {
  const value = JSON.parse(line)[field]
  return value === undefined ? undefined : String(value)
}

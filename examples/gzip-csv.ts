/**
 * A compressed CSV file to Kafka, each row as JSON: a pipeline of Node streams that ends in the producer.
 *
 *     npm run example -- gzip-csv [FILE.csv.gz]
 */
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGunzip, gzipSync } from 'node:zlib'
import { createProducer, serializers } from '../src/index.js'
import { openKafka } from './support/kafka.js'
import { readLines } from './support/lines.js'
import { tempFolder } from './support/temp.js'

type Row = Readonly<Record<string, string>>

const topic = 'example-gzip-csv'
await using kafka = await openKafka({ topics: { [topic]: { partitions: 3 } } })
await using producer = createProducer({ brokers: kafka.brokers })

await using temp = await tempFolder()
const [file = temp.path('readings.csv.gz')] = kafka.args
const made = Array.from({ length: 10_000 }, (_, i) => ({ sensor: `s${i % 20}`, second: `${i}`, celsius: `${i % 37}` }))
if (kafka.args.length === 0) {
  const csv = ['sensor,second,celsius', ...made.map(row => Object.values(row).join())]
  await writeFile(file, gzipSync(csv.join('\n')))
}

// Resolves when brokers have confirmed the last row. The first record that fails ends it with an error, for there is
// no option `onFailed` here.
await pipeline(
  createReadStream(file),
  createGunzip(),
  (csv: AsyncIterable<Buffer>) => readLines(csv),
  parseRows,
  producer.writable<Row>({ topic, key: row => row.sensor, value: serializers.json }),
)

console.log(`${file} is written`)
if (kafka.args.length === 0)
  kafka.verify(
    topic,
    made.map(row => ({ key: row.sensor, value: JSON.stringify(row) })),
  )

/** Rows by the names in the first line. Cells have no commas in them here, and no quotes. */
async function* parseRows(lines: AsyncIterable<Buffer>): AsyncGenerator<Row> {
  let names: readonly string[] | undefined
  for await (const line of lines) {
    const cells = line.toString().split(',')
    if (names === undefined) names = cells
    else yield Object.fromEntries(names.map((name, column) => [name, cells[column] ?? '']))
  }
}

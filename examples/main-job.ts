/**
 * The main job, end to end: a file goes in as a stream, Kafka holds it, acks come out, and everything is read back.
 *
 *     npm start                                                  an embedded cluster, made-up events
 *     npm start -- --brokers HOST:PORT --topic T --file F        your Kafka, your file
 */
import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { finalize, lastValueFrom, tap } from 'rxjs'
import { createProducer, type ProducerRecord } from '../src/index.js'
import { startCluster } from '../src/testing/index.js'
import { type JobOptions, readArgs } from './support/args.js'
import { Ledger } from './support/ledger.js'
import { openInput, readLines } from './support/lines.js'
import { Progress } from './support/progress.js'
import { writeSample } from './support/sample.js'
import { verify } from './support/verify.js'

const options = readArgs()

// Where to: a real Kafka, or three brokers in this process that answer as if they were a few milliseconds away.
const cluster =
  options.brokers === undefined
    ? await startCluster({ nodes: 3, topics: { [options.topic]: { partitions: 6 } }, replyDelayMs: 5, trace: false })
    : undefined
const brokers = options.brokers ?? cluster!.brokers

// What: a file, or one that is made up.
const file = options.file ?? join(tmpdir(), `rx-kafka-sample-${options.records}.ndjson`)
if (options.file === undefined) await writeSample(file, options.records)
const input = openInput(file)
console.log(`${file === '-' ? 'standard input' : file} → topic ${options.topic} at ${brokers.join(', ')}`)

const producer = createProducer({
  brokers,
  compression: options.compression,
  linger: options.linger,
  deliveryTimeoutMs: options.deliveryTimeoutMs,
  requestTimeoutMs: Math.max(1, Math.min(30_000, options.deliveryTimeoutMs - options.linger)),
  batchSize: 65_536,
})
producer.events$.subscribe(event => {
  if ('error' in event) console.error(`\n${event.kind}: ${event.error.message}`)
})

let linesRead = 0
const interrupted = onInterrupt()
const ledger = new Ledger()
const progress = new Progress(producer, ledger, file === '-' ? 0 : (await stat(file)).size)

// The job. publish() pulls: lines are read only as fast as brokers answer.
await lastValueFrom(
  producer.publish(records(options)).pipe(
    tap(ack => {
      ledger.add(ack)
      progress.sample()
    }),
    finalize(() => progress.stop()),
  ),
  { defaultValue: undefined },
)
await producer.close()

// The proof: every acked record is in the log, once, in order, at its offset.
const reports = []
for (const [partition, acked] of [...ledger.partitions].sort(([a], [b]) => a - b)) {
  reports.push(await verify(brokers, options.topic, partition, acked))
}
const depth = cluster?.depth.most()
await cluster?.stop()

console.table(
  reports.map(({ partition, records, first, last, inOrder, duplicates, missing }) => ({
    partition,
    records,
    'first offset': Number(first),
    'last offset': Number(last),
    'in order': inOrder ? 'yes' : 'NO',
    duplicates,
    missing,
  })),
)
console.log(
  `window depth reached: ${progress.mostInFlight}${depth === undefined ? '' : `, seen by the brokers: ${depth}`}`,
)
console.log(`${linesRead} lines read, ${ledger.acked} acked, ${ledger.failed} failed`)
if (ledger.firstFailure !== undefined) console.error(`the first failure: ${ledger.firstFailure}`)

const exact = reports.every(({ inOrder, duplicates, missing }) => inOrder && duplicates === 0 && missing === 0)
const deep = depth === undefined || depth === 4
if (interrupted()) {
  const unsent = linesRead - ledger.acked - ledger.failed
  console.log(
    `interrupted: what was accepted has been delivered, ${unsent} lines that were read were not accepted, the rest was not read`,
  )
  process.exitCode = 130
} else {
  const verified = ledger.acked === linesRead && exact && deep
  console.log(verified ? 'every record was acked and verified' : 'NOT every record was acked and verified')
  process.exitCode = verified ? 0 : 1
}

async function* records({ topic, keyField, timeField }: JobOptions): AsyncGenerator<ProducerRecord<number>> {
  for await (const value of readLines(input)) {
    const { [keyField]: key, [timeField]: timestamp } = parse(value)
    yield {
      topic,
      value,
      key: key === undefined ? undefined : String(key),
      timestamp: Number.isSafeInteger(timestamp) ? Number(timestamp) : undefined,
      metadata: linesRead++,
    }
  }
}

/** The fields of a line, if it is JSON. */
function parse(line: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(line))
  } catch {
    return {}
  }
}

/** Ctrl-C ends the intake and delivers what was accepted; a second one does not wait for that. */
function onInterrupt(): () => boolean {
  let times = 0
  process.on('SIGINT', () => {
    if (++times === 1) {
      void producer.close()
      input.destroy()
    } else {
      console.error(`\n${linesRead - ledger.acked - ledger.failed} records were accepted and have no answer`)
      process.exit(130)
    }
  })
  return () => times > 0
}

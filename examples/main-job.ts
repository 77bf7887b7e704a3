/**
 * The main job, end to end: a file goes in as a stream, Kafka holds it, acks come out, and everything is read back.
 *
 *     npm start                                                  an embedded cluster, made-up events
 *     npm start -- --brokers HOST:PORT --topic T --file F        your Kafka, your file
 */
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { catchError, ignoreElements, lastValueFrom, of, tap } from 'rxjs'
import { createProducer, ProducerClosedError, type ProducerRecord } from '../src/index.js'
import { startCluster } from '../src/testing/index.js'
import { readArgs } from './support/args.js'
import { Ledger } from './support/ledger.js'
import { openInput, readLines } from './support/lines.js'
import { Progress } from './support/progress.js'
import { isExact, perBroker, table } from './support/report.js'
import { writeSample } from './support/sample.js'
import { verify } from './support/verify.js'

/** Requests in flight per broker; Kafka allows five, the producer's default is four. */
const WINDOW = 4

/** Bytes of the largest record, the producer's default. Of a longer line no more is read than it takes to be refused. */
const LARGEST = 1_048_576

const { topic, records, keyField, timeField, compression, linger, deliveryTimeoutMs, ...options } = readArgs()

// Where to: a real Kafka, or three brokers in this process that answer as if they were a few milliseconds away.
const cluster =
  options.brokers === undefined
    ? await startCluster({ nodes: 3, topics: { [topic]: { partitions: 6 } }, replyDelayMs: 5, trace: false })
    : undefined
const brokers = options.brokers ?? cluster!.brokers

// What: a file, or one that is made up.
const file = options.file ?? fileURLToPath(new URL(`data/sample-${records}.ndjson`, import.meta.url))
if (options.file === undefined) await writeSample(file, records)
const input = openInput(file)
const size = file === '-' ? Number.NaN : (await stat(file)).size
// Nobody reads it any more, as behind `| head`: the job goes on, and its exit code tells how it went.
for (const output of [process.stdout, process.stderr]) output.on('error', () => {})
console.log(`${file === '-' ? 'standard input' : file} → topic ${topic} at ${brokers.join(', ')}`)

const producer = createProducer({
  brokers,
  compression,
  linger,
  deliveryTimeoutMs,
  requestTimeoutMs: Math.min(30_000, deliveryTimeoutMs - linger),
  maxInFlight: WINDOW,
  maxRequestSize: LARGEST,
  ...(cluster && { batchSize: 16_384 }), // small, so that a small file fills the window too
})
let linesRead = 0
const ledger = new Ledger()
const progress = new Progress(
  producer,
  ledger,
  () => ((input.bytesRead / size) * ledger.settled) / Math.max(1, linesRead),
)
producer.events$.subscribe(event => progress.event(event))
const interrupted = onInterrupt()

// The job. publish() pulls: lines are read only as fast as brokers answer.
const brokenBy = await lastValueFrom(
  producer.publish(recordsOf(readLines(input, LARGEST))).pipe(
    tap(ack => {
      ledger.add(ack)
      progress.sample()
    }),
    ignoreElements(),
    catchError((error: Error) => of(error)),
  ),
  { defaultValue: undefined },
)
await producer.close()
progress.stop()

// The proof: every acked record is in the log, once, in order, at its offset.
let unreadable: Error | undefined
const reports = await verify(brokers, topic, ledger).catch((error: Error) => {
  unreadable = error
  return []
})
const depth = cluster?.depth.most()
await cluster?.stop()

const unsettled = linesRead - ledger.settled
console.log(table(reports))
console.log(`window depth reached: ${perBroker(progress.mostInFlight)}${cluster ? `; seen by brokers: ${depth}` : ''}`)
console.log(`${linesRead} lines read, ${ledger.acked} acked, ${ledger.failed} failed`)
if (interrupted() !== undefined) {
  console.log(
    `interrupted: ${ledger.acked} records delivered, ${unsettled} lines read but not accepted, the rest not read`,
  )
}
// close() ends a stream whose source still has records with this error: after Ctrl-C, that is what was asked for.
const closedByInterrupt = interrupted() !== undefined && brokenBy instanceof ProducerClosedError
const problems = [
  brokenBy && !closedByInterrupt && `the stream ended early: ${brokenBy.message}`,
  ledger.firstFailure && `${ledger.failed} records failed, the first with: ${ledger.firstFailure.message}`,
  unreadable && `nothing could be verified: ${unreadable.message}`,
  !reports.every(isExact) && 'the log is not what was acked',
  interrupted() === undefined && unsettled > 0 && `${unsettled} lines have no ack`,
].filter(Boolean)
for (const problem of problems) console.error(problem)
console.log(
  problems.length === 0
    ? `every ${interrupted() !== undefined ? 'accepted ' : ''}record was acked and verified`
    : 'NOT every record was acked and verified',
)
process.exitCode = interrupted() ?? (problems.length === 0 ? 0 : 1)

async function* recordsOf(lines: AsyncIterable<Buffer>): AsyncGenerator<ProducerRecord<number>> {
  for await (const value of lines) {
    const { [keyField]: key, [timeField]: time } = fieldsOf(value)
    yield {
      topic,
      value,
      key: typeof key === 'string' || typeof key === 'number' ? String(key) : undefined,
      timestamp: Number.isSafeInteger(time) && Number(time) >= 0 ? Number(time) : undefined,
      metadata: linesRead++,
    }
  }
}

/** The fields of a line, if it is JSON. */
function fieldsOf(line: Buffer): Record<string, unknown> {
  try {
    return Object(JSON.parse(line.toString()))
  } catch {
    return {}
  }
}

/** Ctrl-C and SIGTERM end the intake and deliver what was accepted; a second one does not wait for that. Gives the exit code then. */
function onInterrupt(): () => number | undefined {
  let code: number | undefined
  const interrupt = (exitCode: number): void => {
    if (code === undefined) {
      code = exitCode
      progress.note('interrupted: delivering what was accepted; Ctrl-C again stops at once')
      void producer.close()
      input.destroy()
    } else {
      progress.stop()
      console.error(`stopped: ${linesRead - ledger.settled} of ${linesRead} lines were not delivered, or not confirmed`)
      process.exit(exitCode)
    }
  }
  process.on('SIGINT', () => interrupt(130))
  process.on('SIGTERM', () => interrupt(143))
  return () => code
}

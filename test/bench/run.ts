/**
 * `npm run bench`: what a record costs, by stage, as figures and as ratios to the floor, all in one run. The floor is what
 * no producer can go below: encode, CRC and copy to a socket that ignores it.
 */
import { Subject } from 'rxjs'
import { Bench } from 'tinybench'
import { createProducer, type Producer, type ProducerRecord } from '../../src/index.js'
import { RecordBatchBuilder, RecordLengths } from '../../src/protocol/record-batch-builder.js'
import { startBroker } from './broker.js'
import { CountingBroker, inProcess } from './counting-broker.js'

/** Records per iteration, in bursts: as many as a source that reads from a file or a socket emits in one go. */
const RECORDS = 50_000
const BURST = 1_000
const BATCH_SIZE = 262_144
const SIZES = [100, 1000]

function encode(value: string): void {
  const lengths = new RecordLengths()
  let builder = new RecordBatchBuilder(Buffer.allocUnsafe(BATCH_SIZE))
  for (let i = 0; i < RECORDS; i++) {
    lengths.measure(undefined, value, undefined)
    if (builder.size + lengths.max > BATCH_SIZE) {
      finish(builder)
      builder = new RecordBatchBuilder(Buffer.allocUnsafe(BATCH_SIZE))
    }
    builder.append(undefined, value, undefined, 1_700_000_000_000 + i, lengths)
  }
  finish(builder)
}

function finish(builder: RecordBatchBuilder): void {
  builder.seal('none')
  builder.stamp({ producerId: 1n, producerEpoch: 0 }, 0)
}

/** Pushes the records through the producer and waits for all their acks. */
async function push(producer: Producer, value: string, by: 'send' | 'sendBatches'): Promise<void> {
  const source = new Subject<ProducerRecord>()
  let acked = 0
  const done = new Promise<void>((resolve, reject) => {
    const stream =
      by === 'send'
        ? source.pipe(producer.send()).subscribe({
            next: ack => {
              if (ack.kind === 'acked') acked++
            },
            complete: resolve,
            error: reject,
          })
        : source.pipe(producer.sendBatches()).subscribe({
            next: ack => {
              if (ack.kind === 'acked') acked += ack.count
            },
            complete: resolve,
            error: reject,
          })
    void stream
  })
  for (let i = 0; i < RECORDS; i++) {
    source.next({ topic: 't', value })
    if (i % BURST === BURST - 1) await new Promise(resolve => setImmediate(resolve))
  }
  source.complete()
  await done
  if (acked !== RECORDS) throw new Error(`${acked} of ${RECORDS} records were acked`)
}

const local = new CountingBroker([{ host: 'local', port: 9092 }], 3)
const remote = await startBroker()
const options = { bufferMemory: 128 << 20, batchSize: BATCH_SIZE }
const withoutSocket = createProducer({ ...options, brokers: ['local'], transport: inProcess(local) })
const overTcp = createProducer({ ...options, brokers: remote.addresses })

const bench = new Bench({ time: 2000, warmupTime: 1000 })
for (const size of SIZES) {
  const value = 'x'.repeat(size)
  bench.add(`${size} B  encode incl. CRC`, () => encode(value))
  bench.add(`${size} B  sendBatches(), stubbed socket`, () => push(withoutSocket, value, 'sendBatches'))
  bench.add(`${size} B  send(), stubbed socket`, () => push(withoutSocket, value, 'send'))
  bench.add(`${size} B  sendBatches(), broker in another process`, () => push(overTcp, value, 'sendBatches'))
  bench.add(`${size} B  send(), broker in another process`, () => push(overTcp, value, 'send'))
}
await bench.run()

const nsPerRecord = (name: string): number => {
  const result = bench.getTask(name)?.result
  if (result?.state !== 'completed') throw new Error(`${name}: ${result?.state}`, { cause: result })
  return (result.latency.p50 * 1e6) / RECORDS
}
console.log(`${RECORDS} records an iteration, medians; the ratio is to encoding the same record`)
console.table(
  bench.tasks.map(({ name, result }) => {
    const ns = nsPerRecord(name)
    const floor = nsPerRecord(`${name.slice(0, name.indexOf(' '))} B  encode incl. CRC`)
    return {
      what: name,
      'ns/record': Math.round(ns),
      'records/s': Math.round(1e9 / ns),
      ratio: Number((ns / floor).toFixed(2)),
      iterations: result.state === 'completed' ? result.latency.samplesCount : 0,
    }
  }),
)

const { records, violations } = await remote.status()
if (violations.length > 0) throw new Error(violations.join('\n'))
console.log(`the other process counted ${records} records`)
await Promise.all([withoutSocket.close(), overTcp.close()])
await remote.stop()

/**
 * Work that needs the CPU, in threads: each has its own producer, and so its own event loop for it, and takes its share of the keys, whose
 * order is kept because no other thread sends them.
 *
 *     npm run example -- worker-threads
 */
import { createHash } from 'node:crypto'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { lastValueFrom, reduce } from 'rxjs'
import { createProducer, failFast, type ProducerRecord } from '../src/index.js'
import { openKafka } from './support/kafka.js'
import { startWorker } from './support/worker.js'

const topic = 'example-worker-threads'
const THREADS = 3
const RECORDS = 30_000

/** The records of one thread: every customer belongs to one of them. */
function* recordsOf(thread: number): Generator<ProducerRecord> {
  for (let i = 0; i < RECORDS; i++) {
    const customer = i % 100
    if (customer % THREADS !== thread) continue
    const signature = createHash('sha256').update(`order ${i}`).digest('hex')
    yield { topic, key: `c-${customer}`, value: `order ${i} ${signature}` }
  }
}

/** The values of each key, in their order. */
function byKey(
  records: Iterable<{ readonly key?: unknown; readonly value: unknown }>,
): [key: string, values: string[]][] {
  const values = new Map<string, string[]>()
  for (const { key, value } of records) values.set(String(key), [...(values.get(String(key)) ?? []), String(value)])
  return [...values].sort()
}

if (isMainThread) {
  await using kafka = await openKafka({ topics: { [topic]: { partitions: 6 } } })
  const counts = await Promise.all(
    Array.from({ length: THREADS }, (_, thread) => {
      const worker = startWorker(import.meta.url, { thread, brokers: kafka.brokers })
      return new Promise<number>((resolve, reject) => worker.once('message', resolve).once('error', reject))
    }),
  )
  console.log(`the threads have stored ${counts.join(', ')} records`)
  // Partitions are shared by threads, so it is each key whose order is kept.
  const stored = [0, 1, 2, 3, 4, 5].flatMap(partition => kafka.cluster?.records(topic, partition) ?? [])
  const sent = Array.from({ length: THREADS }, (_, thread) => [...recordsOf(thread)]).flat()
  const inOrder = JSON.stringify(byKey(stored)) === JSON.stringify(byKey(sent))
  if (kafka.cluster && !inOrder) throw new Error('records are missing, twice or out of order')
  if (kafka.cluster) console.log(`verified: ${stored.length} records, each once, and in order along each key`)
} else {
  const { thread, brokers } = workerData as { thread: number; brokers: string[] }
  await using producer = createProducer({ brokers, clientId: `example-${thread}` })
  const count$ = producer.publish(recordsOf(thread)).pipe(
    failFast(), // ends the thread with the error of the first record that failed
    reduce(count => count + 1, 0),
  )
  parentPort!.postMessage(await lastValueFrom(count$))
}

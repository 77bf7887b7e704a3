/** rx-kafka as it is published: `sendBatches()`, or `transactionally()` with iterables or with windows of an Observable. */
import { lastValueFrom, Observable, Subject, tap, windowCount } from 'rxjs'
import { createProducer } from '../../../dist/index.mjs'

const settings = JSON.parse(process.argv[2])
const byWindows = process.argv[3] === 'windows'
const { brokers, topic, partitions, transactional, perTransaction, size } = settings
const { batchBytes, lingerMs, bufferBytes, warmUpMs, measuredMs, commits } = settings
const value = Buffer.alloc(size, 'x').toString('latin1')
/** As in peers/rx-kafka.mjs. */
const BURST = 250
const fullAt = bufferBytes - BURST * (size + 1000)
/** Transactions whose records wait to be read: one that is being committed, and the next. */
const AHEAD = 2

const producer = createProducer({
  ...{ brokers, linger: lingerMs, bufferMemory: bufferBytes },
  ...{ batchSize: batchBytes, maxRequestSize: partitions * batchBytes },
  ...(transactional && { transactionalId: `bench-${process.pid}` }),
})
const written = { records: 0, transactions: 0 }
/** Whether enough has been measured. */
let over = false
let wake

console.log(JSON.stringify(commits === undefined ? await throughput() : await latency()))
await producer.close()

async function throughput() {
  const begin = performance.now()
  let [start, end] = []
  const count = ({ kind, count, error }) => {
    if (kind === 'failed') throw error
    written.records += count
    if (kind === 'committed' && count > 0) written.transactions++
    const now = performance.now()
    if (start === undefined && now > begin + warmUpMs) start = state(now)
    else if (end === undefined && now > begin + warmUpMs + measuredMs) end = state(now)
    over = end !== undefined
    wake?.()
    wake = undefined
  }
  await lastValueFrom(outcomes().pipe(tap(count)))
  const records = end.records - start.records
  const cpu = end.cpu.user + end.cpu.system - start.cpu.user - start.cpu.system
  return { ...written, rate: (records * 1000) / (end.now - start.now), cpuMicros: cpu / records }
}

function state(now) {
  return { now, records: written.records, cpu: process.cpuUsage() }
}

function outcomes() {
  if (!transactional) return pushed().pipe(producer.sendBatches())
  return byWindows
    ? pushed().pipe(windowCount(perTransaction), producer.transactionally())
    : transactions().pipe(producer.transactionally(records))
}

/** Records, one by one, as fast as there is room. */
function pushed() {
  return new Observable(subscriber => {
    const push = async () => {
      for (let sent = 0; !over || sent % perTransaction > 0; ) {
        for (const last = sent + BURST; sent < last; sent++) subscriber.next({ topic, value })
        await new Promise(resolve => setImmediate(resolve))
        while (producer.bufferedBytes > fullAt) await new Promise(resolve => (wake = resolve))
      }
      subscriber.complete()
    }
    push().catch(error => subscriber.error(error))
  })
}

/** A value for each transaction. */
function transactions() {
  const values$ = new Subject()
  const next = async () => {
    for (let begun = 0; !over; begun++) {
      values$.next(begun)
      while (!over && begun - written.transactions >= AHEAD) await new Promise(resolve => (wake = resolve))
    }
    values$.complete()
  }
  queueMicrotask(next)
  return values$
}

function* records() {
  for (let i = 0; i < perTransaction; i++) yield { topic, value }
}

/** Transactions one after the other, each awaited: in ms from its beginning to its end. */
async function latency() {
  const times = []
  for (let i = 0; i < commits.warmUp + commits.measured; i++) {
    const start = performance.now()
    const transaction = await producer.beginTransaction()
    const acks = Array.from({ length: perTransaction }, () => transaction.sendOne({ topic, value }))
    await transaction.commit()
    times.push(performance.now() - start)
    written.records += (await Promise.all(acks)).length
  }
  return { ...written, transactions: times.length, times: times.slice(commits.warmUp) }
}

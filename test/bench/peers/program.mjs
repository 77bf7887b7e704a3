/** What the programs in JavaScript share: what they are told, how they keep a producer busy, what they tell at the end. */
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { order } from './orders.mjs'

/**
 * From the command line: `brokers`, `topic`, `partitions`, `records` to write of `size` bytes each, `batchBytes` of the
 * largest batch, `lingerMs`, `bufferBytes` that may wait, `maxInFlight` (rx-kafka only). With a `codec` ('none' is one), values are
 * JSON, and `megabytes` of it a second are enough.
 */
export const settings = JSON.parse(process.argv[2])

/**
 * The same for every record, as for every other producer; the message around it is made for each. In one piece, as a string
 * is that was read or made by JSON: repeat() would give a tree of small ones.
 */
const value = Buffer.alloc(settings.size, 'x').toString('latin1')

/** What is sent, in turn. */
export const values =
  settings.codec === undefined ? [value] : Array.from({ length: 4096 }, (_, i) => order(i, settings.size))

/** Waits until `records` may be sent at `megabytes` a second; they are not if that is not set. */
const start = performance.now()
export async function paced(records) {
  if (settings.megabytes === undefined) return
  const early = (records * settings.size) / (settings.megabytes * 1000) - (performance.now() - start)
  if (early > 1) await sleep(early)
}

/** What a record without key and headers takes beside its value in a batch: two lengths, and six to eight bytes more. */
const RECORD_OVERHEAD = settings.size < 8000 ? 11 : 13
const BATCH_HEADER = 61
export const recordsPerBatch = Math.max(
  1,
  Math.floor((settings.batchBytes - BATCH_HEADER) / (settings.size + RECORD_OVERHEAD)),
)

/** A configuration without what fills a page. */
export const describe = options => JSON.stringify(options).replaceAll(/-----BEGIN[^"]*/g, '…')

export const nextTurn = () => new Promise(resolve => setImmediate(resolve))

/** For producers that send what they are given as it is: `width` calls at the same time, of `count` messages each. */
export async function sendInCalls(count, width, makeMessage, send) {
  let left = settings.records
  const lane = async () => {
    while (left > 0) {
      const size = Math.min(count, left)
      left -= size
      await paced(settings.records - left)
      await send(Array.from({ length: size }, (_, i) => makeMessage(values[i % values.length])))
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
}

/** Runs the program, and tells its configuration and what share of its time was garbage collection. */
export async function program(configuration, run) {
  let gcMs = 0
  const observer = new PerformanceObserver(list => {
    for (const { duration } of list.getEntries()) gcMs += duration
  })
  observer.observe({ entryTypes: ['gc'] })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  // Its first second is the compiler's.
  setTimeout(() => delay.enable(), 1000).unref()
  await run()
  const ms = performance.now() - start
  // Entries come in a later turn of the event loop.
  await nextTurn()
  console.log(JSON.stringify({ configuration, gcShare: gcMs / ms, loopP99: delay.percentile(99) / 1e6 }))
}

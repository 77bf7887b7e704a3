import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createProducer } from '../../src/index.js'
import { startBroker } from './broker.js'
import { feed } from './feed.js'

/** Parts of the run, after each of which memory is looked at. */
const PARTS = 20
const MIB = 1 << 20

/**
 * The process may be so much larger at the end than when a fifth of the run was over: what the producer keeps of buffers fills up
 * to 8 MiB as odd sizes come, and what the garbage collector leaves for later varies.
 */
const flat = (early: number, late: number): boolean => late <= early * 1.1 + 10

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Many records through one producer: what the process takes must not grow with them. */
export async function longRun(records: number): Promise<void> {
  const broker = await startBroker({ nodes: 1, partitions: 3 })
  const producer = createProducer({ brokers: broker.addresses, bufferMemory: 64 * MIB })
  const value = 'x'.repeat(100)
  const part = Math.ceil(records / PARTS)
  const rows: { records: number; 'records/s': number; 'RSS MiB': number; 'heap MiB': number; 'other MiB': number }[] =
    []
  for (let sent = part; sent <= part * PARTS; sent += part) {
    const start = performance.now()
    await feed(producer, 'sendBatches', part, () => ({ topic: 't', value }), 32 * MIB)
    const took = performance.now() - start
    const { rss } = process.memoryUsage()
    gc()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    rows.push({
      records: sent,
      'records/s': Math.round((part * 1000) / took),
      'RSS MiB': Math.round(rss / MIB),
      'heap MiB': Number((heapUsed / MIB).toFixed(1)),
      'other MiB': Number((arrayBuffers / MIB).toFixed(1)),
    })
  }
  const { records: counted, violations } = await broker.status()
  await producer.close()
  await broker.stop()
  if (violations.length > 0) throw new Error(violations.join('\n'))
  if (counted !== part * PARTS) throw new Error(`${part * PARTS} records were acked, the broker counted ${counted}`)

  console.log('RSS before, heap and buffers outside of it after a collection')
  console.table(rows)
  const early = rows[PARTS / 5 - 1]!
  const late = rows[PARTS - 1]!
  for (const what of ['RSS MiB', 'heap MiB', 'other MiB'] as const) {
    const ok = flat(early[what], late[what])
    console.log(`${what}: ${early[what]} after a fifth of the run, ${late[what]} at its end: ${ok ? 'flat' : 'GROWS'}`)
    if (!ok) process.exitCode = 1
  }
}

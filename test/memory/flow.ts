/**
 * Moves records through a broker that is slow at first, in one form of a stream, and tells how much memory that took. Run by
 * `run.ts`, one process a form: memory that one form has had would stand in another's figures.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { lastValueFrom } from 'rxjs'
import { createProducer, type Producer } from '../../src/index.js'
import { BUFFER_MEMORY, FORMS, SLOW_MS, taken } from './forms.js'

const WARM_UP = 200_000

export interface Flow {
  readonly form: string
  readonly records: number
  readonly stored: number
  /** Records that are not where they should be. */
  readonly wrong: number
  /** How many had been taken from the source when the slow time was over. */
  readonly takenWhileSlow: number
  /** In bytes. */
  readonly peakBuffer: number
  readonly peakRss: number
}

/** Sends with next to nothing in the buffer, and tells how large a process gets by that alone. */
async function warmUp(producer: Producer): Promise<number> {
  let rss = 0
  for (let i = 0; i < WARM_UP; i += 1_000) {
    const records = Array.from({ length: 1_000 }, (_, j) => ({ topic: 'warm', value: `${i + j}`.padEnd(100, 'x') }))
    await lastValueFrom(producer.publish(records))
    rss = Math.max(rss, process.memoryUsage.rss())
  }
  return rss
}

async function flow(form: string, count: number): Promise<Flow> {
  const broker: ChildProcess = fork(new URL('./broker.ts', import.meta.url), { execArgv: ['--import', 'tsx'] })
  const [{ brokers }] = (await once(broker, 'message')) as [{ brokers: string[] }]
  const producer = createProducer({ brokers, bufferMemory: BUFFER_MEMORY, batchSize: 32_768 })
  const before = await warmUp(producer)
  let [peakBuffer, peakRss, takenWhileSlow] = [0, 0, 0]
  const watching = setInterval(() => {
    peakBuffer = Math.max(peakBuffer, producer.bufferedBytes)
    peakRss = Math.max(peakRss, process.memoryUsage.rss() - before)
  }, 10)
  broker.send('slow')
  setTimeout(() => {
    takenWhileSlow = taken
    broker.send('fast')
  }, SLOW_MS)
  await FORMS[form]!(producer, count)
  clearInterval(watching)
  await producer.close()
  broker.send({ count })
  const [{ stored, wrong }] = (await once(broker, 'message')) as [{ stored: number; wrong: number }]
  broker.disconnect()
  return { form, records: count, stored, wrong, takenWhileSlow, peakBuffer, peakRss }
}

const [form, count] = process.argv.slice(2)
process.send!(await flow(form!, Number(count)))
process.disconnect()

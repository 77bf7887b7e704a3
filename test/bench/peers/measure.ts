/** One producer, one run: started as a process, watched from the brokers, and held to what it should have sent. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Watched } from '../broker.js'
import type { Peer, Settings } from './catalog.js'
import type { Tools } from './setup.js'

/** What producers write to. */
export interface Target {
  /** `host:port` of each node. */
  readonly addresses: readonly string[]
  /** Counts from 0 on: what is written to this topic. */
  begin(topic: string, partitions: number): Promise<unknown>
  /** What has been counted, and what was wrong with it. */
  status(): Promise<{ readonly records: number; readonly violations: readonly string[] }>
  /** Measures the process `pid` from the moment when `from` records are counted to when there are `records` more. */
  watch(pid: number, from: number, records: number): Promise<Watched>
}

export interface Run extends Watched {
  /** Of garbage collection in the time of the whole program, where the program can tell it. */
  readonly gcShare?: number
  /** How late the event loop was, p99 in ms, where the program has one. */
  readonly loopP99?: number
  readonly configuration: string
}

export interface Load {
  readonly size: number
  readonly codec?: string
  readonly megabytes?: number
  readonly ca?: string
  readonly batchBytes: number
  readonly lingerMs: number
}

/**
 * Parts of a run, in seconds: until everything is compiled and buffers have their size, measured, and left running. After
 * half a second a quarter of rx-kafka's CPU time was the compiler's.
 */
const WARM_UP = 2
const TAIL = 0.1
/** When a producer is calibrated: it runs for so many seconds before its rate is taken, over so many ms. */
const CALIBRATION_WARM_UP = 0.7
const CALIBRATION_MS = 400
/** No run takes longer. */
const LONGEST_MS = 60_000
export const PARTITIONS = 3
const BUFFER_BYTES = 64 << 20
const MAX_IN_FLIGHT = 4

export class Bench {
  readonly #target: Target
  readonly #tools: Tools
  #topics = 0
  #child: ChildProcess | undefined

  constructor(target: Target, tools: Tools) {
    this.#target = target
    this.#tools = tools
  }

  /** Ends what was started and still runs. */
  stop(): void {
    this.#child?.kill('SIGKILL')
  }

  /** How many records a second a producer writes, roughly. */
  async calibrate(peer: Peer, load: Load): Promise<number> {
    const { child, output } = await this.#start(peer, load, 1_000_000_000)
    try {
      const deadline = performance.now() + LONGEST_MS
      while ((await this.#target.status()).records === 0) {
        if (child.exitCode !== null) throw new Error(`it ended before it wrote: ${complaint(await output)}`)
        if (performance.now() > deadline) throw new Error('it wrote nothing')
        await sleep(20)
      }
      await sleep(1000 * (peer.warmUpSeconds ?? CALIBRATION_WARM_UP))
      const begin = await this.#target.status()
      const start = performance.now()
      await sleep(CALIBRATION_MS)
      const end = await this.#target.status()
      const rate = ((end.records - begin.records) * 1000) / (performance.now() - start)
      // Slow ones with large batches may send nothing for so long.
      return Math.max(rate, end.records / 10)
    } finally {
      child.kill('SIGKILL')
      await output
      // What it had written to its socket still comes.
      await sleep(100)
    }
  }

  /** @param rate records a second, as calibrated. */
  async run(peer: Peer, load: Load, rate: number, seconds: number): Promise<Run> {
    const from = Math.ceil(rate * (peer.warmUpSeconds ?? WARM_UP))
    const measured = Math.ceil(rate * seconds)
    const records = from + measured + Math.ceil(rate * TAIL)
    const { child, command, output } = await this.#start(peer, load, records)
    const watched = this.#target.watch(child.pid!, from, measured)
    // Where the producer ends too early the count is never reached.
    watched.catch(() => {})
    const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS)
    const text = await output
    clearTimeout(timer)
    if (child.exitCode !== 0) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}: ${complaint(text)}`)
    const { records: counted, violations } = await this.#target.status()
    if (counted !== records) throw new Error(`the broker counted ${counted} records of ${records}`)
    if (violations.length > 0) throw new Error(violations.join('; '))
    const { configuration, ...rest } = command.configuration ? { configuration: command.configuration } : lastLine(text)
    return { ...(await watched), ...rest, configuration }
  }

  async #start(peer: Peer, load: Load, records: number) {
    const topic = `topic-${++this.#topics}`
    await this.#target.begin(topic, PARTITIONS)
    const settings: Settings = {
      ...load,
      ...{ brokers: this.#target.addresses, topic, partitions: PARTITIONS, records },
      ...{ bufferBytes: BUFFER_BYTES, maxInFlight: peer.maxInFlight ?? MAX_IN_FLIGHT },
    }
    const command = peer.command(settings, this.#tools)
    const [program, ...args] = command.argv
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    return { child, command, output: outputOf(child) }
  }
}

/** All that it says, when it has ended. */
async function outputOf(child: ChildProcess): Promise<string> {
  let text = ''
  child.stdout!.on('data', chunk => {
    text += chunk
  })
  child.stderr!.on('data', chunk => {
    text += chunk
  })
  await once(child, 'close')
  return text
}

/** What went wrong, without the places in the code where it did. */
function complaint(text: string): string {
  const lines = text.split('\n').filter(line => !/^\s+at |^\s*\^?\s*$/.test(line))
  return lines.slice(0, 8).join(' ').slice(0, 500)
}

function lastLine(text: string): { configuration: string; gcShare: number } {
  return JSON.parse(text.trim().split('\n').at(-1)!)
}

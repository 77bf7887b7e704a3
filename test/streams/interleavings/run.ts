import type { InjectedFault } from '../../../src/testing/index.js'
import { Random } from '../../support/random.js'
import { startWorld, type World } from '../../support/world.js'
import { type Driven, drive } from './drive.js'
import { Item, Logs, SLOWEST_MS, StreamLog } from './log.js'
import type { Script, Step, StreamPlan } from './script.js'

/** A call of `flush()` or `close()`. */
export interface Call {
  readonly kind: 'flush' | 'close'
  readonly patience: AbortSignal | undefined
  /** How long it may take, in ms. */
  readonly limitMs: number | undefined
  readonly calledAt: number
  endedAt: number
  /** `pending` if it has never ended; else `done`, or what it was rejected with. */
  outcome: unknown
}

export interface Outcome {
  readonly script: Script
  readonly streams: readonly StreamLog[]
  readonly logs: Logs
  readonly calls: readonly Call[]
  readonly events: readonly string[]
  readonly left: { readonly bytes: number; readonly connections: number; readonly timers: number }
  /** What was seen to be wrong while it ran. */
  readonly wrong: readonly string[]
}

/** What a source fails with, and what signals are aborted with. */
export class SourceError extends Error {
  override readonly name: string = 'SourceError'
}
export class AbortReason extends Error {
  override readonly name: string = 'AbortReason'
}

/** Runs a script in virtual time; then everything is healed, given time, and closed. */
export async function run(script: Script): Promise<Outcome> {
  const { partitions, latencyMs, ...cluster } = script.cluster
  const world = await startWorld({
    cluster: { ...cluster, topics: { t: { partitions } } },
    producer: { ...script.producer, random: new Random(script.seed).next },
    latencyMs,
  })
  return new Run(world, script).whole()
}

interface Running {
  readonly log: StreamLog
  readonly abort: AbortController
  driven: Driven | undefined
  reads: boolean
}

class Run {
  readonly #world: World
  readonly #script: Script
  readonly #logs: Logs
  readonly #streams: readonly Running[]
  readonly #calls: Call[] = []
  readonly #faults: InjectedFault[] = []
  readonly #down = new Set<number>()
  readonly #wrong: string[] = []
  #numbers = 0

  constructor(world: World, script: Script) {
    this.#world = world
    this.#script = script
    this.#logs = new Logs(world)
    this.#streams = script.streams.map(plan => {
      const log = new StreamLog(plan, this.#logs)
      return { log, abort: new AbortController(), driven: undefined, reads: plan.reads }
    })
    for (const stream of this.#streams) if (stream.log.plan.form !== 'publish iterable') this.#open(stream)
  }

  async whole(): Promise<Outcome> {
    const { time, cluster, producer, network, events } = this.#world
    for (const step of this.#script.steps) {
      await time.advance(step.wait)
      await this.#do(step)
      this.#logs.sample()
    }
    await this.#heal()
    const ended = (): boolean => this.#streams.every(({ log }) => log.over || !log.causes.has('end'))
    await this.#within(ended)
    if (!ended()) this.#wrong.push('a stream whose source has ended does not end')
    await this.#within(() => this.#calls.every(({ outcome }) => outcome !== 'pending'))
    for (const { kind, outcome } of this.#calls)
      if (outcome === 'pending') this.#wrong.push(`18: ${kind}() does not end`)
    this.#call('close', producer.close(), undefined)
    await this.#within(() => this.#streams.every(({ log }) => log.over))
    await this.#within(() => this.#calls.every(({ outcome }) => outcome !== 'pending'))
    // Serializers, and the patience of calls.
    await time.advance(Math.max(SLOWEST_MS, 500))
    await cluster.stop()
    await time.advance(0)
    return {
      script: this.#script,
      streams: this.#streams.map(({ log }) => log),
      logs: this.#logs,
      calls: this.#calls,
      events: events.map(({ kind }) => kind),
      left: { bytes: producer.bufferedBytes, connections: network.connections, timers: time.pending },
      wrong: this.#wrong,
    }
  }

  /** What does not come about within far more than it may take is for the judge to tell. */
  async #within(goal: () => boolean): Promise<void> {
    const { requestTimeoutMs = 0, deliveryTimeoutMs = 0 } = this.#script.producer
    await this.#world.time.until(goal, 60_000 + 2 * (requestTimeoutMs + deliveryTimeoutMs)).catch(() => undefined)
  }

  #open(stream: Running): void {
    const { log, abort } = stream
    stream.driven ??= drive(
      this.#world,
      log,
      abort.signal,
      () => this.#items(log, log.plan.length, 20, false),
      new SourceError(),
    )
    stream.driven.reading(stream.reads)
  }

  #items(log: StreamLog, count: number, size: number, bad: boolean): Item[] {
    return Array.from({ length: count }, (_, i) => new Item(log, this.#numbers++, size, bad && i === count - 1))
  }

  async #do(step: Step): Promise<void> {
    const { cluster, producer } = this.#world
    switch (step.do) {
      case 'inject':
        this.#faults.push(cluster.inject(step.rule))
        return
      case 'stopNode':
        if (this.#down.has(step.node)) return
        this.#down.add(step.node)
        return cluster.stopNode(step.node)
      case 'startNode':
        if (this.#down.delete(step.node)) await cluster.startNode(step.node)
        return
      case 'flush': {
        const patience = this.#patience(step.patienceMs)
        this.#call('flush', producer.flush(patience && { signal: patience }), patience)
        return
      }
      case 'close': {
        const patience = this.#patience(step.patienceMs)
        const { timeoutMs, patienceMs } = step
        const options = { ...(timeoutMs !== undefined && { timeoutMs }), ...(patience && { signal: patience }) }
        for (const { log } of this.#streams) if (!log.over) log.causes.add('close')
        const limitMs = Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, patienceMs ?? Number.POSITIVE_INFINITY)
        this.#call('close', producer.close(options), patience, limitMs)
        return
      }
      default:
        this.#doTo(this.#streams[step.stream]!, step)
    }
  }

  #doTo(stream: Running, step: Exclude<Step, { do: 'inject' | 'stopNode' | 'startNode' | 'flush' | 'close' }>): void {
    const { log } = stream
    const { causes } = log
    if (step.do === 'stopReading' || step.do === 'readOn') {
      stream.reads = step.do === 'readOn'
      stream.driven?.reading(stream.reads)
      return
    }
    if (log.over || ['end', 'fail', 'leave'].some(cause => causes.has(cause))) return
    this.#open(stream)
    if (step.do === 'write') {
      if (log.plan.form === 'publish iterable' || causes.has('abort')) return
      stream.driven!.write(this.#items(log, step.count, step.size, step.bad), step.array)
      return
    }
    // An iterable ends as planned.
    if (log.plan.form === 'publish iterable' && (step.do === 'end' || step.do === 'fail')) return
    causes.add(step.do)
    if (step.do === 'abort') stream.abort.abort(new AbortReason())
    else if (step.do === 'fail') stream.driven!.fail(new SourceError())
    else stream.driven![step.do]()
  }

  #patience(ms: number | undefined): AbortSignal | undefined {
    if (ms === undefined) return undefined
    const abort = new AbortController()
    this.#world.time.schedule(() => abort.abort(new AbortReason()), ms)
    return abort.signal
  }

  #call(kind: Call['kind'], promise: Promise<void>, patience: AbortSignal | undefined, limitMs?: number): void {
    const calledAt = this.#world.time.now()
    const call: Call = { kind, patience, limitMs, calledAt, endedAt: Number.POSITIVE_INFINITY, outcome: 'pending' }
    this.#calls.push(call)
    const awaited = this.#streams.map(stream => ({ stream, numbers: [...stream.log.looked] }))
    promise.then(
      async () => {
        call.outcome = 'done'
        call.endedAt = this.#world.time.now()
        const late = new Set(awaited.filter(({ stream }) => !this.#settled(kind, stream, awaited)))
        // What streams of Node and of the web tell comes a moment later.
        await new Promise(resolve => setImmediate(resolve))
        for (const { stream } of late) {
          if (!isStream(stream.log.plan) || !this.#settled(kind, stream, awaited)) {
            this.#wrong.push(`${kind}() resolved while stream ${this.#streams.indexOf(stream)} was owed something`)
          }
        }
      },
      error => {
        call.outcome = error
        call.endedAt = this.#world.time.now()
      },
    )
  }

  #settled(
    kind: Call['kind'],
    stream: Running,
    awaited: readonly { readonly stream: Running; readonly numbers: readonly number[] }[],
  ): boolean {
    const { log, reads } = stream
    if (log.over || !reads) return true
    if (kind === 'close' && stream.driven !== undefined) return false
    const told = new Set(log.told.map(({ number }) => number))
    const { numbers } = awaited.find(one => one.stream === stream)!
    if (givesAcks(log.plan)) return numbers.every(number => told.has(number))
    return !log.plan.onFailed || numbers.every(number => told.has(number) || this.#logs.stored.has(number))
  }

  async #heal(): Promise<void> {
    const { cluster, network } = this.#world
    for (const fault of this.#faults) fault.remove()
    for (const node of this.#down) await cluster.startNode(node)
    // A connection that is read slowly stays so until it ends.
    for (const broker of cluster.brokers) {
      const [host, port] = broker.split(':')
      network.cut({ host: host!, port: Number(port) })
    }
    for (const [i, stream] of this.#streams.entries()) {
      this.#doTo(stream, { wait: 0, do: 'readOn', stream: i })
      this.#open(stream)
      // Some are left open for close() to end.
      if ((this.#script.seed + i) % 4 !== 0) this.#doTo(stream, { wait: 0, do: 'end', stream: i })
    }
    for (const { log } of this.#streams) {
      if (!log.over && !log.causes.has('end')) log.causes.add('close')
    }
  }
}

/** Whether a stream tells of every record. */
export function givesAcks({ form }: StreamPlan): boolean {
  return form !== 'writable' && form !== 'webWritable'
}

/** Whether it is a stream of Node or of the web. */
export function isStream({ form }: StreamPlan): boolean {
  return !/send|publish/.test(form)
}

/** Whether it waits for room. */
export function canWait({ form }: StreamPlan): boolean {
  return !/send|Observable/.test(form)
}

import { Subscription } from 'rxjs'
import { describe } from '../errors.js'
import type { Producer, ProducerEvent } from '../index.js'
import { Narrator } from './narrator.js'
import { readState } from './read-state.js'
import type { DashboardState, Line, Sample } from './state.js'
import { WindowWatch } from './window-watch.js'

/** Seconds that the sparklines show. */
const HISTORY = 60

/** Everything that is known of a producer, gathered from its metrics, its events and its requests. */
export class Observation {
  /** Undefined while it runs. */
  ended: string | undefined
  readonly history: Sample[] = []
  readonly narrator: Narrator
  readonly #producer: Producer
  readonly #now: () => number
  readonly #watch: WindowWatch
  readonly #connected = new Map<number, boolean>()
  readonly #throttledUntil = new Map<number, number>()
  readonly #life = new Subscription()
  #sample: Sample = { second: 0, recordsPerSecond: 0, latencyMs: 0, bufferUsedBytes: 0 }
  #sampledAt: number
  #acked: number

  /** @param tell gets each line about what happens. */
  constructor(producer: Producer, tell: (line: Line) => void, now: () => number = () => performance.now()) {
    this.#producer = producer
    this.#now = now
    this.narrator = new Narrator(tell)
    this.#watch = new WindowWatch(producer, now, lost => this.narrator.lost(lost))
    this.#sampledAt = now()
    this.#acked = producer.metrics().recordAckTotal
    this.#life.add(producer.events$.subscribe({ next: event => this.#happened(event), complete: () => this.#closed() }))
    this.#life.add(() => this.#watch.stop())
  }

  stop(): void {
    this.#life.unsubscribe()
  }

  /** Whether records wait for their acks. */
  get isBusy(): boolean {
    return this.#producer.bufferedBytes > 0
  }

  read(): DashboardState {
    const now = this.#now()
    const metrics = this.#producer.metrics()
    if (now - this.#sampledAt >= 1000) this.#takeSample(now, metrics.recordAckTotal, metrics.bufferUsedBytes)
    const seen = { connected: this.#connected, throttledUntil: this.#throttledUntil }
    const state = readState(metrics, this.#watch, seen, this.#sample, this.ended, now)
    this.narrator.compare(state)
    return state
  }

  /** While nobody looked, the second has no end: the next figures begin now. */
  resume(): void {
    this.#sampledAt = this.#now()
    this.#acked = this.#producer.metrics().recordAckTotal
    this.#watch.answered = { requests: 0, latencyMs: 0 }
  }

  #takeSample(now: number, acked: number, bufferUsedBytes: number): void {
    const { requests, latencyMs } = this.#watch.answered
    this.#sample = {
      second: this.#sample.second + 1,
      recordsPerSecond: ((acked - this.#acked) * 1000) / (now - this.#sampledAt),
      latencyMs: requests === 0 ? this.#sample.latencyMs : latencyMs / requests,
      bufferUsedBytes,
    }
    this.resume()
    this.history.push(this.#sample)
    if (this.history.length > HISTORY) this.history.shift()
  }

  #happened(event: ProducerEvent): void {
    if (event.kind === 'connected') this.#watch.addresses.set(event.nodeId, event.address)
    if (event.kind === 'connected' || event.kind === 'disconnected')
      this.#connected.set(event.nodeId, event.kind === 'connected')
    if (event.kind === 'throttled') this.#throttledUntil.set(event.nodeId, this.#now() + event.throttleTimeMs)
    if (event.kind === 'fatal') this.ended = describe(event.error)
    this.narrator.event(event)
  }

  #closed(): void {
    this.ended ??= 'it is closed'
    this.#connected.clear()
  }
}

import { SingleBar } from 'cli-progress'
import type { Producer } from '../../src/index.js'
import type { Ledger } from './ledger.js'

const FORMAT = '{bar} {percentage}% | {rate} records/s | {acked} acked, {failed} failed | in flight {inFlight}'

/** A bar that shows how the job goes, ten times a second; on something that is no terminal a line every second. */
export class Progress {
  /** The most requests that were in flight to any broker at once. */
  mostInFlight = 0
  readonly #bar = new SingleBar({ format: FORMAT, fps: 10, noTTYOutput: true, notTTYSchedule: 1000, emptyOnZero: true })
  readonly #producer: Producer
  readonly #ledger: Ledger
  readonly #startedAt = Date.now()
  readonly #timer: NodeJS.Timeout

  /** @param totalBytes bytes of the input; 0 if nobody knows. */
  constructor(producer: Producer, ledger: Ledger, totalBytes: number) {
    this.#producer = producer
    this.#ledger = ledger
    this.#bar.start(totalBytes, 0, this.#payload())
    this.#timer = setInterval(() => this.#bar.update(ledger.bytes, this.#payload()), 100)
  }

  /** Looks at the window; to be called often. */
  sample(): void {
    for (const requests of this.#producer.inFlight.values()) this.mostInFlight = Math.max(this.mostInFlight, requests)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#bar.update(this.#ledger.bytes, this.#payload())
    this.#bar.stop()
  }

  #payload(): object {
    const seconds = (Date.now() - this.#startedAt) / 1000
    const { acked, failed } = this.#ledger
    const inFlight = [...this.#producer.inFlight].map(([node, requests]) => `${node}:${requests}`).join(' ')
    return {
      rate: Math.round(acked / Math.max(seconds, 0.001)),
      acked,
      failed,
      inFlight: inFlight === '' ? '-' : inFlight,
    }
  }
}

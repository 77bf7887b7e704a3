import { asyncScheduler, interval, type SchedulerLike, type Subscription } from 'rxjs'
import { clock, count, megabytes } from './format.js'
import type { Tally } from './tally.js'
import type { Terminal } from './terminal.js'

const LIVE_MS = 200
const LINE_MS = 5_000

/** Samples that a rate is taken over: two seconds of a terminal's. */
const SAMPLES = 10

/** What a producer has under way. */
export interface UnderWay {
  readonly inFlight: ReadonlyMap<number, number>
  readonly bufferedBytes: number
}

/** How far it is: a line that changes on a terminal, and otherwise one every few seconds. */
export class Progress {
  readonly #terminal: Terminal
  readonly #tally: Tally
  readonly #producer: UnderWay
  readonly #size: number | undefined
  readonly #samples: {
    readonly at: number
    readonly acked: number
    readonly ackedBytes: number
    readonly readBytes: number
  }[] = []
  readonly #scheduler: SchedulerLike
  #timer: Subscription | undefined

  /** @param size bytes of all inputs, if that is known. */
  constructor(
    terminal: Terminal,
    tally: Tally,
    producer: UnderWay,
    size: number | undefined,
    scheduler: SchedulerLike = asyncScheduler,
  ) {
    this.#scheduler = scheduler
    this.#terminal = terminal
    this.#tally = tally
    this.#producer = producer
    this.#size = size
  }

  start(): void {
    this.#sample()
    const live = this.#terminal.isInteractive
    this.#timer = interval(live ? LIVE_MS : LINE_MS, this.#scheduler).subscribe(() => {
      this.#sample()
      if (live) this.#terminal.status(this.text())
      else this.#terminal.line(this.text())
    })
  }

  stop(): void {
    this.#timer?.unsubscribe()
    this.#terminal.status('')
  }

  text(): string {
    const { acked, failed, readBytes } = this.#tally
    const rate = this.#rate()
    const requests = [...this.#producer.inFlight.values()].reduce((sum, one) => sum + one, 0)
    const parts = [
      `${count(acked)} acked`,
      `${count(rate.acked)}/s`,
      `${megabytes(rate.ackedBytes)}/s`,
      `${requests} in flight, ${megabytes(this.#producer.bufferedBytes)} buffered`,
      `${count(failed)} failed`,
    ]
    const size = this.#size
    if (size !== undefined && size > 0) {
      parts.push(`${Math.floor((Math.min(readBytes, size) / size) * 100)} %`)
      if (rate.readBytes > 0) parts.push(`ETA ${clock((size - readBytes) / rate.readBytes)}`)
    }
    return parts.join('  ')
  }

  #sample(): void {
    const { acked, ackedBytes, readBytes } = this.#tally
    this.#samples.push({ at: this.#scheduler.now(), acked, ackedBytes, readBytes })
    if (this.#samples.length > SAMPLES) this.#samples.shift()
  }

  /** A second's worth of each. */
  #rate(): { readonly acked: number; readonly ackedBytes: number; readonly readBytes: number } {
    const [first, last] = [this.#samples[0]!, this.#samples.at(-1)!]
    const seconds = (last.at - first.at) / 1000 || Number.POSITIVE_INFINITY
    return {
      acked: (last.acked - first.acked) / seconds,
      ackedBytes: (last.ackedBytes - first.ackedBytes) / seconds,
      readBytes: (last.readBytes - first.readBytes) / seconds,
    }
  }
}

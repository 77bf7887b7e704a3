import { SingleBar } from 'cli-progress'
import type { Producer, ProducerEvent } from '../../src/index.js'
import type { Ledger } from './ledger.js'
import { perBroker } from './report.js'

/** How long an event of one kind and place is not told again, in ms: trouble repeats itself ten times a second. */
const QUIET_MS = 5_000
/** Back to the start of the line, and erase it. */
const ERASE_LINE = '\r\x1b[K'

/** How the job goes, on stderr: a bar on a terminal, elsewhere a plain line every second. */
export class Progress {
  /** The most requests that were in flight to each broker at once. */
  readonly mostInFlight: Map<number, number> = new Map()
  readonly #bar: SingleBar | undefined
  readonly #timer: NodeJS.Timeout
  readonly #startedAt = performance.now()
  readonly #producer: Producer
  readonly #ledger: Ledger
  readonly #fraction: () => number
  readonly #told = new Map<string, { at: number; hidden: number }>()

  /** @param fraction how much of the input is done, 0 to 1; NaN if nobody knows. */
  constructor(producer: Producer, ledger: Ledger, fraction: () => number) {
    this.#producer = producer
    this.#ledger = ledger
    this.#fraction = fraction
    if (process.stderr.isTTY) {
      // Ctrl-C must not stop the bar: there is still something to show.
      this.#bar = new SingleBar({ format: '{bar} {line}', barsize: 20, forceRedraw: true, gracefulExit: false })
      this.#bar.start(1, 0, { line: this.#line() })
    }
    this.#timer = setInterval(() => this.#show(), this.#bar === undefined ? 1000 : 100)
  }

  /** Looks at the window; to be called often. */
  sample(): void {
    for (const [node, requests] of this.#producer.inFlight) {
      if (requests > (this.mostInFlight.get(node) ?? 0)) this.mostInFlight.set(node, requests)
    }
  }

  /** A line of its own, above the bar. */
  note(text: string): void {
    process.stderr.write(`${this.#bar === undefined ? '' : ERASE_LINE}${text}\n`)
  }

  /** Tells what went wrong; what went well is in the bar. */
  event(event: ProducerEvent): void {
    if (!('error' in event) && event.kind !== 'throttled') return
    const place =
      'partition' in event ? ` ${event.topic}-${event.partition}` : 'nodeId' in event ? ` broker ${event.nodeId}` : ''
    const what = event.kind === 'throttled' ? `for ${event.throttleTimeMs} ms` : event.error.message
    const told = this.#told.get(event.kind + place)
    const now = performance.now()
    if (told !== undefined && now - told.at < QUIET_MS) {
      told.hidden++
      return
    }
    this.#told.set(event.kind + place, { at: now, hidden: 0 })
    this.note(
      `${event.kind}${place}: ${what}${told?.hidden ? ` (and ${told.hidden} times more since the last line)` : ''}`,
    )
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#show()
    this.#bar?.stop()
  }

  #show(): void {
    if (this.#bar === undefined) console.error(this.#line())
    else this.#bar.update(this.#fraction() || 0, { line: this.#line() })
  }

  #line(): string {
    const seconds = Math.max(0.001, (performance.now() - this.#startedAt) / 1000)
    const { acked, failed, settled } = this.#ledger
    const fraction = this.#fraction()
    const percent = Number.isNaN(fraction) ? '' : `${Math.floor(100 * fraction)}% | `
    const now = perBroker(this.#producer.inFlight)
    const most = Math.max(0, ...this.mostInFlight.values())
    return `${percent}${Math.round(settled / seconds)} records/s | ${acked} acked, ${failed} failed | in flight ${now} (most ${most})`
  }
}

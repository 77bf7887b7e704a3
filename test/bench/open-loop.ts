import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { Subject } from 'rxjs'
import type { Producer, ProducerRecord } from '../../src/index.js'

/** Records of the first so many ms count for nothing: after a change of pace. */
const SETTLE_MS = 300

/** What a record counts for that found no room, because the rate was more than goes: a minute, in ns. */
const REFUSED_NS = 60e9

/** At full speed: emitted in one go, and how many bytes the producer may hold meanwhile. */
const BURST = 1_000
const HELD = 16 << 20

/** Records whose acks are timed. */
class Timed {
  /** When the ack came, in ms, by number: put into a histogram afterwards, for that takes longer than to keep a number. */
  readonly acked: Float64Array
  readonly done: Promise<void>
  readonly #value: string
  readonly #source = new Subject<ProducerRecord<number>>()
  #next = 0

  constructor(producer: Producer, value: string, total: number) {
    this.#value = value
    this.acked = new Float64Array(total)
    this.done = new Promise<void>((complete, error) => {
      this.#source.pipe(producer.send()).subscribe({
        next: ack => {
          this.acked[ack.record.metadata!] = ack.kind === 'acked' ? performance.now() : Number.POSITIVE_INFINITY
        },
        complete,
        error,
      })
    })
  }

  get ended(): boolean {
    return this.#next === this.acked.length
  }

  /** Emits all below this number. */
  emit(below: number): void {
    const end = Math.min(below, this.acked.length)
    while (this.#next < end) this.#source.next({ topic: 't', value: this.#value, metadata: this.#next++ })
    if (this.ended) this.#source.complete()
  }
}

/** Records a second, if the source waits for nothing but the event loop and what the producer holds. */
export async function fullSpeed(producer: Producer, value: string, total: number): Promise<number> {
  const timed = new Timed(producer, value, total)
  const begin = performance.now()
  for (let next = BURST; !timed.ended; ) {
    timed.emit(next)
    if (producer.bufferedBytes < HELD) next += BURST
    await new Promise(resolve => setImmediate(resolve))
  }
  await timed.done
  return (total * 1000) / (performance.now() - begin)
}

/**
 * Sends at a fixed rate whatever becomes of it, and gives the time in ns from when each record *should* have been sent to its
 * ack. So a producer that holds the event loop up for 100 ms has delayed all that was due in that time, not one record
 * (coordinated omission). The source has a timer of 1 ms and emits what is due: half a millisecond of each figure is its own.
 *
 * @param producer with `overflow: 'reject'`.
 * @param rate records a second.
 */
export async function openLoop(
  producer: Producer,
  value: string,
  rate: number,
  seconds: number,
): Promise<RecordableHistogram> {
  const timed = new Timed(producer, value, Math.round(rate * seconds))
  const perMs = rate / 1000
  const begin = performance.now()
  await new Promise<void>(resolve => {
    const tick = (): void => {
      timed.emit((performance.now() - begin) * perMs)
      if (timed.ended) resolve()
      else setTimeout(tick, 1)
    }
    tick()
  })
  await timed.done
  const histogram = createHistogram()
  for (let i = Math.round(SETTLE_MS * perMs); i < timed.acked.length; i++) {
    const ns = Math.min((timed.acked[i]! - begin - i / perMs) * 1e6, REFUSED_NS)
    histogram.record(Math.max(1, Math.round(ns)))
  }
  return histogram
}

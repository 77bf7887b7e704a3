import { createHistogram, PerformanceObserver, type RecordableHistogram } from 'node:perf_hooks'

/** What an application feels that lives on the same event loop. */
export interface Delays {
  /** How long a callback waits that is due at any moment, in ns. */
  readonly delay: RecordableHistogram
  /** Pauses of the garbage collector, in ms. */
  readonly longestGc: number
  readonly gcShare: number
}

/**
 * Looks at the event loop while `work` runs. A timer of 1 ms that comes late by 100 has kept a hundred others waiting, by 100,
 * 99, 98 ms …, and counts as that: Node's own `monitorEventLoopDelay` counts it once, as if nobody had come meanwhile.
 */
export async function loopDelay(work: () => Promise<unknown>): Promise<Delays> {
  const delay = createHistogram()
  let longestGc = 0
  let gc = 0
  const observer = new PerformanceObserver(list => {
    for (const { duration } of list.getEntries()) {
      longestGc = Math.max(longestGc, duration)
      gc += duration
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  const begin = performance.now()
  let last = begin
  let timer: NodeJS.Timeout
  const tick = (): void => {
    const now = performance.now()
    for (let late = now - last - 1; late > 0; late--) delay.record(Math.max(1, Math.round(late * 1e6)))
    last = now
    timer = setTimeout(tick, 1)
  }
  timer = setTimeout(tick, 1)
  await work()
  clearTimeout(timer!)
  const took = performance.now() - begin
  // It hears of the last pauses a turn later.
  await new Promise(resolve => setImmediate(resolve))
  observer.disconnect()
  return { delay, longestGc, gcShare: gc / took }
}

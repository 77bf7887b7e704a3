/** A piece of work that is timed as often as there are rounds. */
export interface Stage {
  readonly name: string
  /** What its cost is counted by. */
  readonly unit: 'record' | 'batch' | 'request'
  /** How many of these one run is. Milliseconds' worth: a run must be long for the clock and short for the scheduler. */
  readonly count: number
  /** How far above its baseline it may be, if that is not for all the same. */
  readonly bound?: number
  run(): Promise<void> | void
  /** Not timed: makes ready for the next run. */
  reset?(): void
}

export interface Measured {
  readonly stage: Stage
  /** Median, in ns a unit. */
  readonly ns: number
  /** To the calibration that ran just before it, a unit by a unit: median. It holds where clocks and CPUs differ. */
  readonly ratio: number
}

/**
 * The work that others are compared with: what a producer does to a record, in its smallest form. An object is made and kept
 * for a while, a string copied by native code and a short one by a loop, and a few varints are computed.
 */
const CALIBRATION = calibration(10_000)

function calibration(count: number): Stage {
  const value = 'x'.repeat(100)
  const key = 'a-key-of-16-char'
  const buffer = Buffer.alloc(65_536)
  let kept: { readonly value: string; readonly at: number }[] = []
  return {
    name: 'calibration',
    unit: 'record',
    count,
    run() {
      let position = 0
      for (let i = 0; i < count; i++) {
        if (position > 65_000) {
          position = 0
          kept = []
        }
        kept.push({ value, at: i })
        for (let rest = i << 1; rest !== 0; rest >>>= 7) buffer[position++] = (rest & 0x7f) | 0x80
        for (let j = 0; j < key.length; j++) buffer[position++] = key.charCodeAt(j)
        position += buffer.write(value, position, 'latin1')
      }
    },
  }
}

/** Stages take turns, each behind a calibration of its own, for as many seconds as given. The first rounds warm up. */
export async function measure(stages: readonly Stage[], seconds: number): Promise<Measured[]> {
  const runs = stages.map(stage => ({ stage, ns: [] as number[], ratios: [] as number[] }))
  const begin = performance.now()
  const warm = begin + Math.min(seconds / 5, 5) * 1000
  const end = begin + seconds * 1000
  let round = 0
  while (performance.now() < end || round < 3) {
    const counts = performance.now() >= warm || ++round === 2
    for (const { stage, ns, ratios } of runs) {
      const base = await time(CALIBRATION)
      const one = await time(stage)
      if (!counts) continue
      ns.push(one)
      ratios.push(one / base)
    }
    round++
  }
  return runs.map(({ stage, ns, ratios }) => ({ stage, ns: median(ns), ratio: median(ratios) }))
}

/** One run, in ns a unit. */
async function time(stage: Stage): Promise<number> {
  const start = process.hrtime.bigint()
  const done = stage.run()
  // A stage that ends at once is not to pay for a turn of the microtasks.
  if (done !== undefined) await done
  const took = Number(process.hrtime.bigint() - start)
  stage.reset?.()
  return took / stage.count
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

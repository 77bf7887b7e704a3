import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { add, type Coverage } from './coverage.js'
import type { SuiteName } from './suite.js'
import type { Failure, Range, Report } from './worker.js'

/** Seeds that a process is given at a time. */
const RANGE = 20

export interface ManyOptions {
  readonly suite: SuiteName
  /** The first seed; the others follow it. */
  readonly seed: number
  readonly schedules: number
  readonly workers: number
  /** Called whenever some more are done. */
  readonly progress?: (done: number) => void
}

/** Runs the schedules of so many seeds, in several processes; stops soon after the first failure. */
export async function runMany(options: ManyOptions): Promise<{ coverage: Coverage; failures: Failure[] }> {
  const { suite, seed, schedules, workers, progress } = options
  const coverage: Coverage = {}
  const failures: Failure[] = []
  let next = seed
  const end = seed + schedules
  const work = async (child: ChildProcess): Promise<void> => {
    while (next < end && failures.length === 0) {
      const range: Range = { suite, from: next, count: Math.min(RANGE, end - next) }
      next += range.count
      child.send(range)
      const report = await reportOf(child)
      add(coverage, report.coverage)
      failures.push(...report.failures)
      progress?.(coverage.schedules ?? 0)
    }
  }
  const children = Array.from({ length: workers }, () =>
    fork(new URL('./worker.ts', import.meta.url), { execArgv: ['--import', 'tsx'] }),
  )
  try {
    await Promise.all(children.map(work))
  } finally {
    for (const child of children) child.disconnect()
  }
  failures.sort((a, b) => a.seed - b.seed)
  return { coverage, failures }
}

async function reportOf(child: ChildProcess): Promise<Report> {
  const over = new AbortController()
  const { signal } = over
  try {
    const [report] = await Promise.race([
      once(child, 'message', { signal }),
      once(child, 'exit', { signal }).then(([code, killedBy]) => {
        throw new Error(`a process that runs schedules ended by itself: ${code ?? killedBy}`)
      }),
    ])
    return report as Report
  } finally {
    over.abort()
  }
}

/** A process that runs ranges of seeds for {@link runMany}, until it is disconnected. */
import { add, type Coverage } from './coverage.js'
import type { SuiteName } from './suite.js'
import { SUITES } from './suites.js'

export interface Range {
  readonly suite: SuiteName
  readonly from: number
  readonly count: number
}

export interface Report {
  readonly coverage: Coverage
  readonly failures: readonly Failure[]
}

export interface Failure {
  readonly seed: number
  readonly found: readonly string[]
}

process.on('message', async ({ suite, from, count }: Range) => {
  const { generate, judge } = SUITES[suite]
  const coverage: Coverage = {}
  const failures: Failure[] = []
  for (let seed = from; seed < from + count; seed++) {
    const { found, coverage: more } = await judge(generate(seed))
    add(coverage, more)
    if (found.length > 0) failures.push({ seed, found })
  }
  process.send!({ coverage, failures } satisfies Report)
})

import { type Coverage, coverageOf } from './coverage.js'
import { findings } from './oracle.js'
import { run } from './run.js'
import type { Schedule } from './schedule.js'
import { watched } from './watched.js'

/** Runs a schedule; what is wrong with it, and what it came across. */
export function judge(schedule: Schedule): Promise<{ found: string[]; coverage: Coverage }> {
  return watched(async () => {
    const history = await run(schedule)
    return { found: findings(history), coverage: coverageOf(history) }
  })
}

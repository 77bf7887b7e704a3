import type { Coverage } from '../coverage.js'
import { watched } from '../watched.js'
import { coverageOf } from './coverage.js'
import { findings } from './oracle.js'
import { run } from './run.js'
import type { TransactionSchedule } from './schedule.js'

/** Runs a schedule; what is wrong with it, and what it came across. */
export function judge(schedule: TransactionSchedule): Promise<{ found: string[]; coverage: Coverage }> {
  return watched(async () => {
    const history = await run(schedule)
    return { found: findings(history), coverage: coverageOf(history) }
  })
}

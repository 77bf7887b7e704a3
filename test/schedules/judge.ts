import { type Coverage, coverageOf } from './coverage.js'
import { findings } from './oracle.js'
import { run } from './run.js'
import type { Schedule } from './schedule.js'

/** Runs a schedule; what is wrong with it, and what it came across. */
export async function judge(schedule: Schedule): Promise<{ found: string[]; coverage: Coverage }> {
  try {
    const history = await run(schedule)
    return { found: findings(history), coverage: coverageOf(history) }
  } catch (error) {
    return { found: [`the run itself failed: ${(error as Error).stack}`], coverage: {} }
  }
}

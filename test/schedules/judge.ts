import { type Coverage, coverageOf } from './coverage.js'
import { findings } from './oracle.js'
import { run } from './run.js'
import type { Schedule } from './schedule.js'

/** Runs a schedule; what is wrong with it, and what it came across. */
export async function judge(schedule: Schedule): Promise<{ found: string[]; coverage: Coverage }> {
  const thrown: string[] = []
  const note = (error: Error): void => void thrown.push(`thrown where nobody catches it: ${error.stack}`)
  // RxJS throws errors that no subscriber takes into the event loop.
  process.on('uncaughtException', note)
  try {
    const history = await run(schedule)
    return { found: [...thrown, ...findings(history)], coverage: coverageOf(history) }
  } catch (error) {
    return { found: [...thrown, `the run itself failed: ${(error as Error).stack}`], coverage: {} }
  } finally {
    process.off('uncaughtException', note)
  }
}

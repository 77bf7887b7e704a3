import type { Coverage } from './coverage.js'

interface Judged {
  readonly found: string[]
  readonly coverage: Coverage
}

/** Adds what is thrown where nobody catches it, and what the run itself throws. */
export async function watched(judge: () => Promise<Judged>): Promise<Judged> {
  const thrown: string[] = []
  const note = (error: Error): void => void thrown.push(`thrown where nobody catches it: ${error.stack}`)
  // RxJS throws errors that no subscriber takes into the event loop.
  process.on('uncaughtException', note)
  try {
    const { found, coverage } = await judge()
    return { found: [...thrown, ...found], coverage }
  } catch (error) {
    return { found: [...thrown, `the run itself failed: ${(error as Error).stack}`], coverage: {} }
  } finally {
    process.off('uncaughtException', note)
  }
}
